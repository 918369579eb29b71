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
    let session = Session::open_with(&servers(&cluster), etcd_live::etcd::v2()).expect("a session");
    let etcd_test = EtcdTest::on(servers(&cluster));
    (cluster, session, etcd_test)
}

fn seconds(seconds: u64) -> Ttl {
    Ttl::from_seconds(seconds).expect("a time to live")
}
