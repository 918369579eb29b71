//! Watching keys: every change once and in order, through whatever happens to connections.

mod machine;
mod pace;
mod watcher;

pub use watcher::Watcher;

use std::time::Duration;

use etcd_proto::tree::Path;
use etcd_proto::v2::{Action, Node};

use super::Client;
use crate::error::Error;

/// What to watch, and from when.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WatchOptions {
    /// Changes anywhere below the key too; off.
    pub recursive: bool,
    /// The first index that is of interest; nothing for what comes after the watch has begun.
    pub from_index: Option<u64>,
    /// How long servers may be out of reach before the watch ends with an error; 60 s.
    pub patience: Duration,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self { recursive: false, from_index: None, patience: Duration::from_secs(60) }
    }
}

impl WatchOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes anywhere below the key too.
    pub fn recursive(self) -> Self {
        Self { recursive: true, ..self }
    }

    /// Starts with the first change at or after this index, which may lie in the past.
    pub fn from_index(self, index: impl Into<Option<u64>>) -> Self {
        Self { from_index: index.into(), ..self }
    }

    /// How long servers may be out of reach before the watch ends with an error.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

/// What a watch tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A key changed.
    Change(Change),
    /// Changes are missing here; the difference they made follows as changes that are
    /// [`inferred`](Change::inferred).
    Gap(Gap),
}

/// A change of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The index of the change. Where it was inferred after a gap: for a key that is there, the
    /// index of its last change; for one that is gone, the first index that is missing.
    pub index: u64,
    /// What was done.
    pub action: Action,
    /// The whole path of the key.
    pub key: String,
    /// The value now; nothing for a directory or a key that is gone.
    pub value: Option<String>,
    /// The node before; nothing where there was none or it is not known.
    pub previous: Option<Box<Node>>,
    /// Whether a directory was changed.
    pub directory: bool,
    /// Whether no server said this as such: a key below a directory that was removed whole, or
    /// the difference after a gap.
    pub inferred: bool,
}

/// Changes that a watch could not deliver: servers keep only the last 1,000 of the whole store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// The first index that is missing.
    pub first: u64,
    /// The index of the listing that tells the difference: nothing is missing after it.
    pub last: u64,
}

impl Client {
    /// Watches a key or a directory. Each change is delivered once and in order; see [`Watcher`].
    ///
    /// Nothing is sent until the watcher is asked for an event.
    ///
    /// # Errors
    ///
    /// When the key cannot be used.
    pub fn watch(&self, key: &str, options: WatchOptions) -> Result<Watcher, Error> {
        Ok(Watcher::new(self.clone(), key.parse::<Path>()?, options))
    }
}
