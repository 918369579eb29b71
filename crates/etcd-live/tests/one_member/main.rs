//! Every call, against one member: what the store holds afterwards is what was said.
//!
//! Scenarios that need an endpoint alone run on the test server too, as each version that speaks v2.

mod any_text;
mod auth;
mod blocking;
mod cluster;
mod conditions;
mod directories;
mod keys;
mod session;
mod ttl;

use std::fmt::Debug;
use std::time::Duration;

use etcd_client::v2::Client;
use etcd_client::{Error, ErrorKind, Ttl};
use etcd_live::each::on_each_v2_server;
use etcd_live::etcd;
use etcd_live::members::Cluster;

/// Longer than anything here may take: what hangs must fail, and say where.
const PATIENCE: Duration = Duration::from_secs(30);

/// A member of its own, and a client of it.
fn one_member() -> (Cluster, Client) {
    let cluster = etcd::cluster(1);
    let client = Client::new(&etcd::servers(&cluster)).expect("members' endpoints can be used");
    (cluster, client)
}

/// Runs a scenario with a client of each server.
fn on_each_client(scenario: impl AsyncFn(Client) -> Result<(), Error> + Sync) {
    on_each_v2_server(async |server| scenario(Client::new(server.endpoint())?).await);
}

/// Why a call was refused; a refusal says that nothing was done.
#[track_caller]
fn refusal<T: Debug>(result: Result<T, Error>) -> ErrorKind {
    let error = result.expect_err("a refusal");
    assert!(error.is_definitely_not_applied(), "{error:?}");
    assert!(!error.is_transient(), "{error:?}");
    error.kind().clone()
}

fn conflict() -> ErrorKind {
    ErrorKind::PreconditionFailed { current: None }
}

fn seconds(seconds: u64) -> Ttl {
    Ttl::from_seconds(seconds).expect("a time to live")
}
