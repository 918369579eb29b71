//! The members of the cluster.

use std::time::Duration;

use etcd_proto::call::Outcome;
use etcd_proto::ids::MemberId;
use etcd_proto::v3::error::message;
use etcd_proto::v3::{
    Member, MemberAddRequest, MemberAddResponse, MemberListRequest, MemberListResponse,
    MemberPromoteRequest, MemberPromoteResponse, MemberRemoveRequest, MemberRemoveResponse,
    MemberUpdateRequest, MemberUpdateResponse, Rpc, StatusRequest,
};
use etcd_transport::{CallError, CallOptions};

use super::core::Core;
use crate::error::{Error, ErrorKind};

/// The members of the cluster. Cloning is cheap.
///
/// A change of members waits for the cluster to agree, which may take longer than a write: it has
/// three times the [deadline](crate::Config::deadline) of other calls, unless told otherwise.
/// Servers drop a change without a word that comes before the leader has applied the one before:
/// after an unknown outcome, [`member_list`](Self::member_list) tells.
#[derive(Debug, Clone)]
pub struct Cluster {
    core: Core,
    options: CallOptions,
}

impl Cluster {
    pub(super) fn new(core: Core) -> Self {
        Self { core, options: CallOptions::default() }
    }

    /// The same, with options for each call.
    pub fn with_options(&self, options: CallOptions) -> Self {
        Self { options, ..self.clone() }
    }

    /// Adds a member by its peer URLs; start it afterwards.
    ///
    /// # Errors
    ///
    /// A refusal for URLs that a member has already and while too few members run, or that no
    /// server answered.
    pub async fn member_add<U: Into<String>>(
        &self,
        peer_urls: impl IntoIterator<Item = U>,
    ) -> Result<MemberAddResponse, Error> {
        self.member_add_with(MemberAddRequest::new(peer_urls)).await
    }

    /// Adds a member as a learner, which has no vote until it is
    /// [promoted](Self::member_promote) (3.4 and later; an older server adds a voting member).
    ///
    /// # Errors
    ///
    /// As for [`member_add`](Self::member_add), and while there is a learner already.
    pub async fn member_add_as_learner<U: Into<String>>(
        &self,
        peer_urls: impl IntoIterator<Item = U>,
    ) -> Result<MemberAddResponse, Error> {
        self.member_add_with(MemberAddRequest::new(peer_urls).learner()).await
    }

    /// Adds the member that a request describes.
    ///
    /// # Errors
    ///
    /// As for [`member_add`](Self::member_add).
    pub async fn member_add_with(
        &self,
        request: MemberAddRequest,
    ) -> Result<MemberAddResponse, Error> {
        self.core.call_with(&request, &self.patiently()).await
    }

    /// Removes a member; the answer lists those that are left.
    ///
    /// # Errors
    ///
    /// A refusal for one that is not there and while too few of the others run, or that no server
    /// answered.
    pub async fn member_remove(
        &self,
        id: impl Into<MemberId>,
    ) -> Result<MemberRemoveResponse, Error> {
        let removed =
            self.repeated(&MemberRemoveRequest::new(id), message::MEMBER_NOT_FOUND).await?;
        match removed {
            Some(reply) => Ok(reply),
            None => {
                let MemberListResponse { header, members } = self.member_list().await?;
                Ok(MemberRemoveResponse { header, members })
            }
        }
    }

    /// Gives a member other peer URLs.
    ///
    /// # Errors
    ///
    /// As for [`member_add`](Self::member_add), and a refusal for one that is not there.
    pub async fn member_update<U: Into<String>>(
        &self,
        id: impl Into<MemberId>,
        peer_urls: impl IntoIterator<Item = U>,
    ) -> Result<MemberUpdateResponse, Error> {
        self.core.call_with(&MemberUpdateRequest::new(id, peer_urls), &self.patiently()).await
    }

    /// The members, as the cluster knows them; before 3.5, as the member that answers does.
    ///
    /// # Errors
    ///
    /// When there is no leader, or no server answered.
    pub async fn member_list(&self) -> Result<MemberListResponse, Error> {
        self.core.call_with(&MemberListRequest::new(), &self.options).await
    }

    /// The members as the one that answers knows them, which takes no leader and may be stale.
    ///
    /// # Errors
    ///
    /// When no server answered.
    pub async fn member_list_serializable(&self) -> Result<MemberListResponse, Error> {
        self.core.call_with(&MemberListRequest::new().serializable(), &self.options).await
    }

    /// Gives a learner its vote (3.4 and later).
    ///
    /// # Errors
    ///
    /// A refusal for one that is no learner or far behind the leader, or that no server answered.
    pub async fn member_promote(
        &self,
        id: impl Into<MemberId>,
    ) -> Result<MemberPromoteResponse, Error> {
        let promoted =
            self.repeated(&MemberPromoteRequest::new(id), message::NOT_A_LEARNER).await?;
        match promoted {
            Some(reply) => Ok(reply),
            None => {
                let MemberListResponse { header, members } = self.member_list().await?;
                Ok(MemberPromoteResponse { header, members })
            }
        }
    }

    /// The member that leads, as whichever member answers sees it.
    ///
    /// # Errors
    ///
    /// A refusal while there is none, or that no server answered.
    pub async fn leader(&self) -> Result<Member, Error> {
        let status = self.core.call_with(&StatusRequest::default(), &self.options).await?;
        let members = self.member_list_serializable().await?.members;
        let leads = |member: &Member| status.leader_id() == Some(MemberId(member.id));
        members.into_iter().find(leads).ok_or_else(|| {
            Error::new(ErrorKind::Refused, Outcome::NotApplied, "the cluster has no leader now")
        })
    }

    /// Sends a request that may be sent more than once. Nothing when an earlier attempt of ours
    /// may have done it, and so a later one is told this message: it is done in any case.
    async fn repeated<M: Rpc>(&self, request: &M, done: &str) -> Result<Option<M::Reply>, Error> {
        match self.core.send(request, &self.patiently()).await {
            Ok(reply) => Ok(Some(reply)),
            Err(CallError::Refused { refusal, outcome: Outcome::Unknown, .. })
                if refusal.says(done) =>
            {
                Ok(None)
            }
            Err(error) => Err(self.core.explain(error, M::PATH, M::SINCE).await),
        }
    }

    fn patiently(&self) -> CallOptions {
        let deadline: Duration = self.core.channel().config().deadline;
        match self.options.deadline {
            Some(_) => self.options.clone(),
            None => self.options.clone().deadline(deadline.saturating_mul(3)),
        }
    }
}
