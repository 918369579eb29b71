//! The election service of the server.

use bytes::Bytes;

use super::header::{ResponseHeader, header_only, with_revision};
use super::mvcc::KeyValue;
use crate::ids::LeaseId;
use crate::key::IntoBytes;

/// Waits to lead, and then does.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct CampaignRequest {
    /// The election's name.
    #[prost(bytes = "bytes", tag = "1")]
    pub name: Bytes,
    /// The lease that the leadership ends with; with zero the server makes one of 60 seconds.
    #[prost(int64, tag = "2")]
    pub lease: i64,
    /// What is proclaimed on becoming the leader.
    #[prost(bytes = "bytes", tag = "3")]
    pub value: Bytes,
}

impl CampaignRequest {
    /// Waits to lead in the election with this name, and then proclaims `value`.
    pub fn new(name: impl IntoBytes, value: impl IntoBytes) -> Self {
        Self { name: name.into_bytes(), lease: 0, value: value.into_bytes() }
    }

    /// Has the leadership end with this lease.
    pub fn lease(self, lease: impl Into<LeaseId>) -> Self {
        Self { lease: lease.into().0, ..self }
    }
}

/// An election was won.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct CampaignResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// What stands for the leadership while it lasts.
    #[prost(message, optional, tag = "2")]
    pub leader: Option<LeaderKey>,
}

/// What stands for a leadership while it lasts.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct LeaderKey {
    /// The election's name.
    #[prost(bytes = "bytes", tag = "1")]
    pub name: Bytes,
    /// The key that stands for the leadership.
    #[prost(bytes = "bytes", tag = "2")]
    pub key: Bytes,
    /// The revision in which the key was created; the leadership lasts while the key has it.
    #[prost(int64, tag = "3")]
    pub rev: i64,
    /// The lease that the leadership ends with.
    #[prost(int64, tag = "4")]
    pub lease: i64,
}

/// Asks who leads; also to be told of each new leader.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct LeaderRequest {
    /// The election's name.
    #[prost(bytes = "bytes", tag = "1")]
    pub name: Bytes,
}

impl LeaderRequest {
    /// Asks about the election with this name.
    pub fn new(name: impl IntoBytes) -> Self {
        Self { name: name.into_bytes() }
    }
}

/// Who leads.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct LeaderResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The key that stands for the leadership, with what was proclaimed as its value.
    #[prost(message, optional, tag = "2")]
    pub kv: Option<KeyValue>,
}

/// Ends a leadership, so that another may lead.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct ResignRequest {
    /// What stands for the leadership.
    #[prost(message, optional, tag = "1")]
    pub leader: Option<LeaderKey>,
}

impl ResignRequest {
    /// Ends this leadership.
    pub fn new(leader: LeaderKey) -> Self {
        Self { leader: Some(leader) }
    }
}

/// Proclaims another value as the leader.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct ProclaimRequest {
    /// What stands for the leadership.
    #[prost(message, optional, tag = "1")]
    pub leader: Option<LeaderKey>,
    /// What is proclaimed.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
}

impl ProclaimRequest {
    /// Proclaims `value` under this leadership.
    pub fn new(leader: LeaderKey, value: impl IntoBytes) -> Self {
        Self { leader: Some(leader), value: value.into_bytes() }
    }
}

header_only! {
    /// A leadership was ended.
    ResignResponse;
    /// A value was proclaimed.
    ProclaimResponse;
}

with_revision!(CampaignResponse, LeaderResponse);
