//! The command line: what is refused, and what is said before anything happens.

use std::process::{Command, Output};

fn leader_demo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_leader-demo"))
        .args(arguments)
        .env_remove("ETCD_SERVERS")
        .output()
        .expect("the binary runs")
}

#[test]
fn usage_errors_end_with_status_2_and_name_what_is_wrong() {
    let cases: [(&[&str], &str); 11] = [
        (&[], "--servers"),
        (&["-s", "a:1", "-n", ""], "must not be empty"),
        (&["-s", "a:1", "-n", "a,b"], "','"),
        (&["-s", "a:1", "-f", "high"], "a whole number of 64 bits, such as 42 or -1, and \"high\""),
        (&["-s", "a:1", "-k", ""], "--key"),
        (&["-s", "a:1", "surplus"], "surplus"),
        (&["-s", "a:not-a-port"], "not-a-port"),
        (&["-s", "my host:2379"], "\"my host:2379\""),
        (&["-s", "a:1", "-k", ".."], "\"..\" is not a key"),
        (&["-s", "a:1", "-k", "a/./b"], "\"a/./b\" is not a key"),
        (&["-s", "a:1", "-k", "/"], "\"/\" is not a key that can hold a vote"),
    ];
    for (arguments, named) in cases {
        let output = leader_demo(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(named), "{arguments:?}: {errors}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_names_the_options_their_defaults_and_the_successor() {
    let output = leader_demo(&["-h"]);
    let help = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    for text in ["--fitness", "42", "--key", "nsr", "--nodename", "host name", "ETCD_SERVERS"] {
        assert!(help.contains(text), "{text} in {help}");
    }
}

#[test]
fn what_was_typed_cannot_move_a_cursor_and_what_is_secret_is_not_shown() {
    let output = leader_demo(&["x\u{1b}]0;title\u{7}\u{9b}2J\u{202e}"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("x\\x1b]0;title\\x07\\x9b2J\\u{202e}"), "{errors:?}");

    let mut command = Command::new(env!("CARGO_BIN_EXE_leader-demo"));
    command.arg("-h").env("ETCD_SERVERS", "http://root:hunter2@h:1");
    let help = command.output().expect("the binary runs").stdout;
    assert!(!String::from_utf8_lossy(&help).contains("hunter2"));
}
