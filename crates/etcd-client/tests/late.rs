//! Answers that came in time, to a process that had none to read them.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use etcd_client::{Client, Config, Error, ErrorKind, Outcome, v2};
use etcd_test_server::fault::{Fault, Rule};
use etcd_test_server::{TestServer, Version};
use tokio::runtime::{Builder, Runtime};

const DEADLINE: Duration = Duration::from_secs(2);
/// How long the server thinks, which is in time, and the client has by then sent its request.
const ANSWERED: Duration = Duration::from_millis(1200);
/// For so long nobody reads: past the deadline.
const BUSY: Duration = Duration::from_millis(2500);

/// A server that is slow about what changes or tells a key, and goes on while a client's threads are busy.
struct Slow {
    endpoint: String,
    _runtime: Runtime,
    _server: TestServer,
}

fn slow(version: Version, fault: Fault) -> Slow {
    let runtime = one_thread();
    let started = runtime.block_on(TestServer::builder().version(version).start());
    let server = started.expect("a port");
    for path in ["/v2/keys/k", "/etcdserverpb.KV/"] {
        server.faults().add(Rule::new(fault.clone()).path(path));
    }
    Slow { endpoint: server.endpoint(), _runtime: runtime, _server: server }
}

/// What a call comes to whose process stands still from soon after its request was sent until long after
/// its deadline; and when that was, counted from the beginning of the call.
fn standing_still<T, F>(call: impl FnOnce() -> F) -> (T, Duration)
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let runtime = one_thread();
    let (send, ended) = mpsc::channel();
    let call = call();
    runtime.spawn(async move {
        let began = Instant::now();
        let done = call.await;
        let _ = send.send((done, began.elapsed()));
    });
    runtime.spawn(async {
        tokio::time::sleep(ANSWERED / 2).await;
        thread::sleep(BUSY);
    });
    ended.recv_timeout(Duration::from_secs(60)).expect("the call ends")
}

/// One thread for calls, connections and timers.
fn one_thread() -> Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime")
}

fn config() -> Config {
    Config::default().deadline(DEADLINE)
}

#[test]
fn an_answer_that_came_in_time_counts_over_v3() {
    let server = slow(Version::V3_7, Fault::Delay(ANSWERED));
    let client = || Client::with_config(&server.endpoint, config()).expect("an endpoint");
    let (put, took) = standing_still(|| {
        let client = client();
        async move { client.kv().put("k", "v").await.map(drop) }
    });
    assert!(put.is_ok() && took > DEADLINE, "{put:?} after {took:?}");
    let (got, took) = standing_still(|| {
        let client = client();
        async move { client.kv().get("k").await.map(|found| found.map(|found| found.value)) }
    });
    assert_eq!(got.expect("it is told").as_deref(), Some(b"v".as_slice()), "after {took:?}");
    assert!(took > DEADLINE, "{took:?}");
}

#[test]
fn an_answer_that_came_in_time_counts_over_v2() {
    let server = slow(Version::V3_4, Fault::Delay(ANSWERED));
    let client = || v2::Client::with_config(&server.endpoint, config()).expect("an endpoint");
    let (set, took) = standing_still(|| {
        let client = client();
        async move { client.set("k", "v").await.map(drop) }
    });
    assert!(set.is_ok() && took > DEADLINE, "{set:?} after {took:?}");
    let (got, took) = standing_still(|| {
        let client = client();
        async move { client.get("k").await.map(|entry| entry.value) }
    });
    assert_eq!(got.expect("it is told").as_deref(), Some("v"), "after {took:?}");
    assert!(took > DEADLINE, "{took:?}");
}

#[test]
fn where_none_came_the_call_ends_soon_after_it_hears_of_its_end() {
    let server = slow(Version::V3_7, Fault::Silence);
    let client = Client::with_config(&server.endpoint, config()).expect("an endpoint");
    let (put, took): (Result<_, Error>, _) =
        standing_still(|| async move { client.kv().put("k", "v").await.map(drop) });
    let error = put.expect_err("nobody answers");
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Timeout, Outcome::Unknown));
    assert!(took < ANSWERED / 2 + BUSY + Duration::from_secs(1), "{took:?}");
}
