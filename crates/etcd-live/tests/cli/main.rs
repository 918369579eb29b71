//! `etcd-test`, command by command and option by option, on one member.

mod command_under_lock;
mod conditions;
mod keys;
mod lock;
mod output;
mod process_group;
mod status;
mod watch;

use std::process::Command;

use etcd_live::etcd::{cluster, servers};
use etcd_live::members::Cluster;
use etcd_live::program::EtcdTest;
use serde_json::Value;

/// A member, and `etcd-test` on it.
fn one_member() -> (Cluster, EtcdTest) {
    let cluster = cluster(1);
    let etcd_test = EtcdTest::on(servers(&cluster));
    (cluster, etcd_test)
}

/// Lines of JSON.
fn json(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

/// An index as `set` and `lock` print it: a line with a number.
fn index(printed: &str) -> u64 {
    let line = printed.strip_suffix('\n').expect("an index is a line");
    line.parse().expect("an index is a number")
}

/// A shell that goes on as `script` says.
fn shell(script: &str) -> [&str; 4] {
    ["--", "sh", "-c", script]
}

/// The same command with something in its environment.
fn with(mut command: Command, variable: &str, value: &str) -> Command {
    command.env(variable, value);
    command
}
