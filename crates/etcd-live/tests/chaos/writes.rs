//! Keys that are written once each, and whether that is what became of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use etcd_client::v2::Client;
use etcd_client::v2::api::Node;
use etcd_client::{Error, Outcome};
use tokio::time::{MissedTickBehavior, interval};

use super::{PACE, WRITES};

/// What a write reported: the index it was given, or what its error proves.
pub(super) type Fate = Result<u64, Outcome>;

fn key(number: usize) -> String {
    format!("/chaos/{number:05}")
}

fn value(number: usize) -> String {
    format!("value of {number}")
}

/// Writes all keys, a task for each client; the fate of each is in its place.
pub(super) async fn all(clients: Vec<Client>) -> Vec<Fate> {
    let next = Arc::new(AtomicUsize::new(0));
    let task = |client| tokio::spawn(some(client, Arc::clone(&next)));
    let tasks: Vec<_> = clients.into_iter().map(task).collect();
    let mut fates = BTreeMap::new();
    for task in tasks {
        fates.append(&mut task.await.expect("a writer"));
    }
    fates.into_values().collect()
}

async fn some(client: Client, next: Arc<AtomicUsize>) -> BTreeMap<usize, Fate> {
    let mut pace = interval(PACE);
    // No bursts after a stall: the server keeps only 1,000 changes for the witness.
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut fates = BTreeMap::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= WRITES {
            return fates;
        }
        pace.tick().await;
        let written = client.set(&key(number), &value(number)).await;
        let fate = written.map(|node| node.modified_index).map_err(|error| error.outcome());
        fates.insert(number, fate);
    }
}

/// All keys that are there, as the store holds them.
pub(super) async fn stored(client: &Client) -> Result<BTreeMap<String, Node>, Error> {
    let nodes = client.list_recursive("/chaos").await?;
    Ok(nodes.into_iter().map(|node| (node.key.clone(), node)).collect())
}

/// How the writes went.
#[derive(Debug, Default)]
pub(super) struct Counts {
    done: usize,
    not_applied: usize,
    unknown: usize,
    unknown_and_there: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, not_applied, unknown, unknown_and_there } = self;
        write!(f, "{done} done, {not_applied} not applied, {unknown} unknown ")?;
        write!(f, "({unknown_and_there} of them there)")
    }
}

/// Holds every report against the store.
pub(super) fn check(fates: &[Fate], stored: &BTreeMap<String, Node>) -> Counts {
    assert_eq!(fates.len(), WRITES);
    let mut counts = Counts::default();
    let mut expected = 0;
    for (number, fate) in fates.iter().enumerate() {
        let node = stored.get(&key(number));
        if let Some(node) = node {
            assert_eq!(node.value.as_deref(), Some(value(number).as_str()), "{}", node.key);
            expected += 1;
        }
        match (fate, node) {
            (Ok(index), Some(node)) => {
                counts.done += 1;
                assert_eq!(node.modified_index, *index, "{} was written again", node.key);
            }
            (Ok(index), None) => panic!("{} was done at {index} and is lost", key(number)),
            (Err(Outcome::Applied), node) => assert!(node.is_some(), "{} is lost", key(number)),
            (Err(Outcome::NotApplied), Some(node)) => {
                panic!("{} is there and was reported as not applied: {node:?}", key(number))
            }
            (Err(Outcome::NotApplied), None) => counts.not_applied += 1,
            (Err(_), node) => {
                counts.unknown += 1;
                counts.unknown_and_there += usize::from(node.is_some());
            }
        }
    }
    assert_eq!(expected, stored.len(), "keys that nobody wrote");
    counts
}
