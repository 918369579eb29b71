//! Being told of changes.

use bytes::Bytes;

use super::header::{ResponseHeader, with_revision};
use super::mvcc::Event;
use super::open_enum::open_enum;
use crate::ids::Revision;
use crate::key::KeyRange;

/// What a client says on a stream of watches.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct WatchRequest {
    /// What is asked; nothing when it is of a kind that is not known here.
    #[prost(oneof = "WatchRequestUnion", tags = "1, 2, 3")]
    pub request_union: Option<WatchRequestUnion>,
}

/// What can be asked on a stream of watches.
#[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
pub enum WatchRequestUnion {
    /// Begins a watch.
    #[prost(message, tag = "1")]
    Create(WatchCreateRequest),
    /// Ends a watch.
    #[prost(message, tag = "2")]
    Cancel(WatchCancelRequest),
    /// Asks how far all watches of the stream are. Since 3.4.
    #[prost(message, tag = "3")]
    Progress(WatchProgressRequest),
}

macro_rules! kinds {
    ($($kind:ident($request:ident))*) => {$(
        impl From<$request> for WatchRequest {
            fn from(request: $request) -> Self {
                Self { request_union: Some(WatchRequestUnion::$kind(request)) }
            }
        }
    )*};
}

kinds! { Create(WatchCreateRequest) Cancel(WatchCancelRequest) Progress(WatchProgressRequest) }

/// Begins a watch on the keys of a range.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct WatchCreateRequest {
    /// The key, or the first of the range.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The first key behind the range; empty for one key alone, `\0` for no end.
    #[prost(bytes = "bytes", tag = "2")]
    pub range_end: Bytes,
    /// The revision of the first change to tell; zero for the next one.
    #[prost(int64, tag = "3")]
    pub start_revision: i64,
    /// Whether to say how far the watch is when nothing changes for some minutes.
    #[prost(bool, tag = "4")]
    pub progress_notify: bool,
    /// What not to tell, as numbers; see [`filters`](Self::filters). Since 3.1.
    #[prost(int32, repeated, tag = "5")]
    pub filters: Vec<i32>,
    /// Whether to tell the key as it was before too. Since 3.1.
    #[prost(bool, tag = "6")]
    pub prev_kv: bool,
    /// The id that the watch is to have on its stream; zero lets the server choose. Since 3.4.
    #[prost(int64, tag = "7")]
    pub watch_id: i64,
    /// Whether a reply that is too large may come in pieces. Since 3.4.
    #[prost(bool, tag = "8")]
    pub fragment: bool,
}

impl WatchCreateRequest {
    /// Tells every change in `range` from now on.
    pub fn new(range: impl Into<KeyRange>) -> Self {
        let KeyRange { key, range_end } = range.into();
        Self { key, range_end, ..Self::default() }
    }

    /// Tells every change from this revision on, which may lie in the past or to come.
    ///
    /// One that is compacted ends the watch with a [`compact_revision`](WatchResponse::compact_revision).
    pub fn start_revision(self, revision: impl Into<Revision>) -> Self {
        Self { start_revision: revision.into().0, ..self }
    }

    /// Says how far the watch is when nothing changes for some minutes.
    pub fn progress_notify(self) -> Self {
        Self { progress_notify: true, ..self }
    }

    /// Leaves changes of a kind out.
    pub fn filter(mut self, filter: FilterType) -> Self {
        self.filters.push(filter.0);
        self
    }

    /// Tells the key as it was before too.
    pub fn prev_kv(self) -> Self {
        Self { prev_kv: true, ..self }
    }

    /// Gives the watch this id on its stream; one in use there is refused.
    pub fn watch_id(self, id: i64) -> Self {
        Self { watch_id: id, ..self }
    }

    /// Lets a reply that is too large come in pieces, see [`WatchResponse::fragment`].
    pub fn fragment(self) -> Self {
        Self { fragment: true, ..self }
    }

    /// The keys that are watched.
    pub fn range(&self) -> KeyRange {
        KeyRange { key: self.key.clone(), range_end: self.range_end.clone() }
    }

    /// What is left out.
    pub fn filters(&self) -> impl Iterator<Item = FilterType> {
        self.filters.iter().copied().map(FilterType)
    }
}

impl<R: Into<KeyRange>> From<R> for WatchCreateRequest {
    fn from(range: R) -> Self {
        Self::new(range)
    }
}

open_enum! {
    /// What a watch does not tell.
    FilterType {
        /// That a value was put.
        NOPUT = 0,
        /// That a key was removed.
        NODELETE = 1,
    }
}

/// Ends a watch; the server confirms it. Since 3.1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct WatchCancelRequest {
    /// The watch's id on its stream. Since 3.1.
    #[prost(int64, tag = "1")]
    pub watch_id: i64,
}

impl WatchCancelRequest {
    /// Ends the watch with this id.
    pub fn new(watch_id: i64) -> Self {
        Self { watch_id }
    }
}

/// Asks how far all watches of the stream are. Since 3.4.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct WatchProgressRequest {}

/// What a server says on a stream of watches.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct WatchResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The watch's id on its stream; -1 where all of them are meant.
    #[prost(int64, tag = "2")]
    pub watch_id: i64,
    /// Whether this says that a watch was begun, or refused if `canceled` is set too.
    #[prost(bool, tag = "3")]
    pub created: bool,
    /// Whether the watch has ended, and nothing more of it will come.
    #[prost(bool, tag = "4")]
    pub canceled: bool,
    /// When the watch ended because its start is compacted: the oldest revision that is left to
    /// start at; zero otherwise.
    #[prost(int64, tag = "5")]
    pub compact_revision: i64,
    /// Why the watch has ended, where the server says so. Since 3.4.
    #[prost(string, tag = "6")]
    pub cancel_reason: String,
    /// Whether more of the same revision comes in the next reply. Since 3.4.
    #[prost(bool, tag = "7")]
    pub fragment: bool,
    /// The changes, in the order of their revisions.
    #[prost(message, repeated, tag = "11")]
    pub events: Vec<Event>,
}

impl WatchResponse {
    /// Whether this says no more than how far the watch is.
    pub fn is_progress_notify(&self) -> bool {
        let ends = self.canceled || self.compact_revision != 0;
        self.events.is_empty() && !self.created && !ends && self.revision() != Revision(0)
    }
}

with_revision!(WatchResponse);
