//! The lock service of the server.

use bytes::Bytes;

use super::header::{ResponseHeader, header_only, with_revision};
use crate::ids::LeaseId;
use crate::key::IntoBytes;

/// Waits for a lock and takes it.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct LockRequest {
    /// The lock's name.
    #[prost(bytes = "bytes", tag = "1")]
    pub name: Bytes,
    /// The lease that the lock ends with; with zero the server makes one of 60 seconds.
    #[prost(int64, tag = "2")]
    pub lease: i64,
}

impl LockRequest {
    /// Waits for the lock with this name.
    pub fn new(name: impl IntoBytes) -> Self {
        Self { name: name.into_bytes(), lease: 0 }
    }

    /// Has the lock end with this lease.
    pub fn lease(self, lease: impl Into<LeaseId>) -> Self {
        Self { lease: lease.into().0, ..self }
    }
}

/// A lock was taken.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct LockResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The key that stands for the lock while it is held.
    #[prost(bytes = "bytes", tag = "2")]
    pub key: Bytes,
}

/// Gives a lock back.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct UnlockRequest {
    /// The key that stands for the lock.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
}

impl UnlockRequest {
    /// Gives back the lock that this key stands for, see [`LockResponse::key`].
    pub fn new(key: impl IntoBytes) -> Self {
        Self { key: key.into_bytes() }
    }
}

header_only! {
    /// A lock was given back.
    UnlockResponse;
}

with_revision!(LockResponse);
