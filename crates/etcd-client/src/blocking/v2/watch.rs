//! Watching keys.

use std::time::Duration;

use super::super::pump::Pump;
use super::Client;
use crate::Error;
use crate::v2::{self, Event, WatchOptions};

impl Client {
    /// Watches a key or a directory; see [`crate::v2::Watcher`].
    ///
    /// # Errors
    ///
    /// When the key cannot be used.
    pub fn watch(&self, key: &str, options: WatchOptions) -> Result<Watcher, Error> {
        Ok(Watcher { inner: self.inner.watch(key, options)?, pump: self.pump.clone() })
    }
}

/// An iterator over changes; see [`Client::watch`]. An error is its last item.
#[derive(Debug)]
pub struct Watcher {
    inner: v2::Watcher,
    pump: Pump,
}

impl Watcher {
    /// The next event, when it comes within this time.
    ///
    /// # Errors
    ///
    /// Why the watch ended.
    pub fn next_within(&mut self, most: Duration) -> Result<Option<Event>, Error> {
        let Self { inner, pump } = self;
        pump.next_within(most, inner.next())
    }
}

impl Iterator for Watcher {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self { inner, pump } = self;
        pump.next(inner.next())
    }
}
