//! Watches of servers that behave as few do.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use common::{Reply, serve};
use etcd_client::v2::{Client, Event, WatchOptions};

const NOT_FOUND: &str = r#"{"errorCode":100,"message":"Key not found","cause":"/k","index":5}"#;
const SET: &str =
    r#"{"action":"set","node":{"key":"/k","value":"v","modifiedIndex":6,"createdIndex":6}}"#;

fn client(server: SocketAddr) -> Client {
    Client::new(&server.to_string()).unwrap()
}

/// Before 2.0 the head of a poll comes with the change, and a refusal names no cluster either.
#[tokio::test]
async fn a_key_that_is_missing_on_0_x_is_waited_for() {
    let server = serve(|request| match &*request.target {
        "/version" => Reply::Says(200, "", "etcd v0.3.0".to_owned()),
        target if target.contains("wait=true") => {
            thread::sleep(Duration::from_secs(4));
            Reply::Says(200, "X-Etcd-Index: 5\r\n", SET.to_owned())
        }
        _ => Reply::Says(404, "X-Etcd-Index: 5\r\n", NOT_FOUND.to_owned()),
    });
    // Two polls that were cut for the silence of their heads would end it.
    let options = WatchOptions::new().patience(Duration::from_secs(1));
    let mut watcher = client(server).watch("/k", options).unwrap();
    let event = watcher.next().await.unwrap().unwrap();
    assert!(matches!(&event, Event::Change(change) if change.index == 6), "{event:?}");
}

/// A server, or what stands before it, may answer each poll at once with what helps nobody.
#[tokio::test]
async fn polls_that_bring_nothing_are_not_repeated_without_pause() {
    let old = r#"{"action":"set","node":{"key":"/k","modifiedIndex":1,"createdIndex":1}}"#;
    let cleared = r#"{"errorCode":400,"message":"watcher is cleared","cause":"","index":5}"#;
    let useless = [(200, ""), (200, r#"{"action":"set"}"#), (200, old), (400, cleared)];
    for (status, body) in useless {
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&polls);
        let server = serve(move |request| {
            let headers = "X-Etcd-Index: 5\r\nX-Etcd-Cluster-Id: 1f\r\n";
            if !request.target.contains("wait=true") {
                return Reply::Says(404, headers, NOT_FOUND.to_owned());
            }
            counted.fetch_add(1, Ordering::SeqCst);
            Reply::Says(status, headers, body.to_owned())
        });
        let mut watcher = client(server).watch("/k", WatchOptions::new()).unwrap();
        let told = tokio::time::timeout(Duration::from_secs(1), watcher.next()).await;
        assert!(told.is_err(), "{body}: {told:?}");
        let polls = polls.load(Ordering::SeqCst);
        assert!((2..50).contains(&polls), "{body}: {polls} polls in a second");
    }
}
