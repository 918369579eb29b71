//! As much of etcd 3.4 as a queue of in-order keys needs, with writes that are lost or late.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Reply, Request, serve};

const QUEUE: &str = "/v2/keys/_locks/k";
const HEADERS: &str = "X-Etcd-Cluster-Id: 1f\r\n";

/// A server of one queue, which runs until the process ends.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    index: u64,
    keys: Vec<Key>,
    /// How many creations are still to be lost; each is carried out after some others.
    lost_creations: u32,
    /// Those that were lost: their keys come up right before that of the last creation told here.
    late: Vec<(u32, Key)>,
    creations: u32,
    /// How many removals are still to be answered by silence, once carried out.
    silent_removals: u32,
    is_dead: bool,
}

#[derive(Clone)]
struct Key {
    index: u64,
    value: String,
    expires: Instant,
}

impl Key {
    fn json(&self) -> String {
        let Self { index, value, .. } = self;
        format!(
            r#"{{"key":"/_locks/k/{index:020}","value":"{value}","createdIndex":{index},"modifiedIndex":{index}}}"#
        )
    }
}

impl Server {
    pub(crate) fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let answering = Arc::clone(&shared);
        let address = serve(move |request| answering.answer(request));
        Self { address, shared }
    }

    /// The first creation gets no answer after this time, and is carried out right before the one
    /// with this number.
    pub(crate) fn lose_a_creation_until(&self, number: u32) {
        let mut state = self.state();
        state.lost_creations = number;
    }

    pub(crate) fn silence_removals(&self, count: u32) {
        self.state().silent_removals = count;
    }

    /// From now on every connection is cut.
    pub(crate) fn die(&self) {
        self.state().is_dead = true;
        self.shared.changed.notify_all();
    }

    /// A key of someone else.
    pub(crate) fn enter(&self) -> u64 {
        self.state().create("someone".to_owned(), Instant::now() + Duration::from_secs(600))
    }

    pub(crate) fn remove(&self, index: u64) {
        self.state().keys.retain(|key| key.index != index);
        self.shared.changed.notify_all();
    }

    /// The indexes of those in the queue.
    pub(crate) fn queue(&self) -> Vec<u64> {
        self.state().keys.iter().map(|key| key.index).collect()
    }

    pub(crate) async fn until_queued(&self, count: usize) {
        self.until(|state| state.keys.len() == count).await;
    }

    /// Waits until a key was asked for so many times.
    pub(crate) async fn until_created(&self, times: u32) {
        self.until(|state| state.creations == times).await;
    }

    async fn until(&self, reached: impl Fn(&State) -> bool) {
        let patience = Instant::now() + Duration::from_secs(30);
        while !reached(&self.state()) {
            assert!(Instant::now() < patience, "it never comes to that");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// When the server lets a key end.
    pub(crate) fn expires(&self, index: u64) -> Option<Instant> {
        self.state().keys.iter().find(|key| key.index == index).map(|key| key.expires)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.now()
    }
}

impl State {
    fn create(&mut self, value: String, expires: Instant) -> u64 {
        self.index += 1;
        self.keys.push(Key { index: self.index, value, expires });
        self.index
    }

    fn key(&self, index: u64) -> Reply {
        match self.keys.iter().find(|key| key.index == index) {
            Some(key) => says(200, format!(r#"{{"action":"get","node":{}}}"#, key.json())),
            None => not_found(),
        }
    }

    fn listing(&self) -> Reply {
        let nodes: Vec<_> = self.keys.iter().map(Key::json).collect();
        let nodes = nodes.join(",");
        says(
            200,
            format!(
                r#"{{"action":"get","node":{{"key":"/_locks/k","dir":true,"nodes":[{nodes}]}}}}"#
            ),
        )
    }
}

fn says(status: u16, body: String) -> Reply {
    Reply::Says(status, HEADERS, body)
}

fn not_found() -> Reply {
    says(404, r#"{"errorCode":100,"message":"Key not found","cause":"/k","index":9}"#.to_owned())
}

impl Shared {
    fn now(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap();
        let now = Instant::now();
        state.keys.retain(|key| key.expires > now);
        state
    }

    fn answer(&self, request: &Request) -> Reply {
        if self.now().is_dead {
            return Reply::Cut;
        }
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        if path == "/version" {
            return says(200, r#"{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}"#.to_owned());
        }
        let Some(rest) = path.strip_prefix(QUEUE) else {
            return says(200, r#"{"action":"get","node":{"dir":true}}"#.to_owned());
        };
        let index = rest.trim_start_matches('/').parse().ok();
        match (&*request.method, index) {
            ("POST", None) => self.create(&request.form),
            ("GET", None) => self.now().listing(),
            ("GET", Some(index)) if query.contains("wait=true") => self.wait(index),
            ("GET", Some(index)) => self.now().key(index),
            ("PUT", Some(index)) => self.renew(index, &request.form),
            ("DELETE", Some(index)) => self.remove(index),
            _ => says(405, String::new()),
        }
    }

    fn create(&self, form: &str) -> Reply {
        let received = Instant::now();
        let value = field(form, "value").to_owned();
        let mut state = self.now();
        let expires = received + Duration::from_secs(field(form, "ttl").parse().unwrap());
        state.creations += 1;
        if state.creations == 1 && state.lost_creations > 0 {
            let late = (state.lost_creations, Key { index: 0, value, expires });
            state.late.push(late);
            drop(state);
            thread::sleep(Duration::from_millis(1500));
            return Reply::Cut;
        }
        let number = state.creations;
        if let Some(at) = state.late.iter().position(|(before, _)| *before == number) {
            let (_, key) = state.late.remove(at);
            state.create(key.value, key.expires);
        }
        let index = state.create(value, expires);
        says(201, format!(r#"{{"action":"create","node":{{"key":"/_locks/k/{index:020}"}}}}"#))
    }

    fn renew(&self, index: u64, form: &str) -> Reply {
        let mut state = self.now();
        let Some(key) = state.keys.iter_mut().find(|key| key.index == index) else {
            return not_found();
        };
        let ttl = Duration::from_secs(field(form, "ttl").parse().unwrap());
        key.expires = key.expires.max(Instant::now() + ttl);
        says(200, format!(r#"{{"action":"update","node":{{"key":"/_locks/k/{index:020}"}}}}"#))
    }

    fn remove(&self, index: u64) -> Reply {
        let mut state = self.now();
        let before = state.keys.len();
        state.keys.retain(|key| key.index != index);
        let was_there = state.keys.len() < before;
        self.changed.notify_all();
        if state.silent_removals > 0 {
            state.silent_removals -= 1;
            return Reply::Cut;
        }
        match was_there {
            true => says(200, r#"{"action":"delete","node":{"key":"/k"}}"#.to_owned()),
            false => not_found(),
        }
    }

    /// Lets go of the watch after a while, as a server may.
    fn wait(&self, index: u64) -> Reply {
        let until = Instant::now() + Duration::from_secs(1);
        let mut state = self.now();
        while !state.is_dead && state.keys.iter().any(|key| key.index == index) {
            if Instant::now() >= until {
                return says(200, String::new());
            }
            (state, _) = self.changed.wait_timeout(state, Duration::from_millis(20)).unwrap();
            let now = Instant::now();
            state.keys.retain(|key| key.expires > now);
        }
        if state.is_dead {
            return Reply::Cut;
        }
        state.index += 1;
        let at = state.index;
        says(
            200,
            format!(
                r#"{{"action":"delete","node":{{"key":"/_locks/k/{index:020}","modifiedIndex":{at},"createdIndex":{index}}}}}"#
            ),
        )
    }
}

fn field<'a>(form: &'a str, name: &str) -> &'a str {
    let fields = form.split('&').filter_map(|pair| pair.split_once('='));
    fields.into_iter().find(|(field, _)| *field == name).map_or("", |(_, value)| value)
}
