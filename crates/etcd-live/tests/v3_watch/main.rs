//! Watches of v3 on real members that are cut off, killed and stopped.

// A helper of a test may fail it.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod cuts;
mod ends;
mod many;
mod members;
mod slow;
mod users;
mod writer;

use std::time::Duration;

use etcd_client::v3::{Update, Watcher};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The next update of a watch that goes on.
async fn next(watcher: &mut Watcher) -> Update {
    let update = tokio::time::timeout(PATIENCE, watcher.next()).await;
    match update.expect("the watch says nothing").expect("the watch ends without a word") {
        Ok(update) => update,
        Err(error) => panic!("the watch ended: {error}"),
    }
}
