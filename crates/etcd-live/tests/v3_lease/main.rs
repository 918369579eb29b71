//! Leases on real members of each etcd that speaks v3.

mod calls;
mod faults;
mod kept;

use std::future::Future;
use std::time::Duration;

use etcd_client::{Client, LeaseId, Ttl};
use etcd_live::etcd::{cluster_of, servers, v3_etcds};
use etcd_live::members::{Cluster, Options};
use tokio::runtime::Builder;
use tokio::time::Instant;

/// Longer than anything takes on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a scenario on one member of each etcd.
fn on_each(scenario: impl AsyncFn(&mut Cluster, Client)) {
    on_each_of(1, scenario);
}

/// Runs a scenario on so many members of each etcd.
fn on_each_of(size: usize, scenario: impl AsyncFn(&mut Cluster, Client)) {
    for etcd in v3_etcds() {
        let options = Options { in_memory: true, ..Options::default() };
        let mut cluster = cluster_of(&etcd, size, &options);
        println!("etcd {}, {size} members", etcd.version);
        let client = Client::new(&servers(&cluster)).expect("a list of servers");
        run(scenario(&mut cluster, client));
    }
}

fn run(scenario: impl Future<Output = ()>) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(scenario);
}

fn seconds(seconds: u64) -> Ttl {
    Ttl::from_seconds(seconds).expect("a time to live")
}

async fn exists(client: &Client, id: LeaseId) -> bool {
    client.lease().time_to_live(id).await.expect("an answer").is_some()
}

/// Waits until a lease is gone from the server.
async fn until_gone(client: &Client, id: LeaseId) {
    let patience = Instant::now() + PATIENCE;
    while exists(client, id).await {
        assert!(Instant::now() < patience, "the lease is never gone");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many streams of renewals a member has begun so far, as it counts them itself.
fn streams(cluster: &Cluster, member: usize) -> u64 {
    let (_, metrics) = cluster.members()[member].get("/metrics").expect("it answers");
    let started = metrics.lines().find(|line| {
        line.starts_with("grpc_server_started_total") && line.contains("\"LeaseKeepAlive\"")
    });
    let count = started.and_then(|line| line.rsplit(' ').next()).map_or("0", |count| count);
    count.parse::<f64>().expect("a number") as u64
}
