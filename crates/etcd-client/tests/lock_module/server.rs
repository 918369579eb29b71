//! As much of etcd 0.3.0 as its lock module shows, with the fault that matters: whoever waits is
//! told that he holds the lock at any sign of the one before, also at its renewal.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};

use crate::common::{Reply, serve};

/// A server of one lock, which runs until the process ends.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    lock: Arc<Lock>,
}

#[derive(Default)]
struct Lock {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    made: u64,
    /// The indexes of those who hold and wait, the holder first.
    queue: Vec<u64>,
    /// How many signs there were of anyone in the queue.
    signs: u64,
}

impl Server {
    pub(crate) fn start() -> Self {
        let lock = Arc::<Lock>::default();
        let shared = Arc::clone(&lock);
        let address = serve(move |request| {
            let (status, text) = shared.answer(&request.method, &request.target, &request.form);
            Reply::Says(status, "", text)
        });
        Self { address, lock }
    }

    /// The indexes of those who hold and wait, the holder first.
    pub(crate) fn queue(&self) -> Vec<u64> {
        self.lock.state.lock().unwrap().queue.clone()
    }
}

impl Lock {
    fn answer(&self, method: &str, target: &str, form: &str) -> (u16, String) {
        let query = target.split_once('?').map_or("", |(_, query)| query);
        match (method, target) {
            (_, "/version") => (200, "etcd v0.3.0".to_owned()),
            ("POST", _) => (200, self.acquire().to_string()),
            ("GET", _) => (200, self.first()),
            ("PUT", _) => self.touch(form, |_, _| {}),
            ("DELETE", _) => self.touch(query, |queue, at| {
                queue.remove(at);
            }),
            _ => (405, String::new()),
        }
    }

    fn acquire(&self) -> u64 {
        let mut state = self.state.lock().unwrap();
        state.made += 1;
        let (index, signs) = (state.made, state.signs);
        state.queue.push(index);
        if state.queue.len() > 1 {
            state = self.changed.wait_while(state, |state| state.signs == signs).unwrap();
        }
        drop(state);
        index
    }

    fn first(&self) -> String {
        self.state.lock().unwrap().queue.first().map_or(String::new(), u64::to_string)
    }

    fn touch(&self, parameters: &str, change: impl FnOnce(&mut Vec<u64>, usize)) -> (u16, String) {
        let index = parameters.split('&').find_map(|pair| pair.strip_prefix("index="));
        let index: u64 = index.and_then(|index| index.parse().ok()).unwrap_or_default();
        let mut state = self.state.lock().unwrap();
        let Some(at) = state.queue.iter().position(|&other| other == index) else {
            return (500, format!("100: Key not found (/_etcd/mod/lock/k/{index}) [6]"));
        };
        change(&mut state.queue, at);
        state.signs += 1;
        self.changed.notify_all();
        (200, String::new())
    }
}
