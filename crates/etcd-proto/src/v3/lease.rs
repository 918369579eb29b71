//! Leases: keys that go when nobody renews them.

use bytes::Bytes;

use super::header::{ResponseHeader, header_only, with_revision};
use crate::ids::{LeaseId, Ttl};

/// Makes a lease.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct LeaseGrantRequest {
    /// The time to live in seconds.
    #[prost(int64, tag = "1")]
    pub ttl: i64,
    /// The id that the lease is to have; zero lets the server choose.
    #[prost(int64, tag = "2")]
    pub id: i64,
}

impl LeaseGrantRequest {
    /// Makes a lease with this time to live, under an id that the server chooses.
    ///
    /// A server raises a time below its own minimum (two seconds by default) and does not say so
    /// but in the reply.
    pub fn new(ttl: Ttl) -> Self {
        Self { ttl: ttl.seconds().try_into().unwrap_or(i64::MAX), id: 0 }
    }

    /// Makes it under this id; one in use is refused.
    pub fn id(self, id: impl Into<LeaseId>) -> Self {
        Self { id: id.into().0, ..self }
    }
}

/// The lease that was made.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct LeaseGrantResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The lease's id.
    #[prost(int64, tag = "2")]
    pub id: i64,
    /// The time to live that the server chose, in seconds.
    #[prost(int64, tag = "3")]
    pub ttl: i64,
    /// Why there is no lease; servers refuse the call instead, and leave this empty.
    #[prost(string, tag = "4")]
    pub error: String,
}

/// Ends a lease, and removes its keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct LeaseRevokeRequest {
    /// The lease's id.
    #[prost(int64, tag = "1")]
    pub id: i64,
}

header_only! {
    /// A lease was ended and its keys removed.
    LeaseRevokeResponse;
    /// Times left were taken over. Since 3.4.
    LeaseCheckpointResponse;
}

/// Gives a lease its whole time to live again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct LeaseKeepAliveRequest {
    /// The lease's id.
    #[prost(int64, tag = "1")]
    pub id: i64,
}

/// How long a lease that was renewed lives on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct LeaseKeepAliveResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The lease's id.
    #[prost(int64, tag = "2")]
    pub id: i64,
    /// The time that is left from now, in seconds; zero when the lease is gone.
    #[prost(int64, tag = "3")]
    pub ttl: i64,
}

/// Asks how long a lease has to live. Since 3.1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct LeaseTimeToLiveRequest {
    /// The lease's id.
    #[prost(int64, tag = "1")]
    pub id: i64,
    /// Whether to answer the keys that go with it.
    #[prost(bool, tag = "2")]
    pub keys: bool,
}

impl LeaseTimeToLiveRequest {
    /// Asks about the lease with this id.
    pub fn new(id: impl Into<LeaseId>) -> Self {
        Self { id: id.into().0, keys: false }
    }

    /// Answers the keys that go with it.
    pub fn keys(self) -> Self {
        Self { keys: true, ..self }
    }
}

/// How long a lease has to live. Since 3.1.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct LeaseTimeToLiveResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The lease's id.
    #[prost(int64, tag = "2")]
    pub id: i64,
    /// The time that is left, in seconds; -1 when there is no such lease.
    #[prost(int64, tag = "3")]
    pub ttl: i64,
    /// The time that it has when it is made or renewed, in seconds.
    #[prost(int64, tag = "4")]
    pub granted_ttl: i64,
    /// The keys that go with it, if they were asked for.
    #[prost(bytes = "bytes", repeated, tag = "5")]
    pub keys: Vec<Bytes>,
}

/// Lists all leases. Since 3.3.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct LeaseLeasesRequest {}

/// All leases. Since 3.3.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct LeaseLeasesResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The leases.
    #[prost(message, repeated, tag = "2")]
    pub leases: Vec<LeaseStatus>,
}

/// A lease in a list. Since 3.3.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct LeaseStatus {
    /// The lease's id.
    #[prost(int64, tag = "1")]
    pub id: i64,
}

/// The time that a lease had left, as members tell each other. Since 3.4.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct LeaseCheckpoint {
    /// The lease's id.
    #[prost(int64, tag = "1")]
    pub id: i64,
    /// The time that is left, in seconds.
    #[prost(int64, tag = "2")]
    pub remaining_ttl: i64,
}

/// Times that leases had left, as members tell each other. Since 3.4.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct LeaseCheckpointRequest {
    /// The leases.
    #[prost(message, repeated, tag = "1")]
    pub checkpoints: Vec<LeaseCheckpoint>,
}

macro_rules! of_one_lease {
    ($($name:ident),*) => {$(
        impl $name {
            /// Names the lease with this id.
            pub fn new(id: impl Into<LeaseId>) -> Self {
                Self { id: id.into().0 }
            }
        }
    )*};
}

macro_rules! with_lease_id {
    ($($name:ident),*) => {$(
        impl $name {
            /// The lease's id.
            pub fn lease_id(&self) -> LeaseId {
                LeaseId(self.id)
            }
        }
    )*};
}

of_one_lease!(LeaseRevokeRequest, LeaseKeepAliveRequest);
with_lease_id!(LeaseGrantResponse, LeaseKeepAliveResponse, LeaseTimeToLiveResponse, LeaseStatus);
with_revision!(
    LeaseGrantResponse,
    LeaseKeepAliveResponse,
    LeaseTimeToLiveResponse,
    LeaseLeasesResponse,
);
