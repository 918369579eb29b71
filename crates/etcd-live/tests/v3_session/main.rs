//! The ten calls, `etcd-test` and `leader-demo` over v3, on each etcd that speaks it.

// A helper of a test may fail it.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod calls;
mod demo;
mod locks;
mod program;

use etcd_client::blocking::Session;
use etcd_client::session::Api;
use etcd_live::etcd::{cluster_of, oldest_and_newest};
use etcd_live::members::{Cluster, Options};
use etcd_live::program::EtcdTest;

/// Does something on one member of each etcd.
fn on_each(act: impl Fn(&Cluster, &Session, &EtcdTest)) {
    for etcd in oldest_and_newest() {
        println!("etcd {}", etcd.version);
        let options = Options { in_memory: true, ..Options::default() };
        let cluster = cluster_of(&etcd, 1, &options);
        // Without being told, it finds v3.
        let session = Session::open(cluster.endpoints()).expect("a session");
        assert_eq!(session.api(), Api::V3);
        let etcd_test = EtcdTest::on(cluster.endpoints().join(",")).over(Api::Auto);
        act(&cluster, &session, &etcd_test);
    }
}
