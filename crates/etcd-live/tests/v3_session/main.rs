//! The ten calls, `etcd-test` and `leader-demo` over v3, on each etcd that speaks it.

// A helper of a test may fail it.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod calls;
mod demo;
mod locks;
mod program;

use etcd_client::blocking::Session;
use etcd_client::session::Api;
use etcd_live::program::EtcdTest;
use etcd_live::server::{Server, on_each_v3};

/// Does something on the test server as each version, and on one member of each etcd.
fn on_each(act: impl Fn(&Server, &Session, &EtcdTest)) {
    on_each_v3(|server| {
        // Without being told, it finds v3.
        let session = Session::open([server.endpoint()]).expect("a session");
        assert_eq!(session.api(), Api::V3);
        let etcd_test = EtcdTest::on(server.endpoint()).over(Api::Auto);
        act(server, &session, &etcd_test);
    });
}
