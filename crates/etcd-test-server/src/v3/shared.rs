//! The store as the calls of all members share it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::clock::Clock;
use crate::store::v3::{Context, Store};

#[derive(Debug)]
struct Shared {
    store: Mutex<Store>,
    clock: Clock,
    changed: watch::Sender<()>,
    /// How often all watches were ended, and with what words.
    canceled: watch::Sender<(u64, String)>,
}

/// One member as v3 clients see it; clones, and what [`member`](Self::member) gives, share a store.
#[derive(Clone, Debug)]
pub struct Server {
    shared: Arc<Shared>,
    member: u64,
}

impl Server {
    /// The member of an id, over a store whose leases end by a clock.
    ///
    /// Whoever serves also polls [`run`](Self::run), or leases end only when a call is made.
    pub fn new(store: Store, clock: Clock, member: u64) -> Self {
        let changed = watch::Sender::new(());
        let canceled = watch::Sender::default();
        let shared = Shared { store: Mutex::new(store), clock, changed, canceled };
        Self { shared: Arc::new(shared), member }
    }

    /// Another member over the same store.
    pub fn member(&self, id: u64) -> Self {
        Self { shared: self.shared.clone(), member: id }
    }

    /// The id of the member.
    pub fn id(&self) -> u64 {
        self.member
    }

    /// The clock that leases end by.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Looks at the store or changes it, and then tells watches and waiters.
    pub fn with<T>(&self, act: impl FnOnce(&mut Store) -> T) -> T {
        let mut store = self.shared.store.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = |store: &Store| {
            (store.kv.revision(), store.kv.compacted(), store.leases.next_end(), store.cluster.term)
        };
        let before = (seen(&store), store.cluster.leader);
        let result = act(&mut store);
        let after = (seen(&store), store.cluster.leader);
        drop(store);
        if before != after {
            self.shared.changed.send_replace(());
        }
        result
    }

    /// Ends every watch that there is, in the server's name.
    pub fn cancel_watches(&self, reason: &str) {
        self.shared.canceled.send_modify(|(times, text)| {
            *times += 1;
            *text = reason.to_owned();
        });
    }

    /// Ends leases when their time is over, for as long as it is polled.
    pub async fn run(&self) {
        let mut changed = self.changes();
        loop {
            changed.borrow_and_update();
            let next = self.with(|store| {
                store.expire(self.shared.clock.now());
                store.leases.next_end()
            });
            let moved = async {
                match next {
                    Some(end) => self.shared.clock.sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = moved => {}
                _ = changed.changed() => {}
            }
        }
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.shared.changed.subscribe()
    }

    pub(super) fn cancels(&self) -> watch::Receiver<(u64, String)> {
        self.shared.canceled.subscribe()
    }

    pub(super) fn context<'a>(&self, token: Option<&'a str>) -> Context<'a> {
        Context { member: self.member, token, now: self.shared.clock.now() }
    }
}
