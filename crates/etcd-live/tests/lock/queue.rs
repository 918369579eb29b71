//! Those who die in the queue, or at its head.

use std::time::{Duration, Instant};

use etcd_live::program::{EtcdTest, Running};
use etcd_live::queue::until_queued;
use nix::sys::signal::Signal;

use crate::{one_member, seconds};

const TTL: Duration = Duration::from_secs(5);
/// By then whoever is next has its turn, also on a busy machine; a lock that did not end by itself
/// would last a minute.
const SOON: Duration = Duration::from_secs(30);

#[test]
fn whoever_waits_behind_a_waiter_that_is_killed_still_has_its_turn() {
    let (_cluster, session, etcd_test) = one_member();
    let holder = session.lock("k", seconds(60)).expect("the lock is free");
    let killed = waiting(&etcd_test, "5");
    until_queued(&session, "k", 2);
    let next = waiting(&etcd_test, "60");
    until_queued(&session, "k", 3);

    killed.signal(Signal::SIGKILL);
    let died = Instant::now();
    session.unlock("k", holder.index).expect("it is held");
    let line = next.line_within(SOON).expect("its turn comes");
    println!("a waiter's death held up the next one for {:.1?}, TTL {TTL:?}", line.at - died);
    assert_eq!(killed.wait().status, 128 + 9);
    session.unlock("k", line.text.parse().expect("an index")).expect("it is held");
}

#[test]
fn a_holder_that_is_killed_is_followed_after_its_ttl_and_not_before() {
    let (_cluster, session, etcd_test) = one_member();
    let holder =
        etcd_test.start(["lock", "k", "-t", "5", "--", "sh", "-c", "echo in; exec sleep 300"]);
    assert_eq!(holder.line(), "in");
    let next = waiting(&etcd_test, "60");
    until_queued(&session, "k", 2);
    assert_eq!(next.line_within(2 * TTL), None, "the lock is renewed");

    holder.signal_all(Signal::SIGKILL);
    let died = Instant::now();
    let line = next.line_within(SOON).expect("its turn comes");
    let held_up = line.at - died;
    println!("a holder's death held up the next one for {held_up:.1?}, TTL {TTL:?}");
    // The last renewal was sent no longer ago than a third of the time to live, and some.
    assert!(held_up > TTL / 4, "{held_up:?}");
    assert_eq!(holder.wait().status, 128 + 9);
}

#[test]
fn those_who_wait_have_their_turns_in_order_and_keep_their_places_past_their_ttl() {
    let (_cluster, session, etcd_test) = one_member();
    let holder = session.lock("k", seconds(60)).expect("the lock is free");
    let mut queue = Vec::new();
    for place in 0..4 {
        queue.push(waiting(&etcd_test, "5"));
        until_queued(&session, "k", place + 2);
    }
    assert_eq!(queue[0].line_within(2 * TTL), None);
    let mut last = holder.index;
    for waiter in queue {
        session.unlock("k", last).expect("it is held");
        let index = waiter.wait().stdout.trim().parse().expect("an index");
        assert!(index > last, "{index} after {last}");
        last = index;
    }
}

fn waiting(etcd_test: &EtcdTest, ttl: &str) -> Running {
    etcd_test.start(["lock", "k", "-t", ttl])
}
