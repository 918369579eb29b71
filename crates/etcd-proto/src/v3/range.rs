//! Reading keys.

use bytes::Bytes;

use super::header::{ResponseHeader, with_revision};
use super::mvcc::KeyValue;
use super::open_enum::open_enum;
use crate::ids::Revision;
use crate::key::KeyRange;

/// Reads the keys of a range.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct RangeRequest {
    /// The key, or the first of the range.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The first key behind the range; empty for one key alone, `\0` for no end.
    #[prost(bytes = "bytes", tag = "2")]
    pub range_end: Bytes,
    /// How many keys to answer at most; zero for all.
    #[prost(int64, tag = "3")]
    pub limit: i64,
    /// The revision to read at; zero for the newest.
    #[prost(int64, tag = "4")]
    pub revision: i64,
    /// The order, as a number; see [`sort_order`](Self::sort_order).
    #[prost(int32, tag = "5")]
    pub sort_order: i32,
    /// What is put in order, as a number; see [`sort_target`](Self::sort_target).
    #[prost(int32, tag = "6")]
    pub sort_target: i32,
    /// Whether the member may answer from what it has, which may be stale.
    #[prost(bool, tag = "7")]
    pub serializable: bool,
    /// Whether to leave the values out.
    #[prost(bool, tag = "8")]
    pub keys_only: bool,
    /// Whether to answer the number of keys and none of them.
    #[prost(bool, tag = "9")]
    pub count_only: bool,
    /// Leaves out keys last changed before this revision; zero for none. Since 3.1.
    #[prost(int64, tag = "10")]
    pub min_mod_revision: i64,
    /// Leaves out keys last changed after this revision; zero for none. Since 3.1.
    #[prost(int64, tag = "11")]
    pub max_mod_revision: i64,
    /// Leaves out keys created before this revision; zero for none. Since 3.1.
    #[prost(int64, tag = "12")]
    pub min_create_revision: i64,
    /// Leaves out keys created after this revision; zero for none. Since 3.1.
    #[prost(int64, tag = "13")]
    pub max_create_revision: i64,
}

impl RangeRequest {
    /// Reads every key of `range`, at the newest revision.
    pub fn new(range: impl Into<KeyRange>) -> Self {
        let KeyRange { key, range_end } = range.into();
        Self { key, range_end, ..Self::default() }
    }

    /// Answers so many keys at most; [`RangeResponse::more`] says whether there are others.
    ///
    /// Zero stands for all of them.
    pub fn limit(self, limit: u64) -> Self {
        Self { limit: limit.try_into().unwrap_or(i64::MAX), ..self }
    }

    /// Reads the store as it was in this revision.
    ///
    /// A compacted revision and one still to come are refused.
    pub fn revision(self, revision: impl Into<Revision>) -> Self {
        Self { revision: revision.into().0, ..self }
    }

    /// Answers the keys in this order; without it, by key ascending.
    pub fn sort(self, target: SortTarget, order: SortOrder) -> Self {
        Self { sort_target: target.0, sort_order: order.0, ..self }
    }

    /// Lets the member answer from what it has, without asking the others.
    ///
    /// That is faster, works without a leader, and may be stale.
    pub fn serializable(self) -> Self {
        Self { serializable: true, ..self }
    }

    /// Leaves the values out.
    pub fn keys_only(self) -> Self {
        Self { keys_only: true, ..self }
    }

    /// Answers [`RangeResponse::count`] and no keys.
    pub fn count_only(self) -> Self {
        Self { count_only: true, ..self }
    }

    /// Leaves out keys that were last changed before this revision.
    pub fn min_mod_revision(self, revision: impl Into<Revision>) -> Self {
        Self { min_mod_revision: revision.into().0, ..self }
    }

    /// Leaves out keys that were last changed after this revision.
    pub fn max_mod_revision(self, revision: impl Into<Revision>) -> Self {
        Self { max_mod_revision: revision.into().0, ..self }
    }

    /// Leaves out keys that were created before this revision.
    pub fn min_create_revision(self, revision: impl Into<Revision>) -> Self {
        Self { min_create_revision: revision.into().0, ..self }
    }

    /// Leaves out keys that were created after this revision.
    pub fn max_create_revision(self, revision: impl Into<Revision>) -> Self {
        Self { max_create_revision: revision.into().0, ..self }
    }

    /// The keys that are read.
    pub fn range(&self) -> KeyRange {
        KeyRange { key: self.key.clone(), range_end: self.range_end.clone() }
    }

    /// The order.
    pub fn sort_order(&self) -> SortOrder {
        SortOrder(self.sort_order)
    }

    /// What is put in order.
    pub fn sort_target(&self) -> SortTarget {
        SortTarget(self.sort_target)
    }
}

impl<R: Into<KeyRange>> From<R> for RangeRequest {
    fn from(range: R) -> Self {
        Self::new(range)
    }
}

open_enum! {
    /// In which order keys are answered.
    SortOrder {
        /// By key ascending, or as the target says, ascending too.
        NONE = 0,
        /// The lowest first.
        ASCEND = 1,
        /// The highest first.
        DESCEND = 2,
    }
}

open_enum! {
    /// By what keys are put in order.
    SortTarget {
        /// By key.
        KEY = 0,
        /// By the number of changes since creation.
        VERSION = 1,
        /// By the revision of creation.
        CREATE = 2,
        /// By the revision of the last change.
        MOD = 3,
        /// By value.
        VALUE = 4,
    }
}

/// The keys that were found.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct RangeResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The keys; none when only their number was asked for.
    #[prost(message, repeated, tag = "2")]
    pub kvs: Vec<KeyValue>,
    /// Whether the limit kept keys back.
    #[prost(bool, tag = "3")]
    pub more: bool,
    /// How many keys the whole range holds, whatever the limit.
    #[prost(int64, tag = "4")]
    pub count: i64,
}

/// A piece of a range that comes as a stream. Since 3.7.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct RangeStreamResponse {
    /// The keys of this piece. Only the last piece has a header, `more` and `count` in it: a stream
    /// that ends without them was cut.
    #[prost(message, optional, tag = "1")]
    pub range_response: Option<RangeResponse>,
}

with_revision!(RangeResponse);
