//! Writing and removing keys, and forgetting their history.

use bytes::Bytes;

use super::header::{ResponseHeader, header_only, with_revision};
use super::mvcc::KeyValue;
use crate::ids::{LeaseId, Revision};
use crate::key::{IntoBytes, KeyRange};

/// Writes a key.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct PutRequest {
    /// The key.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The value.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
    /// The lease that the key is to go with; zero for none, and takes it from one it had.
    #[prost(int64, tag = "3")]
    pub lease: i64,
    /// Whether to answer the key as it was before. Since 3.1.
    #[prost(bool, tag = "4")]
    pub prev_kv: bool,
    /// Whether to keep the value that is there. Since 3.2.
    #[prost(bool, tag = "5")]
    pub ignore_value: bool,
    /// Whether to keep the lease that is there. Since 3.2.
    #[prost(bool, tag = "6")]
    pub ignore_lease: bool,
}

impl PutRequest {
    /// Writes `value` at `key`, and takes the key from a lease that it had.
    pub fn new(key: impl IntoBytes, value: impl IntoBytes) -> Self {
        Self { key: key.into_bytes(), value: value.into_bytes(), ..Self::default() }
    }

    /// Has the key removed when this lease ends.
    pub fn lease(self, lease: impl Into<LeaseId>) -> Self {
        Self { lease: lease.into().0, ..self }
    }

    /// Answers the key as it was before.
    pub fn prev_kv(self) -> Self {
        Self { prev_kv: true, ..self }
    }

    /// Keeps the value that is there; drops the one given here, which servers would refuse.
    ///
    /// The key has to be there.
    pub fn ignore_value(self) -> Self {
        Self { ignore_value: true, value: Bytes::new(), ..self }
    }

    /// Keeps the lease that is there; drops the one given here, which servers would refuse.
    ///
    /// The key has to be there.
    pub fn ignore_lease(self) -> Self {
        Self { ignore_lease: true, lease: 0, ..self }
    }
}

/// What a write did.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct PutResponse {
    /// Who answered, and how far its store was: the revision of this write.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The key as it was before, if that was asked for and it was there. Since 3.1.
    #[prost(message, optional, tag = "2")]
    pub prev_kv: Option<KeyValue>,
}

/// Removes the keys of a range.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct DeleteRangeRequest {
    /// The key, or the first of the range.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The first key behind the range; empty for one key alone, `\0` for no end.
    #[prost(bytes = "bytes", tag = "2")]
    pub range_end: Bytes,
    /// Whether to answer the keys as they were before. Since 3.1.
    #[prost(bool, tag = "3")]
    pub prev_kv: bool,
}

impl DeleteRangeRequest {
    /// Removes every key of `range`.
    pub fn new(range: impl Into<KeyRange>) -> Self {
        let KeyRange { key, range_end } = range.into();
        Self { key, range_end, ..Self::default() }
    }

    /// Answers the keys as they were before.
    pub fn prev_kv(self) -> Self {
        Self { prev_kv: true, ..self }
    }

    /// The keys that are removed.
    pub fn range(&self) -> KeyRange {
        KeyRange { key: self.key.clone(), range_end: self.range_end.clone() }
    }
}

impl<R: Into<KeyRange>> From<R> for DeleteRangeRequest {
    fn from(range: R) -> Self {
        Self::new(range)
    }
}

/// What a removal did.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct DeleteRangeResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// How many keys were removed.
    #[prost(int64, tag = "2")]
    pub deleted: i64,
    /// The keys as they were before, if that was asked for. Since 3.1.
    #[prost(message, repeated, tag = "3")]
    pub prev_kvs: Vec<KeyValue>,
}

/// Forgets what was before a revision.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct CompactionRequest {
    /// The oldest revision that can still be read afterwards.
    #[prost(int64, tag = "1")]
    pub revision: i64,
    /// Whether to answer only when the space is freed.
    #[prost(bool, tag = "2")]
    pub physical: bool,
}

impl CompactionRequest {
    /// Forgets every state before `revision`; that one can still be read.
    pub fn new(revision: impl Into<Revision>) -> Self {
        Self { revision: revision.into().0, physical: false }
    }

    /// Answers only when the space is freed, for other keys to use.
    pub fn physical(self) -> Self {
        Self { physical: true, ..self }
    }
}

impl<R: Into<Revision>> From<R> for CompactionRequest {
    fn from(revision: R) -> Self {
        Self::new(revision)
    }
}

header_only! {
    /// History was forgotten.
    CompactionResponse;
}

with_revision!(PutResponse, DeleteRangeResponse);
