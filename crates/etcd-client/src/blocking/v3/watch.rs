//! Watching keys.

use etcd_proto::ids::Revision;
use etcd_proto::v3::WatchCreateRequest;

use super::super::pump::Pump;
use super::Client;
use super::shadow::iterates;
use crate::Error;
use crate::v3::{self, Update, WatchOptions, WatchStatus};

impl Client {
    /// Watches a key, or a range of keys: from now on, or from a revision that the request names.
    ///
    /// What cannot be watched is told by the first item.
    pub fn watch(&self, request: impl Into<WatchCreateRequest>) -> Watcher {
        self.watch_with(request, WatchOptions::default())
    }

    /// Like [`watch`](Self::watch), with another queue, listing again where history is gone, or an
    /// end to its patience.
    pub fn watch_with(
        &self,
        request: impl Into<WatchCreateRequest>,
        options: WatchOptions,
    ) -> Watcher {
        let inner = self.pump.within(|| self.inner.watch_with(request, options));
        Watcher { inner, pump: self.pump.clone() }
    }
}

/// An iterator over changes, which are received between calls too; see [`crate::v3::Watcher`]. An
/// error is its last item. Dropping it ends the watch on the server.
#[derive(Debug)]
pub struct Watcher {
    inner: v3::Watcher,
    pump: Pump,
}

iterates!(Watcher, Update);

impl Watcher {
    /// Waits until the watch stands on the server, and tells from which revision on; nothing when
    /// it ended before, for a reason that comes next.
    ///
    /// # Errors
    ///
    /// Within async code, where nothing may block.
    pub fn created(&mut self) -> Result<Option<Revision>, Error> {
        self.pump.wait(self.inner.created())
    }

    /// The revision to begin another watch at that goes on behind what was given so far; nothing
    /// before the watch has stood.
    pub fn position(&self) -> Option<Revision> {
        self.inner.position()
    }

    /// How the watch is doing.
    pub fn status(&self) -> WatchStatus {
        self.inner.status()
    }

    /// Asks the member how far it has told all watches of the client; the answer is an
    /// [`Update::Progress`] for each. Since etcd 3.4.
    pub fn request_progress(&self) {
        self.inner.request_progress();
    }

    /// Ends the watch on the server, as dropping it does.
    pub fn close(self) {}
}
