//! What an etcd of v3 keeps: keys with revisions, leases, users, members.
//!
//! Everything is a function of the state, the request and the time.

mod auth;
mod cluster;
mod lease;
mod management;
mod mvcc;
mod operation;
mod queue;
mod range;
mod refusal;
mod snapshot;
mod txn;
mod watch;

use std::time::Duration;

use etcd_proto::grpc::Status;
use etcd_proto::v3::{Member, ResponseHeader};

pub use auth::{Auth, Caller};
pub use cluster::Cluster;
pub use lease::{Lease, Leases};
pub use mvcc::{Change, Mvcc};
pub use operation::{Operation, range_chunks};
pub use queue::{Place, campaign, enter, observe};
pub use refusal::refusal;
pub use snapshot::{SNAPSHOT_CHUNK, snapshot};
pub use watch::{FRAGMENT, Watches};

use crate::version::Version;

/// The longest request that may change something, as etcd's `--max-request-bytes` has it.
pub const LONGEST_REQUEST: usize = 1536 << 10;

/// What comes with a request beside its message.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The id of the member that was asked.
    pub member: u64,
    /// The `token` that was sent.
    pub token: Option<&'a str>,
    /// The time, since the Unix epoch.
    pub now: Duration,
}

/// What an etcd of v3 keeps.
#[derive(Debug)]
pub struct Store {
    /// Which etcd it is.
    pub version: Version,
    /// The keys.
    pub kv: Mvcc,
    /// The leases.
    pub leases: Leases,
    /// The users and roles.
    pub auth: Auth,
    /// The members.
    pub cluster: Cluster,
    /// How many writes there were.
    index: u64,
}

impl Store {
    /// An empty store of a cluster whose first member leads.
    pub fn new(version: Version, members: Vec<Member>) -> Self {
        let (leases, auth) = Default::default();
        let kv = Mvcc::new(version);
        Self { version, kv, leases, auth, cluster: Cluster::new(members), index: 0 }
    }

    /// Answers a request.
    pub fn apply<O: Operation>(
        &mut self,
        operation: &O,
        context: &Context<'_>,
    ) -> Result<O::Reply, Status> {
        self.expire(context.now);
        self.index += 1;
        operation.apply(self, context)
    }

    /// Ends the leases that have run out; returns whether there were any.
    pub fn expire(&mut self, now: Duration) -> bool {
        let expired = self.leases.expired(now);
        expired.iter().for_each(|id| self.end_lease(*id));
        !expired.is_empty()
    }

    /// Ends a lease: its keys go in one revision.
    pub fn end_lease(&mut self, id: i64) {
        let Some(lease) = self.leases.remove(id) else { return };
        for key in lease.keys {
            self.kv.delete(&key, &[]);
        }
        self.kv.commit();
    }

    /// What a reply begins with.
    pub fn header(&self, context: &Context<'_>) -> ResponseHeader {
        ResponseHeader {
            cluster_id: self.cluster.id,
            member_id: context.member,
            revision: self.kv.revision(),
            raft_term: self.cluster.term,
        }
    }

    /// Who makes a call.
    pub fn caller(&mut self, context: &Context<'_>) -> Result<Caller, Status> {
        self.auth.caller(context.token, context.now)
    }
}
