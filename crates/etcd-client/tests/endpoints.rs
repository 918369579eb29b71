//! Endpoints come and go under load, and no call is lost.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use etcd_client::v3::Update;
use etcd_client::v3::api::WatchCreateRequest;
use etcd_client::{Client, Config, Endpoint, KeyRange, Session, v2};
use etcd_test_server::{Builder, TestCluster, Version};

const WRITERS: usize = 4;
/// How often the endpoints are changed.
const CHANGES: usize = 300;

fn endpoints(cluster: &TestCluster) -> Vec<Endpoint> {
    cluster.endpoints().iter().map(|endpoint| endpoint.parse().unwrap()).collect()
}

/// Each subset of three endpoints but the empty one, in turn.
fn subset(all: &[Endpoint], nth: usize) -> Vec<Endpoint> {
    let set = nth % 7 + 1;
    (0..3).filter(|at| set & (1 << at) != 0).map(|at| all[at].clone()).collect()
}

/// Changes the endpoints so often, each time after something was written.
async fn change(written: &AtomicU64, all: &[Endpoint], set: impl Fn(Vec<Endpoint>)) {
    for nth in 0..CHANGES {
        let before = written.load(Ordering::SeqCst);
        set(subset(all, nth));
        while written.load(Ordering::SeqCst) == before {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn v3_loses_no_call_and_no_event() {
    let cluster = TestCluster::builder().start_cluster(3).await.unwrap();
    let all = endpoints(&cluster);
    let client = Client::with_endpoints(vec![all[0].clone()], Config::default());
    let all_of_it = WatchCreateRequest::new(KeyRange::prefix("k/")).start_revision(1);
    let mut watcher = client.watch(all_of_it);
    let (done, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (client, done, written) = (client.clone(), Arc::clone(&done), Arc::clone(&written));
            tokio::spawn(async move {
                let mut count = 0;
                while !done.load(Ordering::SeqCst) {
                    client.kv().put(format!("k/{writer}/{count}"), "v").await.unwrap();
                    client.kv().get(format!("k/{writer}/{count}")).await.unwrap().unwrap();
                    written.fetch_add(1, Ordering::SeqCst);
                    count += 1;
                }
                count
            })
        })
        .collect();
    change(&written, &all, |endpoints| client.set_endpoints(endpoints)).await;
    done.store(true, Ordering::SeqCst);
    let mut count = 0;
    for writer in writers {
        count += writer.await.unwrap();
    }
    assert!(count >= CHANGES, "{count}");
    let mut seen = 0;
    while seen < count {
        if let Update::Changes(changes) = watcher.next().await.unwrap().unwrap() {
            seen += changes.events.len();
        }
    }
    assert_eq!(seen, count);
    assert_eq!(client.counters().failures, 0);
}

#[tokio::test]
async fn v2_and_sessions_lose_no_call() {
    let cluster = Builder::default().version(Version::V2_3).start_cluster(3).await.unwrap();
    let all = endpoints(&cluster);
    let client = v2::Client::with_endpoints(all.clone(), Config::default());
    let session = Session::open_str(&cluster.endpoints().join(",")).await.unwrap();
    let (done, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let load = async {
        while !done.load(Ordering::SeqCst) {
            let value = written.load(Ordering::SeqCst).to_string();
            client.set("/a", &value).await.unwrap();
            session.set("/b", &value).await.unwrap();
            assert_eq!(session.get("/b").await.unwrap().value, value);
            written.fetch_add(1, Ordering::SeqCst);
        }
    };
    let changes = async {
        change(&written, &all, |endpoints| {
            client.set_endpoints(endpoints.clone());
            session.set_endpoints(endpoints);
        })
        .await;
        done.store(true, Ordering::SeqCst);
    };
    tokio::join!(load, changes);
    assert_eq!(client.endpoints().len(), subset(&all, CHANGES - 1).len());
}
