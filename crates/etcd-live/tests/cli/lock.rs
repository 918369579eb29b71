//! `lock` and `unlock`.

use std::process::Stdio;
use std::time::Duration;

use etcd_live::program::start;
use etcd_live::queue::{queued, until_queued};
use nix::sys::signal::Signal;
use serde_json::json as object;

use crate::{index, json, one_member};

#[test]
fn a_ticket_renews_and_unlocks_and_the_next_one_waits_for_that() {
    let (_cluster, etcd_test) = one_member();
    let ticket = etcd_test.prints(["lock", "-t", "60", "k"]).trim().to_owned();
    let said = etcd_test.fails(["lock", "-t", "60", "k", "--wait", "0"], 4);
    assert!(said.contains("\"/k\" was not free in time"), "{said}");

    let renewed = etcd_test.prints(["lock", "-t", "90", "-i", &ticket, "k", "-o", "json"]);
    let number: u64 = ticket.parse().expect("an index");
    assert_eq!(json(&renewed), [object!({ "key": "/k", "index": number, "ttl": 90 })]);

    let waiter = etcd_test.start(["lock", "--ttl=60", "k", "--wait", "30"]);
    until_queued(&etcd_test.session(), "k", 2);
    assert_eq!(waiter.line_within(Duration::from_millis(200)), None);
    assert_eq!(etcd_test.prints(["unlock", "-i", &ticket, "k"]), "");
    let second = waiter.wait();
    assert_eq!((second.status, second.stderr.as_str()), (0, ""));
    assert!(index(&second.stdout) > number);

    for args in [["unlock", "k", "-i", &ticket].as_slice(), &["lock", "-t5", "-i", &ticket, "k"]] {
        let said = etcd_test.fails(args, 4);
        assert!(said.contains(&format!("with index {ticket} is not held")), "{said}");
    }
    let second = second.stdout.trim();
    let unlocked = etcd_test.prints(["unlock", "--index", second, "k", "-o", "json"]);
    assert_eq!(json(&unlocked), [object!({ "unlocked": "k" })]);
    assert_eq!(queued(&etcd_test.session(), "k"), 0);
}

#[test]
fn a_lock_that_was_not_renewed_is_neither_renewed_nor_unlocked_any_more() {
    let (_cluster, etcd_test) = one_member();
    let ticket = etcd_test.prints(["lock", "-t", "60", "k"]).trim().to_owned();
    etcd_test.prints(["lock", "-t", "1", "k", "-i", &ticket]);
    let next = etcd_test.prints(["lock", "-t", "60", "k"]);
    assert!(index(&next) > index(&format!("{ticket}\n")));
    etcd_test.fails(["lock", "-t", "1", "k", "-i", &ticket], 4);
    etcd_test.fails(["unlock", "k", "-i", &ticket], 4);
    etcd_test.prints(["lock", "-t", "60", "k", "-i", next.trim()]);
}

#[test]
fn who_is_asked_to_end_while_waiting_leaves_the_queue_at_once() {
    let (_cluster, etcd_test) = one_member();
    let ticket = etcd_test.prints(["lock", "-t", "60", "k"]);
    for (signal, status) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let waiter = etcd_test.start(["lock", "-t", "60", "k"]);
        until_queued(&etcd_test.session(), "k", 2);
        waiter.signal(signal);
        let ended = waiter.wait();
        assert_eq!(
            (ended.status, ended.stdout.as_str(), ended.stderr.as_str()),
            (status, "", ""),
            "{signal}"
        );
        assert_eq!(queued(&etcd_test.session(), "k"), 1, "{signal}");
    }
    etcd_test.prints(["unlock", "-i", ticket.trim(), "k"]);
}

#[test]
fn a_lock_whose_index_nobody_hears_is_given_up() {
    let (_cluster, etcd_test) = one_member();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let (reader, closed) = std::io::pipe().expect("a pipe");
    drop(reader);
    for stdout in [Stdio::from(full), Stdio::from(closed)] {
        let mut command = etcd_test.command(["lock", "-t", "600", "k"]);
        command.stdout(stdout);
        let ended = start(command).wait();
        assert_eq!(ended.status, 1, "{}", ended.stderr);
        assert!(
            ended.stderr.contains("lock \"k\": the index cannot be printed"),
            "{}",
            ended.stderr
        );
        assert_eq!(queued(&etcd_test.session(), "k"), 0);
    }
}
