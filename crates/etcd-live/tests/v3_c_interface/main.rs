//! Programs of C on real members over the v3 API, the oldest etcd and the newest.

#![allow(clippy::unwrap_used)]

#[path = "../../../etcd-capi/tests/c/build.rs"]
#[allow(dead_code, reason = "the crate's own tests use more of it")]
mod build;

use build::{Language, Program};
use etcd_live::etcd::{cluster_of, oldest_and_newest, servers};
use etcd_live::members::Options;

#[test]
fn programs_of_the_tests_pass_on_members() {
    let programs = ["ten.c", "new.c", "forks.c"].map(|name| Program::of_tests(name, Language::C));
    for etcd in oldest_and_newest() {
        let cluster = cluster_of(&etcd, 3, &Options::default());
        let servers = servers(&cluster);
        for program in &programs {
            program.succeeds(&[&servers, "v3"]);
        }
    }
}

#[test]
fn examples_work_on_a_member() {
    for etcd in oldest_and_newest() {
        let cluster = cluster_of(&etcd, 1, &Options::default());
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
        assert!(led.starts_with("me leads, with token "), "{led}");
        assert!(led.ends_with("me leads no longer\n"), "{led}");
    }
}
