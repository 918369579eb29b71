//! Whose answers are believed: those of one cluster.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

mod common;

use common::http2::reply::{data, head, trailers};
use common::reply::{EVENT, reply, version};
use common::script::{Act, Script};
use common::server::Server;
use common::{channel, failure, get, http2, patient, set};
use etcd_proto::call::Outcome;
use etcd_proto::ids::ClusterId;
use etcd_transport::error::Kind;
use etcd_transport::{Channel, Cluster, Config};

/// A v2 server of this cluster.
fn v2(cluster: &'static str) -> Server {
    Server::start(Script::on(move |request| match request.is_sign_of_life() {
        true => vec![Act::Send(version())],
        false => {
            let headers = ["X-Etcd-Index: 7", &format!("X-Etcd-Cluster-Id: {cluster}")];
            vec![Act::Send(reply("200 OK", &headers, EVENT))]
        }
    }))
}

/// A v3 server of this cluster, which is below 128.
fn v3(cluster: u8) -> http2::server::Server {
    let header = [0x0a, 2, 0x08, cluster];
    let message = [&[0, 0, 0, 0, header.len() as u8][..], &header].concat();
    http2::server::Server::start(http2::script::Script::sends(move |id| {
        [head(id), data(id, &message), trailers(id, 0, "")].concat()
    }))
}

fn config(cluster: Cluster) -> Config {
    patient().rounds(1).cluster(cluster)
}

/// Asks one server and then the other, as a name does that leads elsewhere one day.
fn moved(channel: &Channel, to: &etcd_transport::endpoint::Endpoint) {
    channel.set_endpoints(vec![to.clone()]);
}

#[tokio::test]
async fn v2_answers_of_another_cluster_are_an_error_that_names_both() {
    let (ours, theirs) = (v2("cdf818194e3a8c32"), v2("7e27652122e8b2ae"));
    let first = channel([&ours.endpoint], config(Cluster::First));
    first.call(&set("k")).await.unwrap();
    first.call(&get("k")).await.unwrap();
    moved(&first, &theirs.endpoint);
    for (answer, outcome) in [
        (first.call(&get("k")).await, Outcome::NotApplied),
        (first.call(&set("k")).await, Outcome::Applied),
    ] {
        let error = failure(answer);
        assert_eq!((error.kind(), error.outcome()), (&Kind::AnotherCluster, outcome));
        let said = error.to_string();
        assert!(said.contains("7e27652122e8b2ae") && said.contains("cdf818194e3a8c32"), "{said}");
        assert!(said.contains(&theirs.endpoint.to_string()), "{said}");
    }
    moved(&first, &ours.endpoint);
    first.call(&set("k")).await.unwrap();
}

#[tokio::test]
async fn v3_answers_of_another_cluster_are_an_error() {
    let (ours, theirs) = (v3(5), v3(6));
    let first = channel([&ours.endpoint], config(Cluster::First));
    first.call(&http2::put("k")).await.unwrap();
    // A channel to one endpoint alone is of the same cluster.
    let error = http2::failure(first.only(&theirs.endpoint).call(&http2::range("k")).await);
    assert_eq!((error.kind(), error.outcome()), (&Kind::AnotherCluster, Outcome::NotApplied));
    moved(&first, &theirs.endpoint);
    let error = http2::failure(first.call(&http2::put("k")).await);
    assert_eq!((error.kind(), error.outcome()), (&Kind::AnotherCluster, Outcome::Applied));
}

#[tokio::test]
async fn a_cluster_may_be_named_and_any_may_be_allowed() {
    let (five, six) = (v3(5), v3(6));
    let known = channel([&six.endpoint], config(Cluster::Known(ClusterId(5))));
    let error = http2::failure(known.call(&http2::put("k")).await);
    assert_eq!(error.kind(), &Kind::AnotherCluster, "{error}");
    moved(&known, &five.endpoint);
    known.call(&http2::put("k")).await.unwrap();
    let any = channel([&five.endpoint], config(Cluster::Any));
    any.call(&http2::put("k")).await.unwrap();
    moved(&any, &six.endpoint);
    any.call(&http2::put("k")).await.unwrap();
}

#[tokio::test]
async fn who_says_nothing_is_believed() {
    let silent = [Server::healthy(), v2("nonsense"), v2("0")];
    let ours = v2("cdf818194e3a8c32");
    let first = channel([&ours.endpoint], config(Cluster::First));
    first.call(&get("k")).await.unwrap();
    for server in &silent {
        moved(&first, &server.endpoint);
        first.call(&set("k")).await.unwrap();
    }
}

/// One server of two is of another cluster, and answers first: the next call goes to the other.
#[tokio::test]
async fn a_stranger_among_the_endpoints_is_asked_last() {
    let (theirs, ours) = (v2("7e27652122e8b2ae"), v2("cdf818194e3a8c32"));
    let known = Cluster::Known("cdf818194e3a8c32".parse().unwrap());
    let both = channel([&theirs.endpoint, &ours.endpoint], config(known));
    assert_eq!(failure(both.call(&get("k")).await).kind(), &Kind::AnotherCluster);
    both.call(&set("k")).await.unwrap();
    assert_eq!((theirs.writes(), ours.writes()), (0, 1));
}
