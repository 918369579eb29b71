//! The cluster: members, leader, statistics, and learning endpoints from it.

use etcd_proto::ids::MemberId;
use etcd_proto::v2::{LeaderStats, Member, SelfStats, StoreStats};
use etcd_transport::endpoint::Endpoint;

use super::Client;
use crate::Error;

impl Client {
    /// The client URLs of all members, as every version lists them.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn machines(&self) -> Result<Vec<String>, Error> {
        self.pump.run(self.inner.machines())
    }

    /// The members (2.0 and later).
    ///
    /// # Errors
    ///
    /// [`Unsupported`](crate::ErrorKind::Unsupported) on 0.x.
    pub fn members(&self) -> Result<Vec<Member>, Error> {
        self.pump.run(self.inner.members())
    }

    /// The member that leads (2.0 and later), from any member.
    ///
    /// # Errors
    ///
    /// As for [`members`](Self::members); a refusal while there is none.
    pub fn leader(&self) -> Result<Member, Error> {
        self.pump.run(self.inner.leader())
    }

    /// Adds a member by its peer URLs; start it afterwards.
    ///
    /// # Errors
    ///
    /// As for [`members`](Self::members); a refusal for URLs that a member has already.
    pub fn add_member(&self, peer_urls: &[&str]) -> Result<Member, Error> {
        self.pump.run(self.inner.add_member(peer_urls))
    }

    /// Removes a member.
    ///
    /// # Errors
    ///
    /// As for [`members`](Self::members); a refusal for one that is not there.
    pub fn remove_member(&self, id: MemberId) -> Result<(), Error> {
        self.pump.run(self.inner.remove_member(id))
    }

    /// Gives a member other peer URLs.
    ///
    /// # Errors
    ///
    /// As for [`members`](Self::members).
    pub fn update_member(&self, id: MemberId, peer_urls: &[&str]) -> Result<(), Error> {
        self.pump.run(self.inner.update_member(id, peer_urls))
    }

    /// What the member that answers says of itself.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn stats_self(&self) -> Result<SelfStats, Error> {
        self.pump.run(self.inner.stats_self())
    }

    /// What the leader says of its followers. Since 2.0 a follower refuses.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn stats_leader(&self) -> Result<LeaderStats, Error> {
        self.pump.run(self.inner.stats_leader())
    }

    /// What the store of the member that answers has done so far.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn stats_store(&self) -> Result<StoreStats, Error> {
        self.pump.run(self.inner.stats_store())
    }

    /// Learns the endpoints of the cluster from its members, and uses them beside those that were
    /// configured. Answers with all that are used from now on.
    ///
    /// A server is not believed blindly: advertised addresses of this machine are taken only when
    /// an endpoint configured is one, those that cannot be used are left out, and there are at
    /// most 64.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); the endpoints then stay as they are.
    pub fn sync_endpoints(&self) -> Result<Vec<Endpoint>, Error> {
        self.pump.run(self.inner.sync_endpoints())
    }
}
