//! The state and upkeep of single members.

use bytes::Bytes;

use super::header::{ResponseHeader, header_only, with_revision};
use crate::ids::{MemberId, Revision};

/// Asks a member for its state.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct StatusRequest {}

/// The state of a member.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct StatusResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The member's release, such as `3.5.21`.
    #[prost(string, tag = "2")]
    pub version: String,
    /// The size of its database file, in bytes.
    #[prost(int64, tag = "3")]
    pub db_size: i64,
    /// The id of the member that it takes for the leader; zero for none.
    #[prost(uint64, tag = "4")]
    pub leader: u64,
    /// The index up to which its raft log is committed.
    #[prost(uint64, tag = "5")]
    pub raft_index: u64,
    /// Its raft term.
    #[prost(uint64, tag = "6")]
    pub raft_term: u64,
    /// The index up to which its raft log is in its store. Since 3.4.
    #[prost(uint64, tag = "7")]
    pub raft_applied_index: u64,
    /// What is wrong with it: alarms, no leader. Since 3.4.
    #[prost(string, repeated, tag = "8")]
    pub errors: Vec<String>,
    /// How much of its database file is in use, in bytes. Since 3.4.
    #[prost(int64, tag = "9")]
    pub db_size_in_use: i64,
    /// Whether it is a learner, which has no vote. Since 3.4.
    #[prost(bool, tag = "10")]
    pub is_learner: bool,
    /// The version of its storage, such as `3.6.0`; empty when it is not known. Since 3.6.
    #[prost(string, tag = "11")]
    pub storage_version: String,
    /// The size that its database may grow to, in bytes. Since 3.6.
    #[prost(int64, tag = "12")]
    pub db_size_quota: i64,
    /// Whether the cluster is on its way to an older release. Since 3.6.
    #[prost(message, optional, tag = "13")]
    pub downgrade_info: Option<DowngradeInfo>,
}

impl StatusResponse {
    /// The member that this one takes for the leader.
    pub fn leader_id(&self) -> Option<MemberId> {
        (self.leader != 0).then_some(MemberId(self.leader))
    }

    /// Whether the member that answered leads.
    pub fn is_leader(&self) -> bool {
        self.leader_id().is_some() && self.leader_id() == self.header.map(|header| header.member())
    }
}

/// Whether a cluster is on its way to an older release. Since 3.6.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct DowngradeInfo {
    /// Whether it is.
    #[prost(bool, tag = "1")]
    pub enabled: bool,
    /// The release that it is on its way to, such as `3.5.0`.
    #[prost(string, tag = "2")]
    pub target_version: String,
}

/// Gives the unused space of a member's database back; it answers nothing else meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct DefragmentRequest {}

/// Asks for a checksum of all that a member stores.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct HashRequest {}

/// A checksum of all that a member stores.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct HashResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The checksum.
    #[prost(uint32, tag = "2")]
    pub hash: u32,
}

/// Asks for a checksum of a member's keys. Since 3.3.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct HashKvRequest {
    /// The revision up to which changes count; zero for the newest.
    #[prost(int64, tag = "1")]
    pub revision: i64,
}

impl HashKvRequest {
    /// Asks for the checksum of all changes so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves changes after this revision out, so that members can be compared.
    pub fn revision(self, revision: impl Into<Revision>) -> Self {
        Self { revision: revision.into().0 }
    }
}

/// A checksum of a member's keys. Since 3.3.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct HashKvResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The checksum; comparable between members with the same `compact_revision`.
    #[prost(uint32, tag = "2")]
    pub hash: u32,
    /// The revision that history was last compacted at, from which changes count.
    #[prost(int64, tag = "3")]
    pub compact_revision: i64,
    /// The revision up to which changes count. Since 3.6.
    #[prost(int64, tag = "4")]
    pub hash_revision: i64,
}

/// Asks for a member's whole database. Since 3.3.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct SnapshotRequest {}

/// A piece of a member's database. Since 3.3.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct SnapshotResponse {
    /// Who answered; only in the first piece.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// How many bytes are still to come after this piece.
    #[prost(uint64, tag = "2")]
    pub remaining_bytes: u64,
    /// The bytes of this piece. The last 32 of all are the SHA-256 of what comes before them.
    #[prost(bytes = "bytes", tag = "3")]
    pub blob: Bytes,
    /// The version of the storage, such as `3.6.0`. Since 3.6.
    #[prost(string, tag = "4")]
    pub version: String,
}

/// Has the leader let another member lead. Since 3.3.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct MoveLeaderRequest {
    /// The id of the member that is to lead.
    #[prost(uint64, tag = "1")]
    pub target_id: u64,
}

impl MoveLeaderRequest {
    /// Lets the member with this id lead; only the leader can be asked.
    pub fn new(target: impl Into<MemberId>) -> Self {
        Self { target_id: target.into().0 }
    }
}

header_only! {
    /// Unused space was given back.
    DefragmentResponse;
    /// Another member leads. Since 3.3.
    MoveLeaderResponse;
}

with_revision!(StatusResponse, HashResponse, HashKvResponse, SnapshotResponse);
