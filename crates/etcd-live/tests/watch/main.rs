//! Watches through broken connections, lost history and lost members.

mod cuts;
mod handover;
mod model;
mod namesakes;
mod quiet;

use std::time::Duration;

use etcd_client::v2::{Change, Client, Event, Watcher};

/// Longer than anything here may take: what hangs must fail, and say where.
const PATIENCE: Duration = Duration::from_secs(30);

/// The next event of a watch that goes on.
async fn next(watcher: &mut Watcher) -> Event {
    match tokio::time::timeout(PATIENCE, watcher.next()).await {
        Ok(Some(Ok(event))) => event,
        ended => panic!("the watch told nothing in {PATIENCE:?}, or ended: {ended:?}"),
    }
}

/// The next event of a watch that must have no gap.
async fn next_change(watcher: &mut Watcher) -> Change {
    match next(watcher).await {
        Event::Change(change) => change,
        gap => panic!("there is nothing missing: {gap:?}"),
    }
}

/// Waits until the store of the member that answers has so many watchers.
async fn watchers(client: &Client, expected: u64) {
    let counted = async {
        while client.stats_store().await.expect("statistics").watchers != expected {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let counted = tokio::time::timeout(PATIENCE, counted).await;
    counted.unwrap_or_else(|_| panic!("there are not {expected} watchers after {PATIENCE:?}"));
}
