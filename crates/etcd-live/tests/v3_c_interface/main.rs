//! Programs of C on real members over the v3 API, the oldest etcd and the newest.

#![allow(clippy::unwrap_used)]

#[path = "../../../etcd-capi/tests/c/build.rs"]
#[allow(dead_code, reason = "the crate's own tests use more of it")]
mod build;
#[path = "../c_interface/examples.rs"]
mod examples;

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
        examples::work_on(&servers(&cluster));
    }
}
