//! `lock KEY -t TTL -- COMMAND`.

use std::time::{Duration, Instant};

use etcd_live::program::{EtcdTest, Running};
use etcd_live::queue::{queued, until_queued};
use nix::sys::signal::Signal;

use crate::{index, one_member, shell};

/// A command that says where it is, and ends when it is told to.
const STAYS: &str = "echo in; exec sleep 300";
/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn the_command_knows_its_lock_and_its_status_is_passed_on() {
    let (_cluster, etcd_test) = one_member();
    let run = |script| etcd_test.run([["lock", "a b/ü", "-t", "5"], shell(script)].concat());
    let ended = run("echo \"$ETCD_LOCK_KEY|$ETCD_LOCK_INDEX\"; echo trouble >&2; exit 7");
    let (key, at) = ended.stdout.split_once('|').expect("the command ran");
    assert_eq!((ended.status, key, ended.stderr.as_str()), (7, "/a b/ü", "trouble\n"));
    assert!(index(at) > 0);
    assert_eq!(run("kill -9 $$").status, 128 + 9);
    assert_eq!(run("exit 0").status, 0);
    assert_eq!(queued(&etcd_test.session(), "a b/ü"), 0);
}

#[test]
fn a_command_that_cannot_be_started_leaves_no_lock_behind() {
    let (_cluster, etcd_test) = one_member();
    let said = etcd_test.fails(["lock", "k", "-t", "60", "--", "no-such-command"], 1);
    assert!(said.contains("running \"no-such-command\": No such file"), "{said}");
    assert_eq!(queued(&etcd_test.session(), "k"), 0);
}

#[test]
fn the_lock_is_renewed_past_its_ttl_while_another_one_waits() {
    let (_cluster, etcd_test) = one_member();
    let began = Instant::now();
    let first = under_lock(&etcd_test, "4", "echo in; sleep 9; echo out");
    let second = etcd_test.start([["lock", "k", "-t", "4"], shell("echo second")].concat());
    let (out, entered) = (second_line(&first), second.line_within(PATIENCE));
    let entered = entered.expect("the second one has its turn");
    assert_eq!((out.1.as_str(), entered.text.as_str()), ("out", "second"));
    assert!(entered.at > out.0, "the second one was in before the first one was out");
    assert!(began.elapsed() >= Duration::from_secs(9));
    for ended in [first.wait(), second.wait()] {
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    }
}

#[test]
fn a_command_whose_lock_is_deleted_is_ended() {
    let (_cluster, etcd_test) = one_member();
    let running = under_lock(&etcd_test, "12", STAYS);
    let keys = etcd_test.prints(["list", "/_locks/k"]);
    etcd_test.prints(["delete", keys.trim()]);
    let deleted = Instant::now();
    let ended = running.wait();
    assert_eq!(ended.status, 4, "{}", ended.stderr);
    assert!(ended.stderr.contains("the command was ended: the lock on \"/k\""), "{}", ended.stderr);
    // A renewal is due after a third of the time to live; without one it would go on for all of it.
    let took = deleted.elapsed();
    assert!(took < Duration::from_secs(11), "{took:?}");
    println!("a command was ended {took:?} after its lock was deleted, TTL 12 s");
}

#[test]
fn requests_to_end_reach_the_command_and_the_lock_is_given_up() {
    let (_cluster, etcd_test) = one_member();
    for (signal, status) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)] {
        let running = under_lock(&etcd_test, "60", STAYS);
        running.signal(signal);
        let ended = running.wait();
        assert_eq!((ended.status, ended.stderr.as_str()), (status, ""), "{signal}");
        assert_eq!(queued(&etcd_test.session(), "k"), 0, "{signal}");

        // What it does about it is the command's own affair.
        let trap = format!(
            "trap 'echo bye; exit 9' {}; echo in; while :; do sleep 0.05; done",
            name(signal)
        );
        let running = under_lock(&etcd_test, "60", &trap);
        running.signal(signal);
        let ended = running.wait();
        assert_eq!((ended.status, ended.stdout.as_str()), (9, "in\nbye\n"), "{signal}");
        assert_eq!(queued(&etcd_test.session(), "k"), 0, "{signal}");
    }
}

/// Starts a script under the lock on `k`; it has said `in`.
fn under_lock(etcd_test: &EtcdTest, ttl: &str, script: &str) -> Running {
    let running = etcd_test.start([["lock", "k", "-t", ttl], shell(script)].concat());
    assert_eq!(running.line(), "in");
    until_queued(&etcd_test.session(), "k", 1);
    running
}

fn second_line(running: &Running) -> (Instant, String) {
    let line = running.line_within(PATIENCE).expect("a second line");
    (line.at, line.text)
}

fn name(signal: Signal) -> &'static str {
    signal.as_str().trim_start_matches("SIG")
}
