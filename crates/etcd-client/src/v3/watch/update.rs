//! What a watch tells, and how it can be told to.

use std::time::{Duration, Instant};

use etcd_proto::ids::Revision;
use etcd_proto::v3::Event;

/// What a watch tells.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Update {
    /// Keys changed.
    Changes(Changes),
    /// Nothing up to this revision is missing, and nothing in it changed what is watched.
    Progress(Revision),
    /// Changes are missing here, because their history is no longer kept; the difference that they
    /// made follows. Only watches that [list again](WatchOptions::relist) tell this.
    Gap(Gap),
}

impl Update {
    /// How far the watch is with this: nothing up to this revision is missing.
    pub fn revision(&self) -> Revision {
        match self {
            Self::Changes(changes) => changes.revision(),
            Self::Progress(revision) => *revision,
            Self::Gap(gap) => gap.last,
        }
    }
}

/// Changes of one revision, or of several: all that each of them changed in what is watched.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Changes {
    /// The changes in order, at least one. Those after a [`Gap`] are made up from the difference:
    /// their keys are as they were found, and a deleted one has the revision of the listing.
    pub events: Vec<Event>,
    /// Whether these were made up from the difference after a gap.
    pub inferred: bool,
    revision: Revision,
}

impl Changes {
    /// Changes in the order of their revisions.
    pub(super) fn new(events: Vec<Event>) -> Self {
        let last = events.last().and_then(|event| event.kv.as_ref());
        let revision = Revision(last.map_or(0, |entry| entry.mod_revision));
        Self { events, inferred: false, revision }
    }

    /// The difference that leads to the state at a revision.
    pub(super) fn inferred(events: Vec<Event>, revision: Revision) -> Self {
        Self { events, inferred: true, revision }
    }

    /// The revision of the last change; nothing up to it is missing.
    pub fn revision(&self) -> Revision {
        self.revision
    }
}

/// Changes that a watch could not tell, because they are no longer kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// The first revision that is missing.
    pub first: Revision,
    /// The revision after which nothing is missing.
    pub last: Revision,
}

impl Gap {
    pub(super) fn new(first: Revision, last: Revision) -> Self {
        Self { first, last }
    }
}

/// How a watch is to behave.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WatchOptions {
    /// How many events may wait to be taken, besides one update; 10,000.
    ///
    /// When more come, the watch is let go of on the server, and made again from where it was once
    /// half of them were taken: what overflows stays in the server's history.
    pub most_events: usize,
    /// How many bytes may wait to be taken, besides one update; 4 MiB. An event takes some 200
    /// besides its keys and values.
    pub most_bytes: usize,
    /// Whether to list again where history is gone, and to tell the difference; no: the watch ends
    /// with [`Compacted`](crate::ErrorKind::Compacted). It costs a listing at the start, and room
    /// for each key and its revision.
    pub relist: bool,
    /// How long to go on trying while no member will have the watch; without end.
    pub patience: Option<Duration>,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self { most_events: 10_000, most_bytes: 4 << 20, relist: false, patience: None }
    }
}

impl WatchOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many events, and how many bytes, may wait to be taken.
    pub fn queue(self, most_events: usize, most_bytes: usize) -> Self {
        Self { most_events, most_bytes, ..self }
    }

    /// Lists again where history is gone, and tells the difference.
    pub fn relist(self) -> Self {
        Self { relist: true, ..self }
    }

    /// How long to go on trying while no member will have the watch.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience: Some(patience), ..self }
    }
}

/// How a watch is doing.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct WatchStatus {
    /// The first revision that was not received; nothing while no member has said what "now" is.
    pub next: Option<Revision>,
    /// Whether it stands on a member now.
    pub stands: bool,
    /// How often it was made again after the member that it was on was lost.
    pub resumes: u64,
    /// When a member last said anything to it.
    pub heard: Option<Instant>,
}
