//! What a watch of v3 tells, while it has to go on.

use etcd_client::v3::{Update, Watcher};

use crate::each::PATIENCE;

/// The next update of a watch.
///
/// # Panics
///
/// When it ends, or tells nothing for as long as a busy machine could take.
pub async fn next(watcher: &mut Watcher) -> Update {
    let update = tokio::time::timeout(PATIENCE, watcher.next()).await;
    match update.expect("the watch says nothing").expect("the watch ends without a word") {
        Ok(update) => update,
        Err(error) => panic!("the watch ended: {error}"),
    }
}
