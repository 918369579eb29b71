//! One scenario on members of the newest etcd that speaks v3; of each, where `ETCD_LIVE_FULL` is set.
//! What needs an endpoint alone runs on the test server too, as each version.

use std::future::Future;
use std::time::{Duration, Instant};

use etcd_client::{Client, Error};
use tokio::runtime::Builder;

use crate::etcd::{cluster_of, etcd, oldest_and_newest, servers, v3_etcds};
use crate::members::{Cluster, Etcd, Options};
use crate::server::{Server, TESTED_V2, TESTED_V3, on_all_at_once};

/// Longer than anything takes on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a scenario on one member of each of these etcds.
///
/// # Panics
///
/// When a member does not start.
pub fn on_each(scenario: impl AsyncFn(&mut Cluster, Client)) {
    on_each_of(1, scenario);
}

/// Runs a scenario on so many members of each of these etcds.
///
/// # Panics
///
/// As for [`on_each`].
pub fn on_each_of(size: usize, scenario: impl AsyncFn(&mut Cluster, Client)) {
    for etcd in chosen() {
        let options = Options { in_memory: true, ..Options::default() };
        let mut cluster = cluster_of(&etcd, size, &options);
        // Tests print what they ran on, when they are asked to.
        #[allow(clippy::print_stdout, reason = "for tests")]
        {
            println!("etcd {}, {size} members", etcd.version);
        }
        let client = Client::new(&servers(&cluster)).expect("a list of servers");
        run(scenario(&mut cluster, client));
    }
}

/// Runs a scenario that needs an endpoint alone on the test server as each version that speaks v3,
/// and on a member of each of these etcds.
///
/// # Panics
///
/// Where it fails, with the names of the servers that it fails on.
pub fn on_each_server(scenario: impl AsyncFn(&Server, Client) + Sync) {
    on_all_at_once(&TESTED_V3, &chosen(), |server| {
        let client = Client::new(server.endpoint()).expect("a server");
        run(scenario(server, client));
    });
}

/// Like [`on_each_server`], for a scenario that may end with an error; on the oldest and the newest
/// of these etcds.
///
/// # Panics
///
/// As for [`on_each_server`].
pub fn try_on_each_server(scenario: impl AsyncFn(&Server, Client) -> Result<(), Error> + Sync) {
    on_all_at_once(&TESTED_V3, &oldest_and_newest(), |server| {
        let client = Client::new(server.endpoint()).expect("a server");
        run(scenario(server, client)).unwrap_or_else(|error| panic!("{error:?}"));
    });
}

/// Runs a scenario of v2 that needs an endpoint alone on the test server as each version that speaks
/// it, and on a member of the etcd that does.
///
/// # Panics
///
/// As for [`on_each_server`].
pub fn on_each_v2_server(scenario: impl AsyncFn(&Server) -> Result<(), Error> + Sync) {
    on_all_at_once(&TESTED_V2, &[etcd()], |server| {
        run(scenario(server)).unwrap_or_else(|error| panic!("{error:?}"));
    });
}

/// The newest etcd; all, where that is asked for.
fn chosen() -> Vec<Etcd> {
    let mut etcds = v3_etcds();
    if std::env::var_os("ETCD_LIVE_FULL").is_none() {
        etcds.drain(..etcds.len() - 1);
    }
    etcds
}

/// Runs a scenario on two threads.
///
/// # Panics
///
/// When there is no runtime to be had.
pub fn run<T>(scenario: impl Future<Output = T>) -> T {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(scenario)
}

/// Waits until something is so.
///
/// # Panics
///
/// When it is not after [`PATIENCE`].
pub async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let patience = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < patience, "never so: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
