//! Listing again where history is gone, to tell the difference.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use etcd_proto::ids::Revision;
use etcd_proto::key::KeyRange;
use etcd_proto::v3::error::message;
use etcd_proto::v3::{KeyValue, RangeRequest};
use etcd_transport::backoff::Backoff;

use super::relist::Known;
use super::update::{Changes, Gap, Update};
use crate::error::{Error, ErrorKind};
use crate::v3::kv::Kv;

/// What a watch needs that lists again.
#[derive(Debug)]
pub(super) struct Relisting {
    kv: Kv,
    range: KeyRange,
    patience: Option<Duration>,
    known: Known,
    listing: Option<Listing>,
}

/// Where a watch goes on, and what it tells first, the last of it first.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) from: Revision,
    pub(super) told: Vec<Update>,
}

/// A listing under way.
struct Listing {
    why: Why,
    /// In a mutex that is never locked, as it makes this `Sync`.
    work: Mutex<Work>,
}

type Work = Pin<Box<dyn Future<Output = Result<Found, Error>> + Send>>;

/// What a listing is for.
#[derive(Debug, Clone, Copy)]
enum Why {
    /// What there was before the first revision that is watched.
    Begins(Revision),
    /// What there is now, as this revision and others after it can no longer be told.
    Missing(Revision),
}

/// The entries of a range, as they are at a revision.
struct Found {
    entries: Vec<KeyValue>,
    at: Revision,
}

impl std::fmt::Debug for Listing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listing").field("why", &self.why).finish_non_exhaustive()
    }
}

impl Relisting {
    /// A watch from this revision on, or from now on where it is zero.
    pub(super) fn new(
        kv: Kv,
        range: KeyRange,
        start: Revision,
        patience: Option<Duration>,
    ) -> Self {
        let mut this = Self { kv, range, patience, known: Known::default(), listing: None };
        // Before the first revision there was nothing.
        if start != Revision(1) {
            this.list(Why::Begins(start));
        }
        this
    }

    /// Whether the watch has to wait for what is listed.
    pub(super) fn lists(&self) -> bool {
        self.listing.is_some()
    }

    /// Changes from this revision on are missing.
    pub(super) fn miss(&mut self, due: Revision) {
        self.list(Why::Missing(due));
    }

    /// Takes changes that are told.
    pub(super) fn take(&mut self, changes: &Changes) {
        if !changes.inferred {
            self.known.take(&changes.events);
        }
    }

    /// Waits for a listing that is under way; nothing where none is.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Listed>, Error>> {
        while let Some(Listing { why, work }) = &mut self.listing {
            let work = work.get_mut().unwrap_or_else(PoisonError::into_inner);
            let (why, found) = (*why, ready!(work.as_mut().poll(cx)));
            self.listing = None;
            match (why, found) {
                (_, Ok(found)) => return Poll::Ready(Ok(Some(self.listed(why, found)))),
                // The state before what is asked for is gone: what there is now has to do.
                (Why::Begins(start), Err(error))
                    if *error.kind() == ErrorKind::HistoryCleared && start.0 > 0 =>
                {
                    self.list(Why::Missing(start));
                }
                (_, Err(error)) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(None))
    }

    fn list(&mut self, why: Why) {
        let (kv, range, patience) = (self.kv.clone(), self.range.clone(), self.patience);
        let work: Work = Box::pin(list(kv, range, why, patience));
        self.listing = Some(Listing { why, work: Mutex::new(work) });
    }

    fn listed(&mut self, why: Why, Found { entries, at }: Found) -> Listed {
        let (mut from, mut told) = (Revision(at.0.saturating_add(1)), Vec::new());
        match why {
            Why::Begins(start) => {
                self.known = Known::of(&entries);
                from = from.max(start);
            }
            Why::Missing(first) => {
                let events = self.known.difference(entries, at);
                if !events.is_empty() {
                    told.push(Update::Changes(Changes::inferred(events, at)));
                }
                told.push(Update::Gap(Gap::new(first, at)));
            }
        }
        Listed { from, told }
    }
}

/// Lists, and goes on trying for as long as the watch would.
async fn list(
    kv: Kv,
    range: KeyRange,
    why: Why,
    patience: Option<Duration>,
) -> Result<Found, Error> {
    let began = Instant::now();
    let mut pauses = Backoff::new(Duration::from_millis(50), Duration::from_secs(2), 0);
    let mut at = match why {
        Why::Begins(start) => Revision((start.0 - 1).max(0)),
        Why::Missing(_) => Revision(0),
    };
    let waits = || patience.is_none_or(|patience| began.elapsed() < patience);
    loop {
        match list_once(&kv, range.clone(), at, matches!(why, Why::Begins(_))).await {
            // It begins in the future: what there is now is the nearest.
            Err(error) if error.v3().is_some_and(|error| error.says(message::FUTURE_REVISION)) => {
                at = Revision(0);
            }
            Err(error) if may_pass(&error, at) && waits() => {
                tokio::time::sleep(pauses.pause()).await;
            }
            listed => return listed,
        }
    }
}

/// Whether listing again may well succeed: what is compacted between two pages is listed anew.
fn may_pass(error: &Error, at: Revision) -> bool {
    error.is_transient() || (at.0 == 0 && *error.kind() == ErrorKind::HistoryCleared)
}

async fn list_once(
    kv: &Kv,
    range: KeyRange,
    at: Revision,
    keys_only: bool,
) -> Result<Found, Error> {
    let request = RangeRequest::new(range).revision(at);
    // What is known at the start is known by its revisions alone.
    let request = if keys_only { request.keys_only() } else { request };
    let (mut entries, mut pages) = (Vec::new(), kv.range(request).stream());
    while let Some(page) = pages.next().await {
        entries.extend(page?);
    }
    Ok(Found { entries, at: pages.revision().unwrap_or(at) })
}
