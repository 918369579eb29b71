//! Every call of the v3 API, on each etcd that speaks it.

#![allow(clippy::print_stdout, reason = "which etcd it was is shown when a test fails")]

mod auth;
mod elections;
mod every_call;
mod examples;
mod limits;
mod members;
mod ranges;
mod snapshots;

use std::collections::HashMap;

use etcd_client::v3::api::{PutRequest, TxnRequest};
use etcd_client::{Client, Config, Endpoint, Error, ErrorKind};
use etcd_live::etcd::{cluster_of, oldest_and_newest, servers};
use etcd_live::members::{Cluster, Options};
use etcd_transport::Channel;
use etcd_transport::endpoint::parse_list;

/// Clusters of so many members with these flags, one of each etcd after another, and a client of
/// each.
fn each(size: usize, flags: &[&str]) -> impl Iterator<Item = (Cluster, Client)> {
    let flags: Vec<_> = flags.iter().map(|&flag| flag.to_owned()).collect();
    oldest_and_newest().into_iter().map(move |etcd| {
        let options = Options { flags: flags.clone(), in_memory: true, ..Options::default() };
        let cluster = cluster_of(&etcd, size, &options);
        println!("etcd {}", etcd.version);
        let client = Client::new(&servers(&cluster)).expect("servers");
        (cluster, client)
    })
}

/// Whether the etcd under test is this release or a later one.
fn is_since(cluster: &Cluster, major: u32, minor: u32) -> bool {
    let version = cluster.etcd().version;
    (version.major, version.minor) >= (major, minor)
}

fn client_as(cluster: &Cluster, user: &str, password: &str) -> Client {
    let config = Config::default().credentials(user, password);
    Client::with_config(&servers(cluster), config).expect("servers")
}

/// A way to the calls that have no handle here.
fn channel(cluster: &Cluster) -> Channel {
    Channel::new(parse_list(&servers(cluster)).expect("servers"), Config::default())
}

fn endpoint(cluster: &Cluster, member: usize) -> Endpoint {
    cluster.members()[member].endpoint().parse().expect("an endpoint")
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.expect_err("a refusal").kind().clone()
}

/// Keys `PREFIX00000` and so on, each with this value.
async fn fill(client: &Client, prefix: &str, keys: usize, value: &[u8]) -> Result<(), Error> {
    let all: Vec<_> = (0..keys).collect();
    for some in all.chunks(128) {
        let puts = some.iter().map(|n| PutRequest::new(format!("{prefix}{n:05}"), value));
        client.kv().txn(TxnRequest::new().then(puts)).await?;
    }
    Ok(())
}

/// How many messages members have sent in answer, by the path of the call, as they count.
fn answered(cluster: &Cluster) -> HashMap<String, u64> {
    counted(cluster, "grpc_server_msg_sent_total")
}

/// A counter that members have for each call, by its path.
fn counted(cluster: &Cluster, counter: &str) -> HashMap<String, u64> {
    let mut found = HashMap::new();
    for member in cluster.members().iter().filter(|member| member.pid().is_some()) {
        let (_, metrics) = member.get("/metrics").expect("it counts");
        for line in metrics.lines().filter(|line| line.starts_with(counter)) {
            let label = |name: &str| {
                let (_, rest) = line.split_once(&format!("{name}=\""))?;
                rest.split_once('"').map(|(value, _)| value)
            };
            let (Some(service), Some(method)) = (label("grpc_service"), label("grpc_method"))
            else {
                continue;
            };
            let count: f64 =
                line.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a number");
            *found.entry(format!("/{service}/{method}")).or_default() += count as u64;
        }
    }
    found
}
