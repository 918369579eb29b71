//! The members of the cluster.

use etcd_proto::ids::MemberId;
use etcd_proto::v3::{
    Member, MemberAddRequest, MemberAddResponse, MemberListResponse, MemberPromoteResponse,
    MemberRemoveResponse, MemberUpdateResponse,
};
use etcd_transport::CallOptions;

use super::super::pump::Pump;
use super::shadow::calls;
use crate::Error;
use crate::v3;

/// The members of the cluster, without async; see [`crate::v3::Cluster`].
#[derive(Debug, Clone)]
pub struct Cluster {
    pub(super) inner: v3::Cluster,
    pub(super) pump: Pump,
}

impl Cluster {
    /// The same, with options for each call.
    pub fn with_options(&self, options: CallOptions) -> Self {
        Self { inner: self.inner.with_options(options), pump: self.pump.clone() }
    }
}

calls! { Cluster:
    /// Adds a member by its peer URLs; start it afterwards.
    member_add(peer_urls: impl IntoIterator<Item = impl Into<String>>) -> MemberAddResponse;
    /// Adds a member as a learner, which has no vote until it is promoted (3.4 and later).
    member_add_as_learner(peer_urls: impl IntoIterator<Item = impl Into<String>>) -> MemberAddResponse;
    /// Adds the member that a request describes.
    member_add_with(request: MemberAddRequest) -> MemberAddResponse;
    /// Removes a member; the answer lists those that are left.
    member_remove(id: impl Into<MemberId>) -> MemberRemoveResponse;
    /// Gives a member other peer URLs.
    member_update(
        id: impl Into<MemberId>,
        peer_urls: impl IntoIterator<Item = impl Into<String>>
    ) -> MemberUpdateResponse;
    /// The members, as the cluster knows them; before 3.5, as the member that answers does.
    member_list() -> MemberListResponse;
    /// The members as the one that answers knows them, which takes no leader and may be stale.
    member_list_serializable() -> MemberListResponse;
    /// Gives a learner its vote (3.4 and later).
    member_promote(id: impl Into<MemberId>) -> MemberPromoteResponse;
    /// The member that leads, as whichever member answers sees it.
    leader() -> Member;
}
