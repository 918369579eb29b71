//! The state and upkeep of members: alarms, status, checksums, snapshots, downgrades.

use std::time::Duration;

use etcd_proto::ids::{MemberId, Revision};
use etcd_proto::v3::error::message;
use etcd_proto::v3::{
    AlarmRequest, AlarmResponse, AlarmType, DefragmentRequest, DefragmentResponse,
    DowngradeRequest, DowngradeResponse, HashKvRequest, HashKvResponse, HashRequest, HashResponse,
    MoveLeaderRequest, MoveLeaderResponse, Rpc, StatusRequest, StatusResponse,
};
use etcd_transport::CallOptions;
use etcd_transport::endpoint::Endpoint;

use super::core::Core;
use super::leader;
use super::snapshot::Snapshot;
use crate::error::{Error, ErrorKind};

/// How long a member may take for what goes through all of its data.
const LONG: Duration = Duration::from_secs(300);

/// How often the leader is looked for that is asked to let another lead.
const MOST_TRIES: u32 = 3;

/// The state and upkeep of members. Cloning is cheap.
///
/// What concerns one member takes its endpoint, which need be none of the client's.
///
/// ```no_run
/// # async fn example(client: &etcd_client::Client) -> Result<(), etcd_client::Error> {
/// let maintenance = client.maintenance();
/// for status in client.endpoints() {
///     let member = maintenance.status(&status.endpoint).await?;
///     println!("{}: etcd {}, {} bytes", status.endpoint, member.version, member.db_size);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Maintenance {
    core: Core,
    options: CallOptions,
}

impl Maintenance {
    pub(super) fn new(core: Core) -> Self {
        Self { core, options: CallOptions::default() }
    }

    /// The same, with options for each call.
    pub fn with_options(&self, options: CallOptions) -> Self {
        Self { options, ..self.clone() }
    }

    /// The alarms of all members.
    ///
    /// # Errors
    ///
    /// When there is no leader, or no server answered.
    pub async fn alarm_list(&self) -> Result<AlarmResponse, Error> {
        self.alarm(AlarmRequest::list()).await
    }

    /// Raises an alarm about a member. One for space has the whole cluster refuse writes.
    ///
    /// # Errors
    ///
    /// As for [`alarm_list`](Self::alarm_list).
    pub async fn alarm_activate(
        &self,
        alarm: AlarmType,
        member: impl Into<MemberId>,
    ) -> Result<AlarmResponse, Error> {
        self.alarm(AlarmRequest::activate(alarm, member)).await
    }

    /// Ends an alarm about a member; one that is not there is no error. One whose cause remains
    /// comes again.
    ///
    /// # Errors
    ///
    /// As for [`alarm_list`](Self::alarm_list).
    pub async fn alarm_deactivate(
        &self,
        alarm: AlarmType,
        member: impl Into<MemberId>,
    ) -> Result<AlarmResponse, Error> {
        self.alarm(AlarmRequest::deactivate(alarm, member)).await
    }

