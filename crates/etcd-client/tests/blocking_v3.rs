//! The v3 client without async, on the server in this process.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use etcd_client::blocking::Client;
use etcd_client::v3::Update;
use etcd_client::v3::api::{PutRequest, RangeRequest, TxnRequest};
use etcd_client::{ErrorKind, KeyRange, Ttl};
use etcd_test_server::TestServer;
use tokio::runtime::{Builder, Runtime};

/// A server, on threads of its own.
struct Served {
    server: TestServer,
    runtime: Runtime,
}

impl Served {
    fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(TestServer::start()).unwrap();
        Self { server, runtime }
    }

    fn client(&self) -> Client {
        Client::new(&self.server.endpoint()).unwrap()
    }
}

fn ttl(seconds: &str) -> Ttl {
    seconds.parse().unwrap()
}

#[test]
fn keys_are_written_read_and_watched() {
    let served = Served::start();
    let client = served.client().namespace("/here/");
    let kv = client.kv();
    let mut watcher = client.watch(KeyRange::all());
    watcher.created().unwrap();
    assert!(watcher.next_within(Duration::from_millis(20)).unwrap().is_none());
    kv.put("a", "1").unwrap();
    kv.txn(TxnRequest::new().then([PutRequest::new("b", "2"), PutRequest::new("c", "3")])).unwrap();
    assert_eq!(kv.get("a").unwrap().unwrap().value, "1");
    assert_eq!(kv.range(RangeRequest::new(KeyRange::all())).unwrap().kvs.len(), 3);
    let pages: Result<Vec<_>, _> = kv.range_stream(KeyRange::all()).collect();
    assert_eq!(pages.unwrap().concat().len(), 3);
    // Nothing outside of the namespace is reached.
    assert_eq!(served.client().kv().get("/here/a").unwrap().unwrap().value, "1");
    served.client().kv().put("outside", "1").unwrap();
    kv.delete(KeyRange::all()).unwrap();
    assert!(served.client().kv().get("outside").unwrap().is_some());
    let mut told = 0;
    while told < 6 {
        let Some(Update::Changes(changes)) = watcher.next().transpose().unwrap() else { continue };
        told += changes.events.len();
    }
    assert_eq!(told, 6, "three written and three deleted");
}

#[test]
fn a_lease_is_renewed_between_calls_by_whatever_is_left_of_the_client() {
    let served = Served::start();
    let client = served.client();
    let lease = client.lease().grant_and_keep(ttl("2")).unwrap();
    client.kv().put_with(PutRequest::new("k", "v").lease(lease.id())).unwrap();
    drop(client);
    // Longer than it lives by itself, and nobody calls anything.
    std::thread::sleep(Duration::from_millis(3500));
    assert!(lease.lost_within(Duration::ZERO).unwrap().is_none());
    let others = served.client();
    assert!(others.kv().get("k").unwrap().is_some());
    lease.revoke().unwrap();
    assert!(others.kv().get("k").unwrap().is_none());
}

#[test]
fn a_lock_has_one_holder_who_hears_when_it_is_lost() {
    let served = Served::start();
    let (first, second) = (served.client(), served.client());
    let lock = first.lock("l", ttl("5")).unwrap();
    let busy = second.try_lock("l", ttl("5")).unwrap_err();
    assert_eq!(busy.kind(), &ErrorKind::LockBusy);
    assert!(lock.run(|held| held.is_held()).unwrap());
    lock.put("k", "held").unwrap();
    second.kv().delete(lock.key().clone()).unwrap();
    lock.lost().unwrap();
    let refused = lock.put("k", "not held").unwrap_err();
    assert_eq!(refused.kind(), &ErrorKind::LockLost, "{refused}");
    assert_eq!(second.kv().get("k").unwrap().unwrap().value, "held");
    let leads = second.election("e").campaign("second", ttl("5")).unwrap();
    assert_eq!(first.election("e").leader().unwrap().unwrap().value, "second");
    leads.proclaim("still").unwrap();
    leads.resign().unwrap();
    assert!(first.election("e").leader().unwrap().is_none());
}

#[test]
fn within_async_code_it_says_so_and_does_not_block() {
    let served = Served::start();
    let client = served.client();
    let error = served.runtime.block_on(async { client.kv().get("k").unwrap_err() });
    assert!(error.to_string().contains("async"), "{error}");
    // Dropped there, it neither blocks nor panics.
    served.runtime.block_on(async { drop(client) });
}

#[test]
fn a_snapshot_goes_to_any_writer() {
    let served = Served::start();
    let client = served.client();
    client.kv().put("k", "v").unwrap();
    let (member, mut bytes) = (served.server.endpoint().parse().unwrap(), Vec::new());
    let length = client.maintenance().snapshot(&member).unwrap().copy_to(&mut bytes).unwrap();
    assert!(length > 512 && usize::try_from(length) == Ok(bytes.len()));
}
