//! A watch through all faults: what it saw is the history of the store.

use std::collections::BTreeMap;

use etcd_client::Error;
use etcd_client::v2::api::Node;
use etcd_client::v2::{Change, Client, Event, WatchOptions, Watcher};
use tokio::task::JoinHandle;

/// The key whose change ends the watch.
const LAST: &str = "/chaos/last";

/// A watch that is under way.
pub(super) struct Witness(JoinHandle<Result<Vec<Change>, Error>>);

/// Watches from now on.
pub(super) async fn start(client: &Client) -> Result<Witness, Error> {
    let made = client.create_directory("/chaos").await?;
    let options = WatchOptions::new().recursive().from_index(made.modified_index + 1);
    Ok(Witness(tokio::spawn(watch(client.watch("/chaos", options)?))))
}

async fn watch(mut watcher: Watcher) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    loop {
        match watcher.next().await.expect("a watch ends with an error or not at all")? {
            Event::Change(change) if change.key == LAST => return Ok(changes),
            Event::Change(change) => changes.push(change),
            gap => panic!("the watch fell behind at {:?}: {gap:?}", changes.last()),
        }
    }
}

impl Witness {
    /// All changes until now.
    pub(super) async fn stop(self, client: &Client) -> Result<Vec<Change>, Error> {
        client.set(LAST, "").await?;
        match self.0.await {
            Ok(changes) => changes,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}

/// The changes seen are exactly those that made the store what it is: no key was written twice.
pub(super) fn check(changes: &[Change], stored: &BTreeMap<String, Node>) {
    assert!(changes.is_sorted_by(|a, b| a.index < b.index), "not in order");
    let seen: Vec<_> = changes.iter().map(|change| (change.index, change.key.as_str())).collect();
    let mut expected: Vec<_> =
        stored.values().map(|node| (node.modified_index, node.key.as_str())).collect();
    expected.sort_unstable();
    let differs = seen.iter().zip(&expected).position(|(seen, stored)| seen != stored);
    let first = differs.unwrap_or_else(|| seen.len().min(expected.len()));
    assert_eq!(seen.get(first), expected.get(first), "a change seen, and the one in the store");
}
