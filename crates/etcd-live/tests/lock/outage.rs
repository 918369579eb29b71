//! Those who wait in the queue when the servers go away.

use std::time::{Duration, Instant};

use etcd_live::queue::{queued, until_queued};
use nix::sys::signal::Signal;

use crate::{one_member, seconds};

/// Behind a holder, with a place that has expired by the time that anything is asked of it.
const EXPIRED: Duration = Duration::from_secs(3);

#[test]
fn a_limited_wait_ends_also_when_no_server_is_left() {
    let (mut cluster, session, etcd_test) = one_member();
    let _holder = session.lock("k", seconds(60)).expect("the lock is free");
    let waiter = etcd_test.start(["lock", "-t", "2", "--wait", "5", "k"]);
    until_queued(&session, "k", 2);
    cluster.kill(0).expect("a member can be killed");
    let ended = waiter.wait();
    assert_eq!((ended.status, ended.stdout.as_str()), (4, ""), "{}", ended.stderr);
    assert!(ended.took >= Duration::from_secs(5), "{:?}", ended.took);
}

#[test]
fn a_signal_ends_a_wait_also_when_no_server_is_left() {
    let (mut cluster, session, etcd_test) = one_member();
    let _holder = session.lock("k", seconds(60)).expect("the lock is free");
    let signals = [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)];
    let waiters = signals.map(|_| etcd_test.start(["lock", "-t", "2", "k"]));
    until_queued(&session, "k", 3);
    cluster.kill(0).expect("a member can be killed");
    std::thread::sleep(EXPIRED);
    for (mut waiter, (signal, status)) in waiters.into_iter().zip(signals) {
        assert!(waiter.is_running(), "servers may come back");
        waiter.signal(signal);
        let ended = waiter.wait();
        assert_eq!((ended.status, ended.stdout.as_str()), (status, ""), "{}", ended.stderr);
    }
}

#[test]
fn a_wait_goes_on_when_the_servers_come_back() {
    let (mut cluster, session, etcd_test) = one_member();
    let holder = session.lock("k", seconds(60)).expect("the lock is free");
    let mut waiter = etcd_test.start(["lock", "-t", "2", "k"]);
    until_queued(&session, "k", 2);
    cluster.kill(0).expect("a member can be killed");
    std::thread::sleep(EXPIRED);
    cluster.start_again(0).expect("it can be started");
    cluster.wait_healthy().expect("it is well");
    let began = Instant::now();
    // The place that expired meanwhile is taken anew.
    until_queued(&session, "k", 2);
    assert!(waiter.is_running());
    session.unlock("k", holder.index).expect("it is held");
    let index = waiter.line().parse().expect("an index");
    println!("the wait went on {:.1?} after the servers had come back", began.elapsed());
    assert!(index > holder.index && waiter.wait().status == 0);
    if queued(&session, "k") > 0 {
        session.unlock("k", index).expect("it is held");
    }
}
