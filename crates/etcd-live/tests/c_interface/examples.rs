//! The programs that users are shown, on a member.

use crate::build::{Language, Program};

/// Runs both with these servers.
pub(crate) fn work_on(servers: &str) {
    let run = |program: &Program, arguments: &[&str]| {
        let output = program.command().arg(servers).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let kv = Program::of_examples("kv.c", Language::C);
    run(&kv, &["set", "/c/a", "b"]);
    assert_eq!(run(&kv, &["get", "/c/a"]), "b\n");
    let led = run(&Program::of_examples("leader.c", Language::C), &["/c/leader", "me", "1"]);
    assert!(led.starts_with("me leads, with token "), "{led}");
    assert!(led.ends_with("me leads no longer\n"), "{led}");
}
