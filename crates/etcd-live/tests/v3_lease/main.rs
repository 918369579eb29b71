//! Leases on real members of each etcd that speaks v3.

mod auth;
mod calls;
mod faults;
mod kept;

use etcd_client::{Client, LeaseId, Ttl};
use etcd_live::each::until;
use etcd_live::members::Cluster;

fn seconds(seconds: u64) -> Ttl {
    Ttl::from_seconds(seconds).expect("a time to live")
}

async fn exists(client: &Client, id: LeaseId) -> bool {
    client.lease().time_to_live(id).await.expect("an answer").is_some()
}

/// Waits until a lease is gone from the server.
async fn until_gone(client: &Client, id: LeaseId) {
    until("the lease is gone", async || !exists(client, id).await).await;
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
