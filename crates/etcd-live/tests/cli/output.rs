//! What reaches a terminal, a pipe and a line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use etcd_client::blocking::Session;
use etcd_live::etcd::servers;
use etcd_live::program::start;
use nix::pty::openpty;

use crate::{index, one_member};

/// Clears the screen, sets a title, turns text around, and C1's own way to do the first.
const EVIL: &str = "a\u{1b}[2J\u{1b}]0;title\u{7}\u{202e}b\u{9b}2J\u{7f}\r";

#[test]
fn no_control_character_reaches_a_terminal() {
    let (_cluster, etcd_test) = one_member();
    etcd_test.prints(["set", &format!("dir/{EVIL}"), EVIL]);
    etcd_test.prints(["set", "value", EVIL]);
    let evil_key = format!("dir/{EVIL}");
    let cases: [&[&str]; 10] = [
        &["get", "value"],
        &["get", "value", "-o", "json"],
        &["list", "dir"],
        &["list", "dir", "-o", "json"],
        &["tree"],
        &["tree", "-o", "json"],
        &["watch", "-i", "1", "--count", "2"],
        &["get", EVIL],
        &["set", "-p", "x", &evil_key, "x"],
        &["set", "-t", EVIL, "k", "v"],
    ];
    for args in cases {
        let shown = on_terminal(etcd_test.command(args));
        // The terminal itself makes `\r\n` of each line's end.
        let shown = shown.replace("\r\n", "\n");
        let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!shown.contains(harmful), "{args:?}: {shown:?}");
        assert!(shown.contains("[2J"), "{args:?}: {shown:?}");
    }
    let raw = on_terminal(etcd_test.command(["get", "--raw", "value"]));
    assert_eq!(raw, EVIL, "raw is asked for");
    assert_eq!(etcd_test.prints(["get", "value"]), format!("{EVIL}\n"), "no terminal");
}

#[test]
fn a_newline_cannot_forge_a_line() {
    let (_cluster, etcd_test) = one_member();
    let key = "dir/a\n99 set /forged\r\u{2028}x";
    let first = index(&etcd_test.prints(["set", key, "v\n98 set /forged 1"]));
    let escaped = "/dir/a\\n99 set /forged\\r\\u{2028}x";
    let list = etcd_test.prints(["list", "dir"]);
    // In text `/` ends a directory's name, in the store too.
    assert_eq!(list, "/dir/a\\n99 set /\n");
    let list = etcd_test.prints(["list", "dir/a\n99 set "]);
    assert_eq!(list, format!("{escaped}\n"));
    let tree = etcd_test.prints(["tree", "dir"]);
    assert_eq!(tree, "dir\n└── a\\n99 set /\n    └── forged\\r\\u{2028}x\n");

    let from = first.to_string();
    let watch = etcd_test.prints(["watch", "-i", &from, "--count", "1"]);
    assert_eq!(watch, format!("{first} set {escaped} v\\n98 set /forged 1\n"));
    let watch = etcd_test.prints(["watch", "-i", &from, "--count", "1", "-o", "json"]);
    assert_eq!(watch.lines().count(), 1);
    let said = etcd_test.fails(["get", "no\nsuch\nkey"], 3);
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_closed_pipe_is_success_without_a_word() {
    let (cluster, etcd_test) = one_member();
    let session = Session::open_with(&servers(&cluster), etcd_live::etcd::v2()).expect("a session");
    let long = "x".repeat(200);
    // More than a pipe holds.
    for number in 0..500 {
        session.set(format!("many/{long}{number:03}"), "v").expect("it is set");
    }
    let mut listing = etcd_test.command(["list", "many"]).spawn().expect("it starts");
    let mut lines = BufReader::new(listing.stdout.take().expect("a pipe"));
    let mut first = String::new();
    lines.read_line(&mut first).expect("a line");
    drop(lines);
    assert_eq!(first, format!("/many/{long}000\n"));
    let ended = listing.wait_with_output().expect("it ends");
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), b"".as_slice()));

    let commands: [&[&str]; 5] =
        [&["list", "many"], &["tree"], &["get", "many/none"], &["-h"], &["fetch"]];
    for (args, status) in commands.into_iter().zip([0, 0, 3, 0, 2]) {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = etcd_test.command(args);
        command.stdout(writer.try_clone().expect("a pipe")).stderr(writer);
        assert_eq!(start(command).wait().status, status, "{args:?}");
    }
}

#[test]
fn a_full_disk_is_a_failure_that_says_where() {
    let (_cluster, etcd_test) = one_member();
    etcd_test.prints(["set", "k", "v"]);
    let commands: [&[&str]; 4] = [&["get", "k"], &["list"], &["set", "k", "w"], &["leader"]];
    for args in commands {
        let mut command = etcd_test.command(args);
        command.stdout(File::options().write(true).open("/dev/full").expect("it is there"));
        let ended = start(command).wait();
        let said = "etcd-test: cannot write to standard output: No space left on device";
        assert!(ended.status == 1 && ended.stderr.starts_with(said), "{args:?}: {ended:?}");
    }
}

/// What a terminal gets of a command's standard output and standard error.
fn on_terminal(mut command: Command) -> String {
    let terminal = openpty(None, None).expect("a terminal");
    let mut ours = File::from(terminal.master);
    let theirs = File::from(terminal.slave);
    command.stdin(Stdio::null()).stdout(theirs.try_clone().expect("a terminal")).stderr(theirs);
    let reader = std::thread::spawn(move || {
        let mut shown = Vec::new();
        // Where the last writer of a terminal is gone, reading it is an error.
        let _ = ours.read_to_end(&mut shown);
        shown
    });
    start(command).wait();
    String::from_utf8(reader.join().expect("it is read")).expect("what is shown is UTF-8")
}
