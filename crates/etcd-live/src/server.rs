//! Servers for scenarios that need an endpoint and no more: the test server, and real members.

use std::thread;

use etcd_test_server::{TestServer, Version};
use tokio::runtime::{Builder, Runtime};

use crate::etcd::{cluster_of, etcd, oldest_and_newest};
use crate::members::{Cluster, Etcd, Options};

/// One server, ended when it is dropped.
#[derive(Debug)]
pub struct Server {
    name: String,
    endpoint: String,
    release: (u32, u32),
    _held: Held,
}

#[derive(Debug)]
enum Held {
    Member(#[allow(dead_code, reason = "held until it is dropped")] Cluster),
    /// The server goes before what it runs on.
    InProcess(
        #[allow(dead_code, reason = "held until it is dropped")] TestServer,
        #[allow(dead_code, reason = "held until it is dropped")] Runtime,
    ),
}

impl Server {
    /// The test server, answering as this version.
    ///
    /// # Panics
    ///
    /// When there is no port to be had.
    pub fn test(version: Version) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let server = runtime.block_on(TestServer::builder().version(version).start());
        let server = server.expect("a port");
        let release = release(version.number());
        Self {
            name: format!("the test server as {}", version.number()),
            endpoint: server.address().to_string(),
            release,
            _held: Held::InProcess(server, runtime),
        }
    }

    /// A member of its own.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn member(etcd: &Etcd) -> Self {
        let options = Options { in_memory: true, ..Options::default() };
        let cluster = cluster_of(etcd, 1, &options);
        Self {
            name: format!("etcd {}", etcd.version),
            endpoint: cluster.endpoints().swap_remove(0),
            release: (etcd.version.major, etcd.version.minor),
            _held: Held::Member(cluster),
        }
    }

    /// What it is, for whoever reads why a test failed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens: `host:port`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Whether it is, or answers as, this release or a later one.
    pub fn is_since(&self, major: u32, minor: u32) -> bool {
        self.release >= (major, minor)
    }
}

/// The major and the minor number of a version.
fn release(number: &str) -> (u32, u32) {
    let mut parts = number.split('.').map_while(|part| part.parse().ok());
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// The versions of the test server that speak v3.
pub const TESTED_V3: [Version; 3] = [Version::V3_4, Version::V3_5, Version::V3_7];

/// The versions of the test server that speak v2, without the modules of the first etcds.
pub const TESTED_V2: [Version; 3] = [Version::V2_3, Version::V3_4, Version::V3_5];

/// Runs a scenario on the test server as each version that speaks v3, and on a member of the oldest
/// and the newest etcd that do; of each, where `ETCD_LIVE_FULL` is set.
///
/// # Panics
///
/// When a server does not start.
pub fn on_each_v3(scenario: impl Fn(&Server)) {
    let members = oldest_and_newest();
    on_each(TESTED_V3, &members, scenario);
}

/// Runs a scenario on the test server as each version that speaks v2, and on a member of the etcd
/// that does.
///
/// # Panics
///
/// When a server does not start.
pub fn on_each_v2(scenario: impl Fn(&Server)) {
    on_each(TESTED_V2, &[etcd()], scenario);
}

fn on_each(
    versions: impl IntoIterator<Item = Version>,
    members: &[Etcd],
    scenario: impl Fn(&Server),
) {
    for version in versions {
        on_one(&Server::test(version), &scenario);
    }
    for etcd in members {
        on_one(&Server::member(etcd), &scenario);
    }
}

/// Runs a scenario on the test server as each of these versions and on these members, at the same
/// time, as scenarios mostly wait.
///
/// # Panics
///
/// Where it fails, with the names of the servers that it fails on.
pub(crate) fn on_all_at_once(
    versions: &[Version],
    members: &[Etcd],
    scenario: impl Fn(&Server) + Sync,
) {
    let (scenario, mut failed) = (&scenario, Vec::new());
    thread::scope(|scope| {
        let tests = versions.iter().map(|&version| {
            let name = format!("the test server as {}", version.number());
            (name, scope.spawn(move || on_one(&Server::test(version), scenario)))
        });
        let members = members.iter().map(|etcd| {
            let name = format!("etcd {}", etcd.version);
            (name, scope.spawn(move || on_one(&Server::member(etcd), scenario)))
        });
        // All are started before the first is waited for.
        for (name, running) in tests.chain(members).collect::<Vec<_>>() {
            if running.join().is_err() {
                failed.push(name);
            }
        }
    });
    assert!(failed.is_empty(), "fails on {}", failed.join(", "));
}

/// Says which server it is, which is shown when the scenario fails there.
fn on_one(server: &Server, scenario: impl Fn(&Server)) {
    #[allow(clippy::print_stdout, reason = "for tests")]
    {
        println!("on {}", server.name());
    }
    scenario(server);
}
