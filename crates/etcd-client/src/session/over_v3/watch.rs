//! A watch of a key and all below it, a change at a time.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::keys;
use crate::error::Error;
use crate::session::key::Key;
use crate::session::types::{Change, ChangeKind, Event, Gap};
use crate::v3::api::WatchCreateRequest;
use crate::v3::{Changes, Client, Update, WatchOptions, Watcher as Inner, api};

/// Changes of a key and of what lies below it.
#[derive(Debug)]
pub(in crate::session) struct Watcher {
    inner: Inner,
    path: Key,
    told: VecDeque<Event>,
}

impl Watcher {
    pub(super) fn new(client: &Client, path: Key, from_index: Option<u64>) -> Self {
        let from = from_index.map_or(0, |index| i64::try_from(index.max(1)).unwrap_or(i64::MAX));
        let request = WatchCreateRequest::new(keys::around(&path)).start_revision(from);
        let inner = client.watch_with(request, WatchOptions::new().relist());
        Self { inner, path, told: VecDeque::new() }
    }

    fn take(&mut self, update: Update) {
        match update {
            Update::Changes(Changes { events, inferred, .. }) => {
                let change = |event| change(&self.path, event, inferred);
                self.told.extend(events.into_iter().filter_map(change).map(Event::Change));
            }
            Update::Gap(gap) => {
                let [first, last] = [gap.first, gap.last].map(|revision| super::index(revision.0));
                self.told.push_back(Event::Gap(Gap::new(first, last)));
            }
            Update::Progress(_) => {}
        }
    }
}

impl Stream for Watcher {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.told.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            match ready!(Pin::new(&mut self.inner).poll_next(cx)) {
                Some(Ok(update)) => self.take(update),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// A change of the path or of what lies below it; nothing for one beside it.
///
/// v3 does not tell a key whose lease ended from one that was deleted.
fn change(path: &Key, event: api::Event, inferred: bool) -> Option<Change> {
    let kind = if event.is_delete() { ChangeKind::Delete } else { ChangeKind::Set };
    let entry = event.kv.filter(|entry| keys::concerns(path, &entry.key))?;
    let value = (kind == ChangeKind::Set).then_some(entry.value);
    Some(Change::new(
        super::index(entry.mod_revision),
        kind,
        Key::stored(entry.key),
        value,
        inferred,
    ))
}
