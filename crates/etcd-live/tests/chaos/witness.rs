//! A watch through all faults: what it saw is the history of the store.
//!
//! Where the machine kept it for so long that the store had forgotten some changes, it saw a gap,
//! and then what was different.

use std::collections::BTreeMap;

use etcd_client::Error;
use etcd_client::v2::api::Node;
use etcd_client::v2::{Change, Client, Event, Gap, WatchOptions, Watcher};
use tokio::task::JoinHandle;

/// The key whose change ends the watch.
const LAST: &str = "/chaos/last";

/// A watch that is under way.
pub(super) struct Witness(JoinHandle<Result<Seen, Error>>);

/// What a watch saw.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) changes: Vec<Change>,
    pub(super) gaps: Vec<Gap>,
}

/// Watches from now on.
pub(super) async fn start(client: &Client) -> Result<Witness, Error> {
    let made = client.create_directory("/chaos").await?;
    let options = WatchOptions::new().recursive().from_index(made.modified_index + 1);
    Ok(Witness(tokio::spawn(watch(client.watch("/chaos", options)?))))
}

async fn watch(mut watcher: Watcher) -> Result<Seen, Error> {
    let mut seen = Seen::default();
    loop {
        match watcher.next().await.expect("a watch ends with an error or not at all")? {
            Event::Change(change) if change.key == LAST => return Ok(seen),
            Event::Change(change) => seen.changes.push(change),
            Event::Gap(gap) => seen.gaps.push(gap),
            other => panic!("{other:?}"),
        }
    }
}

impl Witness {
    /// All that was seen until now.
    pub(super) async fn stop(self, client: &Client) -> Result<Seen, Error> {
        client.set(LAST, "").await?;
        match self.0.await {
            Ok(seen) => seen,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}

/// The changes seen are exactly those that made the store what it is: no key was written twice.
pub(super) fn check(Seen { changes, gaps }: &Seen, stored: &BTreeMap<String, Node>) {
    let told = changes.iter().filter(|change| !change.inferred);
    assert!(told.is_sorted_by(|a, b| a.index < b.index), "not in order");
    let in_a_gap = |index| gaps.iter().any(|gap| (gap.first..=gap.last).contains(&index));
    let mut inferred = changes.iter().filter(|change| change.inferred);
    assert!(inferred.all(|change| in_a_gap(change.index)), "inferred without a gap");
    let mut seen: Vec<_> =
        changes.iter().map(|change| (change.index, change.key.as_str())).collect();
    seen.sort_unstable();
    let mut expected: Vec<_> =
        stored.values().map(|node| (node.modified_index, node.key.as_str())).collect();
    expected.sort_unstable();
    let differs = seen.iter().zip(&expected).position(|(seen, stored)| seen != stored);
    let first = differs.unwrap_or_else(|| seen.len().min(expected.len()));
    assert_eq!(seen.get(first), expected.get(first), "a change seen, and the one in the store");
}
