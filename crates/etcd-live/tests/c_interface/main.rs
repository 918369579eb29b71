//! Programs of C on real members, over the v2 API and, where they have it, v3.

#![allow(clippy::unwrap_used)]

#[path = "../../../etcd-capi/tests/c/build.rs"]
#[allow(dead_code, reason = "the crate's own tests use more of it")]
mod build;

use build::{Language, Program};
use etcd_live::etcd::{cluster, servers};

#[test]
fn programs_of_the_tests_pass_on_members() {
    let cluster = cluster(3);
    let servers = servers(&cluster);
    for name in ["ten.c", "new.c"] {
        let program = Program::of_tests(name, Language::C);
        program.succeeds(&[&servers, "v2"]);
    }
}

#[test]
fn the_examples_work_on_a_member() {
    let cluster = cluster(1);
    let servers = servers(&cluster);
    let run = |program: &Program, arguments: &[&str]| {
        let output = program.command().arg(&servers).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let kv = Program::of_examples("kv.c", Language::C);
    run(&kv, &["set", "/c/a", "b"]);
    assert_eq!(run(&kv, &["get", "/c/a"]), "b\n");
    let led = run(&Program::of_examples("leader.c", Language::C), &["/c/leader", "me", "1"]);
    assert!(
        led.starts_with("me leads, with token ") && led.ends_with("me leads no longer\n"),
        "{led}"
    );
}