    /// What a member says of itself, without asking the others.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub async fn status(&self, member: &Endpoint) -> Result<StatusResponse, Error> {
        self.at(member).call_with(&StatusRequest::default(), &self.options).await
    }

    /// Has a member give the unused space of its database back, which may take minutes. It
    /// answers nothing else meanwhile.
    ///
    /// It may take 5 minutes, unless the options say otherwise.
    ///
    /// # Errors
    ///
    /// When it does not answer in time; it may go on all the same.
    pub async fn defragment(&self, member: &Endpoint) -> Result<DefragmentResponse, Error> {
        self.long(member, &DefragmentRequest::default()).await
    }

    /// A checksum of all that a member stores. It differs between members that hold the same keys.
    ///
    /// It may take 5 minutes, unless the options say otherwise.
    ///
    /// # Errors
    ///
    /// When it does not answer in time.
    pub async fn hash(&self, member: &Endpoint) -> Result<HashResponse, Error> {
        self.long(member, &HashRequest::default()).await
    }

    /// A checksum of a member's keys up to a revision, or else the newest. Members that were
    /// compacted at the same revision have the same (3.3 and later).
    ///
    /// It may take 5 minutes, unless the options say otherwise.
    ///
    /// # Errors
    ///
    /// [`HistoryCleared`](crate::ErrorKind::HistoryCleared) for a revision that was compacted, a
    /// refusal for one still to come, or that the member does not answer in time.
    pub async fn hash_kv(
        &self,
        member: &Endpoint,
        revision: Option<Revision>,
    ) -> Result<HashKvResponse, Error> {
        self.long(member, &HashKvRequest::new().revision(revision.unwrap_or_default())).await
    }

    /// Has the leader let another member lead.
    ///
    /// The leader is looked for among the endpoints of this client, and then by the addresses that
    /// the cluster lists.
    ///
    /// # Errors
    ///
    /// A refusal for a member that cannot lead, as a learner, or that the leader was not found or
    /// did not answer.
    pub async fn move_leader(&self, to: impl Into<MemberId>) -> Result<MoveLeaderResponse, Error> {
        let request = MoveLeaderRequest::new(to);
        let mut tries = 0;
        loop {
            let leader = leader::find(&self.core, &self.options).await?;
            let moved = self.at(&leader).call_with(&request, &self.options).await;
            tries += 1;
            match moved {
                // Another one leads since it said that it does.
                Err(error) if tries < MOST_TRIES && is_not_leader(&error) => {}
                moved => return moved,
            }
        }
    }

    /// Whether the cluster could go to an older release, such as `3.5.0` (3.5 and later).
    ///
    /// # Errors
    ///
    /// A refusal where it could not; [`InvalidInput`](crate::ErrorKind::InvalidInput) for what
    /// is no release, or not the one before.
    pub async fn downgrade_validate(&self, version: &str) -> Result<DowngradeResponse, Error> {
        self.core.call_with(&DowngradeRequest::validate(version), &self.options).await
    }

    /// Lets members of an older release, such as `3.5.0`, join (3.5 and later).
    ///
    /// # Errors
    ///
    /// As for [`downgrade_validate`](Self::downgrade_validate).
    pub async fn downgrade_enable(&self, version: &str) -> Result<DowngradeResponse, Error> {
        self.core.call_with(&DowngradeRequest::enable(version), &self.options).await
    }

    /// Ends a downgrade: members stay at the release that they have (3.5 and later).
    ///
    /// 3.6 and later answer so even where none was under way, or it could not be ended:
    /// [`StatusResponse::downgrade_info`] tells.
    ///
    /// # Errors
    ///
    /// A refusal by 3.5 where none is under way, or that no server answered.
    pub async fn downgrade_cancel(&self) -> Result<DowngradeResponse, Error> {
        self.core.call_with(&DowngradeRequest::cancel(), &self.options).await
    }

    /// A member's whole database, as a stream.
    ///
    /// The member need not know of a leader. Each piece may take a minute, unless the options say
    /// otherwise.
    ///
    /// # Errors
    ///
    /// When the member cannot be reached, and
    /// [`AnotherHistory`](crate::ErrorKind::AnotherHistory) when it is of another cluster.
    pub async fn snapshot(&self, member: &Endpoint) -> Result<Snapshot, Error> {
        let member = self.at(member);
        // The stream does not say of which cluster it is.
        match member.call_with(&StatusRequest::default(), &self.options).await {
            Err(error) if *error.kind() == ErrorKind::AnotherHistory => Err(error),
            _ => Snapshot::open(member, self.options.clone()).await,
        }
    }

    async fn alarm(&self, request: AlarmRequest) -> Result<AlarmResponse, Error> {
        self.core.call_with(&request, &self.options).await
    }

    /// A call whose answer takes its time, and that is not made twice at a time.
    async fn long<M: Rpc>(&self, member: &Endpoint, request: &M) -> Result<M::Reply, Error> {
        let deadline = self.options.deadline.unwrap_or(LONG);
        let options = self.options.clone().waits().deadline(deadline);
        self.at(member).call_with(request, &options).await
    }

    fn at(&self, member: &Endpoint) -> Core {
        self.core.only(member)
    }
}

fn is_not_leader(error: &Error) -> bool {
    error.v3().is_some_and(|refusal| refusal.says(message::NOT_LEADER))
}
