//! Being told of changes to keys: the one place where locks and elections wait.

use etcd_proto::call::Outcome;
use etcd_proto::ids::Revision;
use etcd_proto::key::KeyRange;
use etcd_proto::v3::{Event, WatchCreateRequest};

use crate::error::{Error, ErrorKind};
use crate::v3::Client;
use crate::v3::watch::{Update, Watcher};

/// Changes to a range of keys, from a revision on.
pub(crate) struct Changes {
    watcher: Watcher,
}

impl Changes {
    /// The changes from this revision on.
    pub(crate) fn from(client: &Client, range: KeyRange, revision: Revision) -> Self {
        let request = WatchCreateRequest::new(range).start_revision(revision);
        Self { watcher: client.watch(request) }
    }

    /// The next changes, whole revisions of them. Cancelling it loses nothing.
    ///
    /// # Errors
    ///
    /// Why there are no more: [`Compacted`](ErrorKind::Compacted) when the revision is no longer
    /// kept, or the user may not read the keys.
    pub(crate) async fn next(&mut self) -> Result<Vec<Event>, Error> {
        loop {
            match self.watcher.next().await {
                Some(update) => {
                    if let Update::Changes(changes) = update? {
                        return Ok(changes.events);
                    }
                }
                None => {
                    let kind = ErrorKind::Interrupted;
                    return Err(Error::new(kind, Outcome::NotApplied, "the watch has ended"));
                }
            }
        }
    }
}

/// Whether changes are not told because they are no longer kept.
pub(crate) fn is_compacted(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Compacted { .. } | ErrorKind::HistoryCleared)
}
