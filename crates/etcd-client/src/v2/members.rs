//! The cluster: members, leader, statistics, and learning endpoints from it.

use etcd_proto::ids::MemberId;
use etcd_proto::v2::{
    Leader, LeaderStats, Machines, Member, MemberAdd, MemberList, MemberRemove, MemberUpdate,
    SelfStats, StatsLeader, StatsSelf, StatsStore, StoreStats,
};
use etcd_transport::endpoint::Endpoint;

use super::Client;
use crate::error::Error;
use crate::learnt::merged;

impl Client {
    /// The client URLs of all members, as every version lists them.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub async fn machines(&self) -> Result<Vec<String>, Error> {
        self.send(&Machines).await
    }

    /// The members (2.0 and later).
    ///
    /// # Errors
    ///
    /// [`Unsupported`](crate::ErrorKind::Unsupported) on 0.x.
    pub async fn members(&self) -> Result<Vec<Member>, Error> {
        self.send(&MemberList).await
    }

    /// The member that leads (2.0 and later), from any member.
    ///
    /// # Errors
    ///
    /// As for [`members`](Self::members); a refusal while there is none.
    pub async fn leader(&self) -> Result<Member, Error> {
        self.send(&Leader).await
    }

    /// Adds a member by its peer URLs; start it afterwards.
    ///
    /// # Errors
    ///
    /// As for [`members`](Self::members); a refusal for URLs that a member has already.
    pub async fn add_member(&self, peer_urls: &[&str]) -> Result<Member, Error> {
        self.send_slowly(&MemberAdd::new(peer_urls.iter().copied())).await
    }

    /// Removes a member.
    ///
    /// # Errors
    ///
    /// As for [`members`](Self::members); a refusal for one that is not there.
    pub async fn remove_member(&self, id: MemberId) -> Result<(), Error> {
        self.send_slowly(&MemberRemove::new(id)).await
    }

    /// Gives a member other peer URLs.
    ///
    /// # Errors
    ///
    /// As for [`members`](Self::members).
    pub async fn update_member(&self, id: MemberId, peer_urls: &[&str]) -> Result<(), Error> {
        self.send_slowly(&MemberUpdate::new(id, peer_urls.iter().copied())).await
    }

    /// Changing members waits for the cluster to agree, which may take longer than a write.
    async fn send_slowly<E>(&self, exchange: &E) -> Result<E::Reply, Error>
    where
        E: etcd_proto::call::Exchange<Refusal = etcd_proto::v2::Error>,
    {
        self.send_with(exchange, &self.patiently()).await
    }

    /// What the member that answers says of itself.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub async fn stats_self(&self) -> Result<SelfStats, Error> {
        self.send(&StatsSelf).await
    }

    /// What the leader says of its followers. Since 2.0 a follower refuses.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub async fn stats_leader(&self) -> Result<LeaderStats, Error> {
        self.send(&StatsLeader).await
    }

    /// What the store of the member that answers has done so far.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub async fn stats_store(&self) -> Result<StoreStats, Error> {
        self.send(&StatsStore).await
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
    pub async fn sync_endpoints(&self) -> Result<Vec<Endpoint>, Error> {
        let urls: Vec<String> = match self.members().await {
            Ok(members) => members.into_iter().flat_map(|member| member.client_urls).collect(),
            Err(error) if *error.kind() == crate::ErrorKind::Unsupported => self.machines().await?,
            Err(error) => return Err(error),
        };
        let present = self.channel.endpoints().into_iter().map(|status| status.endpoint).collect();
        let endpoints = merged(present, &urls);
        self.channel.set_endpoints(endpoints.clone());
        Ok(endpoints)
    }
}
