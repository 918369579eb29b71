//! What the test server can do wrong, as the client bears it.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use etcd_client::v3::api::{PutRequest, WatchCreateRequest};
use etcd_client::v3::{Update, WatchOptions};
use etcd_client::{Client, ErrorKind, Outcome, Ttl, v2};
use etcd_test_server::fault::{Fault, Incident, Rule};
use etcd_test_server::{TestServer, Version};

const PUT: &str = "/etcdserverpb.KV/Put";
const WATCH: &str = "/etcdserverpb.Watch/Watch";

async fn server() -> (TestServer, Client) {
    let server = TestServer::start().await.unwrap();
    let client = Client::new(&server.endpoint()).unwrap();
    (server, client)
}

fn once(server: &TestServer, path: &str, fault: Fault) {
    server.faults().add(Rule::new(fault).path(path).times(1));
}

fn drip() -> Fault {
    Fault::Drip { bytes: 1, every: Duration::from_micros(1) }
}

#[tokio::test]
async fn what_proves_that_nothing_was_done_is_made_good() {
    let (server, client) = server().await;
    let harmless = [Fault::GoAway, Fault::UnknownFields, drip()];
    for fault in [Fault::RefuseStream, Fault::NoLeader].into_iter().chain(harmless) {
        let before = server.cluster().v3().with(|store| store.kv.revision());
        once(&server, PUT, fault.clone());
        let put = client.kv().put("k", "v").await.unwrap();
        assert_eq!(put.revision().0, before + 1, "{fault:?}");
    }
    let old = TestServer::builder().version(Version::V2_3).start().await.unwrap();
    let client = v2::Client::new(&old.endpoint()).unwrap();
    for (index, fault) in [(1, Fault::GoAway), (2, Fault::UnknownFields), (3, drip())] {
        once(&old, "/v2/keys", fault);
        assert_eq!(client.set("/k", "v").await.unwrap().modified_index, index);
    }
}

#[tokio::test]
async fn a_reply_that_cannot_be_read_does_not_hide_that_the_write_was_done() {
    let (server, client) = server().await;
    once(&server, PUT, Fault::Malformed);
    let error = client.kv().put("k", "v").await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Refused, Outcome::Applied), "{error}");
}

#[tokio::test]
async fn a_watch_cut_within_a_fragment_tells_each_change_once() {
    let (server, client) = server().await;
    for key in ["k/1", "k/2", "k/3"] {
        client.kv().put_with(PutRequest::new(key, vec![b'v'; 1_200_000])).await.unwrap();
    }
    once(&server, WATCH, Fault::CutInFragment);
    let all = WatchCreateRequest::new(etcd_client::KeyRange::prefix("k/")).start_revision(2);
    let mut watcher = client.watch(all);
    let mut seen = Vec::new();
    while seen.len() < 3 {
        if let Update::Changes(changes) = watcher.next().await.unwrap().unwrap() {
            seen.extend(changes.events.iter().map(|event| event.kv.as_ref().unwrap().mod_revision));
        }
    }
    assert_eq!(seen, [2, 3, 4]);
}

#[tokio::test]
async fn a_watch_whose_history_is_compacted_meanwhile_tells_a_gap() {
    let (server, client) = server().await;
    client.kv().put("k", "1").await.unwrap();
    let create = WatchCreateRequest::new("k").start_revision(2);
    let mut watcher = client.watch_with(create, WatchOptions::new().relist());
    assert!(matches!(watcher.next().await, Some(Ok(Update::Changes(_)))));
    // What it has to go on from is gone by the time it asks again.
    let first = Rule::new(Fault::First(Incident::Compaction)).path(WATCH).times(1);
    server.faults().add(first);
    server.cluster().kill(0).await;
    server.cluster().v3().with(|store| {
        for value in ["2", "3"] {
            store.kv.put("k".into(), value.into(), 0);
            store.kv.commit();
        }
    });
    server.cluster().restart(0).await.unwrap();
    let gap = watcher.next().await.unwrap().unwrap();
    assert!(matches!(gap, Update::Gap(_)), "{gap:?}");
    let Some(Ok(Update::Changes(changes))) = watcher.next().await else { panic!("no difference") };
    assert_eq!(changes.events[0].kv.as_ref().unwrap().value, "3");
}

#[tokio::test]
async fn a_lease_that_the_server_ends_is_not_found() {
    let (server, client) = server().await;
    let lease = client.lease().grant(Ttl::from_seconds(600).unwrap()).await.unwrap();
    assert!(server.cluster().befall(&Incident::LeaseExpiry(lease.id)));
    let error = client.lease().keep_alive_once(lease.id).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::LeaseNotFound);
}
