//! Locks and elections on real members of each etcd that speaks v3.

mod contest;
mod elections;
mod faults;
mod locks;
mod others;
mod sections;
mod shared_lease;
mod stopped;
mod worker;

use etcd_client::{Client, KeyRange, Ttl};
use etcd_live::each::until;

fn seconds(seconds: u64) -> Ttl {
    Ttl::from_seconds(seconds).expect("a time to live")
}

/// How many keys stand below a name.
async fn in_line(client: &Client, name: &str) -> usize {
    let range = KeyRange::prefix(format!("{name}/"));
    client.kv().range(range).await.expect("an answer").kvs.len()
}

async fn until_in_line(client: &Client, name: &str, wanted: usize) {
    until(&format!("{wanted} below {name:?}"), async || in_line(client, name).await == wanted)
        .await;
}

/// How many leases there are.
async fn leases(client: &Client) -> usize {
    client.lease().list().await.expect("an answer").leases.len()
}
