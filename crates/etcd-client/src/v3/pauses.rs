//! Pauses between tries of what goes on until it succeeds.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use etcd_transport::backoff::Backoff;

/// Pauses that grow from 20 ms to a second, and differ from client to client: those that failed
/// together should not come back together.
#[derive(Debug)]
pub(crate) struct Pauses(Backoff);

impl Pauses {
    pub(crate) fn new() -> Self {
        let seed = RandomState::new().hash_one(0);
        Self(Backoff::new(Duration::from_millis(20), Duration::from_secs(1), seed))
    }

    /// Waits for the next one.
    pub(crate) async fn pause(&mut self) {
        tokio::time::sleep(self.0.pause()).await;
    }

    /// Starts over with the shortest.
    pub(crate) fn reset(&mut self) {
        self.0.reset();
    }
}
