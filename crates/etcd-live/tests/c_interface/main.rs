//! Programs of C on real members, over the v2 API and, where they have it, v3.

#![allow(clippy::unwrap_used)]

#[path = "../../../etcd-capi/tests/c/build.rs"]
#[allow(dead_code, reason = "the crate's own tests use more of it")]
mod build;
mod examples;

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
    examples::work_on(&servers(&cluster));
}
