//! Locks on real members: never two holders at a time, whoever dies.

mod contest;
mod keys;
mod outage;
mod python;
mod queue;
mod tickets;

use etcd_client::Ttl;
use etcd_client::blocking::Session;
use etcd_live::etcd::{cluster, servers};
use etcd_live::members::Cluster;
use etcd_live::program::EtcdTest;

/// A member, a session with it and `etcd-test` on it.
fn one_member() -> (Cluster, Session, EtcdTest) {
    let cluster = cluster(1);
    let session = Session::open_str(&servers(&cluster)).expect("a session");
    let etcd_test = EtcdTest::on(servers(&cluster));
    (cluster, session, etcd_test)
}

fn seconds(seconds: u64) -> Ttl {
    Ttl::from_seconds(seconds).expect("a time to live")
}

/// How many keys stand in a lock's directory.
fn queued(session: &Session, key: &str) -> usize {
    match session.list(&format!("/_locks/{key}")) {
        Err(error) if error.is_key_not_found() => 0,
        listed => listed.expect("a list").len(),
    }
}

/// Waits until so many stand in a lock's queue.
fn until_queued(session: &Session, key: &str, wanted: usize) {
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while queued(session, key) != wanted {
        assert!(std::time::Instant::now() < patience, "never {wanted} in the queue of {key:?}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
