//! Servers of another cluster, whose streams are not believed.

#![allow(clippy::unwrap_used, reason = "a test")]

use etcd_client::v3::Update;
use etcd_client::{Client, Endpoint, Error, ErrorKind, KeyRange, Ttl};
use etcd_test_server::{TestCluster, TestServer};

/// A server that is not of the cluster of the others.
async fn stranger() -> TestServer {
    let server = TestServer::start().await.unwrap();
    server.cluster().v3().with(|store| store.cluster.id += 1);
    server
}

async fn put(client: &Client, value: &str) -> i64 {
    client.kv().put("k", value).await.unwrap().revision().0
}

#[tokio::test]
async fn a_watch_passes_over_a_stranger_and_ends_where_there_is_nobody_else() {
    let (ours, stranger) =
        (TestCluster::builder().start_cluster(2).await.unwrap(), stranger().await);
    let theirs = Client::new(&stranger.endpoint()).unwrap();
    for value in ["x", "y", "z"] {
        put(&theirs, value).await;
    }
    let [first, second] = <[String; 2]>::try_from(ours.endpoints()).unwrap();
    let list = [first, stranger.endpoint(), second.clone()].join(",");
    let (client, second) = (Client::new(&list).unwrap(), Client::new(&second).unwrap());
    put(&client, "1").await;
    let mut watcher = client.watch("k");
    watcher.created().await.unwrap();
    ours.kill(0).await;
    let written = put(&second, "2").await;
    match watcher.next().await.unwrap().unwrap() {
        Update::Changes(changes) => {
            assert_eq!(changes.revision().0, written);
            assert_eq!(changes.events[0].kv.as_ref().unwrap().value, "2");
        }
        other => panic!("{other:?}"),
    }
    ours.kill(1).await;
    let end = watcher.next().await.unwrap().unwrap_err();
    assert_eq!(*end.kind(), ErrorKind::AnotherHistory, "{end}");
}

#[tokio::test]
async fn other_streams_of_a_stranger_are_errors() {
    let (ours, stranger) = (TestServer::start().await.unwrap(), stranger().await);
    let client = Client::new(&ours.endpoint()).unwrap();
    put(&client, "1").await;
    let endpoint: Endpoint = stranger.endpoint().parse().unwrap();
    let (theirs, another) = (client.only(&endpoint), Client::new(&stranger.endpoint()).unwrap());
    put(&another, "x").await;
    let lease = another.lease().grant(Ttl::from_seconds(60).unwrap()).await.unwrap();
    let renewed = theirs.lease().keep_alive_once(lease.id).await;
    let page = theirs.kv().range(KeyRange::all()).stream().next().await.unwrap();
    let saved = client.maintenance().snapshot(&endpoint).await.map(drop);
    let is_refused = |error: Error| *error.kind() == ErrorKind::AnotherHistory;
    assert!(renewed.is_err_and(is_refused) && page.is_err_and(is_refused));
    assert!(saved.is_err_and(is_refused));
}
