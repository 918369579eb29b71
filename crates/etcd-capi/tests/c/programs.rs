//! Programs that check each call themselves.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use crate::build::{Language, Program, declared, library_folder};
use crate::served::Served;

const APIS: [&str; 2] = ["v2", "v3"];

/// Runs a program with each API, each on a server of its own.
fn run_on_each(name: &str, arguments: &[&str]) {
    let program = Program::of_tests(name, Language::C);
    for api in APIS {
        let served = Served::start();
        program.succeeds(&[&[&*served.servers(), api], arguments].concat());
    }
}

#[test]
fn the_ten_calls() {
    run_on_each("ten.c", &[]);
}

#[test]
fn what_goes_beyond_them() {
    run_on_each("new.c", &[]);
}

#[test]
fn large_directories_and_values() {
    run_on_each("large.c", &[]);
}

#[test]
fn eight_threads_share_a_session() {
    let full = std::env::var_os("ETCD_LIVE_FULL").is_some();
    run_on_each("threads.c", &[if full { "100000" } else { "20000" }]);
}

#[test]
fn closing_ends_what_other_threads_wait_for() {
    run_on_each("closing.c", &["100"]);
}

#[test]
fn a_child_is_told_that_a_session_is_its_parents() {
    run_on_each("forks.c", &[]);
}

#[test]
fn wrong_arguments_and_random_calls_are_answered() {
    run_on_each("wrong.c", &["4000", "1"]);
}

#[test]
fn errno_masks_and_signals_are_left_alone() {
    let served = Served::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let bad = listener.local_addr().unwrap().to_string();
    thread::spawn(move || listener.incoming().flatten().for_each(hang_up));
    Program::of_tests("signals.c", Language::C).succeeds(&[&served.servers(), &bad]);
}

/// Says that it is etcd 2.3, and hangs up on whatever else is asked, in the middle of it.
fn hang_up(mut stream: TcpStream) {
    const VERSION: &str = r#"{"etcdserver":"2.3.8","etcdcluster":"2.3.0"}"#;
    let mut asked = [0; 1024];
    while let Ok(count @ 1..) = stream.read(&mut asked) {
        if !asked[..count].starts_with(b"GET /version") {
            return;
        }
        let length = VERSION.len();
        let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{VERSION}");
        let _ = stream.write_all(reply.as_bytes());
    }
}

#[test]
fn programs_of_cxx_use_it_too() {
    for (name, arguments) in [("ten.c", [].as_slice()), ("new.c", &[])] {
        let served = Served::start();
        let program = Program::of_tests(name, Language::Cxx);
        program.succeeds(&[&[&*served.servers(), "v3"], arguments].concat());
    }
}

#[test]
fn valgrind_finds_nothing_with_v2() {
    run_under_valgrind("v2");
}

#[test]
fn valgrind_finds_nothing_with_v3() {
    run_under_valgrind("v3");
}

fn run_under_valgrind(api: &str) {
    for (name, arguments) in [
        ("ten.c", [].as_slice()),
        ("new.c", &[]),
        ("closing.c", &["10"]),
        ("wrong.c", &["100", "2"]),
    ] {
        let program = Program::of_tests(name, Language::C);
        let served = Served::start();
        program.succeeds_under_valgrind(&[&[&*served.servers(), api], arguments].concat());
    }
}

#[test]
fn the_library_shows_nothing_but_what_the_header_declares() {
    let library = library_folder().join("libetcd.so");
    let listed = Command::new("nm").args(["-D", "--defined-only"]).arg(library).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let shown: Vec<_> = listed.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    let declared = declared();
    assert!(declared.len() > 20, "{declared:?}");
    assert_eq!(shown, declared);
}
