//! A session's watch.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::v2::api::Action;
use bytes::Bytes;
use futures_core::Stream;

use super::key::Key;
use super::over_v3;
use super::types::{Change, ChangeKind, Event, Gap};
use crate::error::Error;
use crate::v2;

/// A stream of changes; see [`Session::watch`](super::Session::watch).
///
/// It survives lost connections and members. An error is its last item. Dropping it ends the
/// watch at the server.
#[derive(Debug)]
pub struct Watcher {
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    V2(v2::Watcher),
    V3(Box<over_v3::Watcher>),
}

impl Watcher {
    pub(super) fn over_v2(inner: v2::Watcher) -> Self {
        Self { inner: Inner::V2(inner) }
    }

    pub(super) fn over_v3(inner: over_v3::Watcher) -> Self {
        Self { inner: Inner::V3(Box::new(inner)) }
    }

    /// The next event; nothing after an error. Cancelling it loses nothing.
    ///
    /// # Errors
    ///
    /// Why the watch ended.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Watcher {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.inner {
            Inner::V2(inner) => {
                Pin::new(inner).poll_next(cx).map(|next| next.map(|event| event.map(Event::from)))
            }
            Inner::V3(inner) => Pin::new(inner.as_mut()).poll_next(cx),
        }
    }
}

impl From<v2::Event> for Event {
    fn from(event: v2::Event) -> Self {
        match event {
            v2::Event::Gap(gap) => Self::Gap(Gap::new(gap.first, gap.last)),
            v2::Event::Change(change) => {
                let kind = match change.action {
                    Action::Expire => ChangeKind::Expire,
                    Action::Delete | Action::CompareAndDelete => ChangeKind::Delete,
                    _ => ChangeKind::Set,
                };
                let value = change.value.map(Bytes::from);
                Self::Change(Change::new(
                    change.index,
                    kind,
                    Key::stored(change.key),
                    value,
                    change.inferred,
                ))
            }
        }
    }
}
