//! The programs that are shown to users.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use crate::build::{Language, Program};
use crate::served::Served;

/// What a program prints and how it ends.
fn run(program: &Program, arguments: &[&str]) -> (i32, String, String) {
    let output = program.command().args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn start(program: &Program, arguments: &[&str]) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut child = program.command().args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    (child, lines)
}

fn keys(language: Language) {
    let (served, program) = (Served::start(), Program::of_examples("kv.c", language));
    let servers = served.servers();
    let servers = servers.as_str();
    assert_eq!(run(&program, &[servers, "set", "/a", "x\x1b[31m"]), (0, "".into(), "".into()));
    assert_eq!(run(&program, &[servers, "get", "a"]), (0, "x\\x1b[31m\n".into(), "".into()));
    let (status, _, said) = run(&program, &[servers, "get", "none"]);
    assert_eq!((status, said.starts_with("kv: ")), (3, true), "{said}");
    for wrong in
        [[servers, "get"].as_slice(), &[servers, "watch", "/", "x"], &[servers, "put", "a"]]
    {
        let (status, _, said) = run(&program, wrong);
        assert_eq!((status, said.starts_with("Usage: ")), (2, true), "{wrong:?}: {said}");
    }
    let (status, _, said) = run(&program, &["a:b:c", "get", "/a"]);
    assert_eq!((status, said.contains("a:b:c")), (1, true), "{said}");
    let (mut watching, lines) = start(&program, &[servers, "watch", "/w", "2"]);
    // Nobody can see from outside when it has begun to watch.
    for value in 0.. {
        if watching.try_wait().unwrap().is_some() {
            break;
        }
        run(&program, &[servers, "set", "/other", "1"]);
        run(&program, &[servers, "set", "/w/a", &value.to_string()]);
    }
    assert!(watching.wait().unwrap().success());
    let told: Vec<u64> =
        lines.map(|line| line.split_once(" set /w/a ").unwrap().1.parse().unwrap()).collect();
    assert!(told.len() == 2 && told[1] == told[0] + 1, "{told:?}");
}

#[test]
fn keys_are_read_written_and_watched() {
    keys(Language::C);
}

#[test]
fn cxx_compiles_them_too() {
    keys(Language::Cxx);
    leaders(Language::Cxx);
}

fn leaders(language: Language) {
    let (served, program) = (Served::start(), Program::of_examples("leader.c", language));
    let servers = served.servers();
    let leader = |name| start(&program, &[&servers, "/leader", name, "1"]);
    let (mut first, mut of_first) = leader("a");
    let began = of_first.next().unwrap();
    let (mut second, mut of_second) = leader("b");
    let follows = of_second.next().unwrap();
    assert_eq!(of_first.next().unwrap(), "a leads no longer");
    assert!(first.wait().unwrap().success() && second.wait().unwrap().success());
    let token = |line: &str, name: &str| {
        let token = line.strip_prefix(name).unwrap().strip_prefix(" leads, with token ");
        token.unwrap().parse::<u64>().unwrap()
    };
    assert!(token(&began, "a") < token(&follows, "b"), "{began}, {follows}");
    assert_eq!(run(&program, &[&servers, "/leader", "a", "x"]).0, 2);
}

#[test]
fn one_leads_and_the_next_one_follows() {
    leaders(Language::C);
}
