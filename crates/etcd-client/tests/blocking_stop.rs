//! What waits without async is ended from another thread, on the server in this process.

#![allow(clippy::unwrap_used)]

use std::thread;
use std::time::{Duration, Instant};

use etcd_client::blocking::{Client, Session};
use etcd_client::session::Event;
use etcd_client::{ErrorKind, KeyRange, Outcome, Ttl};
use etcd_test_server::TestServer;
use tokio::runtime::{Builder, Runtime};

/// Much less than a call may take, and much more than to wake a thread.
const SOON: Duration = Duration::from_secs(2);

fn served() -> (TestServer, Runtime) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    (runtime.block_on(TestServer::start()).unwrap(), runtime)
}

fn within<T>(most: Duration, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let done = work();
    assert!(began.elapsed() < most, "it took {:?}", began.elapsed());
    done
}

#[test]
fn a_watcher_is_stopped_and_its_session_goes_on() {
    let (server, _runtime) = served();
    let session = Session::open_str(&server.endpoint()).unwrap();
    session.set("/a", "1").unwrap();
    let mut watcher = session.watch("/a", Some(1)).unwrap();
    assert!(matches!(watcher.next(), Some(Ok(Event::Change(change))) if change.key == "/a"));
    let stopper = watcher.stopper();
    let (told, tells) = std::sync::mpsc::channel();
    let waiting = thread::spawn(move || {
        assert!(watcher.next_within(Duration::from_millis(50)).unwrap().is_none());
        told.send(()).unwrap();
        let next = watcher.next();
        (next, watcher.next())
    });
    tells.recv().unwrap();
    stopper.stop();
    let (next, after) = within(SOON, || waiting.join().unwrap());
    assert_eq!(*next.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert!(after.is_none());
    assert!(stopper.is_stopped() && !session.stopper().is_stopped());
    session.set("/a", "1").unwrap();
}

#[test]
fn a_session_is_stopped_with_all_that_came_from_it() {
    let (server, _runtime) = served();
    let session = Session::open_str(&server.endpoint()).unwrap();
    let ttl: Ttl = "60".parse().unwrap();
    let _held = session.lock("/l", ttl).unwrap();
    let (other, mut watcher) = (session.clone(), session.watch("/", Some(1)).unwrap());
    let waiting = thread::spawn(move || other.lock("/l", ttl));
    let fresh = Session::open_str(&server.endpoint()).unwrap();
    while fresh.list("/l").unwrap().len() < 2 {
        thread::yield_now();
    }
    session.stopper().stop();
    let error = within(SOON, || waiting.join().unwrap()).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Closed);
    let error = session.set("/a", "1").unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Closed, Outcome::NotApplied));
    let error = watcher.next().unwrap().unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Closed);
    assert!(fresh.get_opt("/a").unwrap().is_none());
}

#[test]
fn a_client_is_stopped() {
    let (server, _runtime) = served();
    let client = Client::new(&server.endpoint()).unwrap();
    let (stopper, mut watcher) = (client.stopper(), client.watch(KeyRange::all()));
    watcher.created().unwrap();
    let waiting = thread::spawn(move || watcher.next());
    stopper.stop();
    let error = within(SOON, || waiting.join().unwrap()).unwrap().unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Closed);
    assert_eq!(*client.kv().get("a").unwrap_err().kind(), ErrorKind::Closed);
}
