//! Who belongs to the cluster.

use super::header::{ResponseHeader, with_revision};
use crate::ids::MemberId;

/// A member of the cluster.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Member {
    /// The member's id.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// Its name; empty until it has started.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Where other members reach it.
    #[prost(string, repeated, tag = "3")]
    pub peer_urls: Vec<String>,
    /// Where clients reach it; empty until it has started.
    #[prost(string, repeated, tag = "4")]
    pub client_urls: Vec<String>,
    /// Whether it is a learner, which has no vote. Since 3.4.
    #[prost(bool, tag = "5")]
    pub is_learner: bool,
}

impl Member {
    /// The member's id.
    pub fn member_id(&self) -> MemberId {
        MemberId(self.id)
    }

    /// Whether it has joined; until then it has neither a name nor client URLs.
    pub fn is_started(&self) -> bool {
        !self.name.is_empty()
    }
}

/// Adds a member, which can then be started.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct MemberAddRequest {
    /// Where other members will reach it.
    #[prost(string, repeated, tag = "1")]
    pub peer_urls: Vec<String>,
    /// Whether it is to be a learner, which has no vote. Since 3.4.
    #[prost(bool, tag = "2")]
    pub is_learner: bool,
}

impl MemberAddRequest {
    /// Adds a member that other members will reach at these URLs.
    pub fn new(peer_urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { peer_urls: peer_urls.into_iter().map(Into::into).collect(), is_learner: false }
    }

    /// Adds it as a learner, which has no vote until it is promoted.
    pub fn learner(self) -> Self {
        Self { is_learner: true, ..self }
    }
}

/// A member was added.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct MemberAddResponse {
    /// Who answered.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The member that was added.
    #[prost(message, optional, tag = "2")]
    pub member: Option<Member>,
    /// All members, with the new one.
    #[prost(message, repeated, tag = "3")]
    pub members: Vec<Member>,
}

/// Removes a member.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct MemberRemoveRequest {
    /// The member's id.
    #[prost(uint64, tag = "1")]
    pub id: u64,
}

impl MemberRemoveRequest {
    /// Removes the member with this id.
    pub fn new(id: impl Into<MemberId>) -> Self {
        Self { id: id.into().0 }
    }
}

/// Gives a member other peer URLs.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct MemberUpdateRequest {
    /// The member's id.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// Where other members will reach it, in place of what was said before.
    #[prost(string, repeated, tag = "2")]
    pub peer_urls: Vec<String>,
}

impl MemberUpdateRequest {
    /// Other members will reach the member with this id at these URLs.
    pub fn new(
        id: impl Into<MemberId>,
        peer_urls: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self { id: id.into().0, peer_urls: peer_urls.into_iter().map(Into::into).collect() }
    }
}

/// Lists the members.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct MemberListRequest {
    /// Whether the member asks the others first; if not, its list may be stale. Since 3.5.
    #[prost(bool, tag = "1")]
    pub linearizable: bool,
}

impl MemberListRequest {
    /// Lists the members as the cluster knows them, which takes a leader.
    pub fn new() -> Self {
        Self { linearizable: true }
    }

    /// Lets the member answer from what it has, which may be stale.
    pub fn serializable(self) -> Self {
        Self { linearizable: false }
    }
}

/// Gives a learner a vote. Since 3.4.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct MemberPromoteRequest {
    /// The member's id.
    #[prost(uint64, tag = "1")]
    pub id: u64,
}

impl MemberPromoteRequest {
    /// Gives the learner with this id a vote; refused while it is far behind the leader.
    pub fn new(id: impl Into<MemberId>) -> Self {
        Self { id: id.into().0 }
    }
}

macro_rules! member_lists {
    ($($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
        pub struct $name {
            /// Who answered.
            #[prost(message, optional, tag = "1")]
            pub header: Option<ResponseHeader>,
            /// All members.
            #[prost(message, repeated, tag = "2")]
            pub members: Vec<Member>,
        }

        with_revision!($name);
    )*};
}

member_lists! {
    /// The members, without the one that was removed.
    MemberRemoveResponse;
    /// The members, as they are now. Servers before 3.1 leave the list out.
    MemberUpdateResponse;
    /// The members.
    MemberListResponse;
    /// The members, as they are now. Since 3.4.
    MemberPromoteResponse;
}

with_revision!(MemberAddResponse);
