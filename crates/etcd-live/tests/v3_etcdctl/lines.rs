//! `lock` and `elect`: who stands in line, and whose turn it is.

use etcd_live::program::Running;
use nix::sys::signal::Signal;

use crate::ctl::{Ctl, lines};

/// Waits until so many stand in line.
fn until_in_line(ctl: &Ctl<'_>, prefix: &str, wanted: usize) {
    for _ in 0..1000 {
        if ctl.prints(&["get", prefix, "--prefix", "--keys-only"]).split_whitespace().count()
            == wanted
        {
            return;
        }
    }
    panic!("never {wanted} in line");
}

fn interrupted(running: Running) {
    running.signal(Signal::SIGINT);
    running.wait();
}

pub(crate) fn a_lock_is_handed_over(ctl: &Ctl<'_>) {
    let first = ctl.start(&["lock", "l"]);
    let key = first.line();
    assert!(key.starts_with("l/"), "{key}");
    ctl.says(&["get", &key, "--keys-only"], &key);
    let second = ctl.start(&["lock", "l"]);
    until_in_line(ctl, "l/", 2);
    interrupted(first);
    let other = second.line();
    assert!(other.starts_with("l/") && other != key, "{other} after {key}");
    interrupted(second);
    ctl.says(&["get", "l/", "--prefix"], "");
}

pub(crate) fn a_lock_is_held_while_a_program_runs(ctl: &Ctl<'_>) {
    ctl.says(&["lock", "l", "/bin/echo", "held"], "held");
    ctl.says(&["lock", "l", "--ttl", "5", "/bin/echo", "held", "again"], "held again");
    let key = ctl.prints(&["lock", "l", "--", "/bin/sh", "-c", "echo $ETCD_LOCK_KEY"]);
    assert!(key.starts_with("l/"), "{key}");
    ctl.fails(&["lock", "l", "/bin/false"], "exit status 1");
    ctl.says(&["get", "l/", "--prefix"], "");
}

pub(crate) fn an_election_has_one_leader_at_a_time(ctl: &Ctl<'_>) {
    let first = ctl.start(&["elect", "e", "one"]);
    let key = first.line();
    lines(&first, &["one"]);
    let listens = ctl.start(&["elect", "--listen", "e"]);
    lines(&listens, &[&key, "one"]);
    let second = ctl.start(&["elect", "e", "two"]);
    until_in_line(ctl, "e/", 2);
    interrupted(first);
    let other = second.line();
    lines(&second, &["two"]);
    assert_ne!(other, key);
    lines(&listens, &[&other, "two"]);
    interrupted(second);
}
