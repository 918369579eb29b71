//! The tree as the requests of all members share it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::store::v2::Store;
use crate::version::Version;

/// The tree as the requests of all members share it.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    store: Arc<Mutex<Store>>,
    pub(super) clock: Clock,
    changed: watch::Sender<()>,
    started: Duration,
    /// It has a receiver for each watch, and nothing to tell them.
    watchers: watch::Sender<()>,
    pub(super) version: Version,
}

impl Server {
    pub(crate) fn new(version: Version, clock: Clock) -> Self {
        let store = Arc::new(Mutex::new(Store::new(version > Version::V0_3)));
        let (changed, started) = (watch::Sender::new(()), clock.now());
        Self { store, clock, changed, started, watchers: watch::Sender::new(()), version }
    }

    /// When it was started.
    pub(super) fn started(&self) -> Duration {
        self.started
    }

    /// Counts as a watch until it is dropped.
    pub(super) fn watching(&self) -> watch::Receiver<()> {
        self.watchers.subscribe()
    }

    /// How many watches there are.
    pub(super) fn watchers(&self) -> usize {
        self.watchers.receiver_count()
    }

    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Store) -> T) -> T {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let before = (store.index(), store.next_end());
        let result = act(&mut store);
        let after = (store.index(), store.next_end());
        drop(store);
        if before != after {
            self.changed.send_replace(());
        }
        result
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Ends keys when their time is over, for as long as it is polled.
    pub(crate) async fn run(&self) {
        let mut changed = self.changes();
        loop {
            changed.borrow_and_update();
            let next = self.with(|store| {
                store.expire(self.clock.now());
                store.next_end()
            });
            let over = async {
                match next {
                    // A key is over after its last moment, not in it.
                    Some(end) => self.clock.sleep_until(end + Duration::from_nanos(1)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => {}
                _ = changed.changed() => {}
            }
        }
    }
}
