//! The demo's own servers, in this process.

use anyhow::Context as _;
use etcd_client::{EndpointStatus, Session};
use etcd_test_server::{TestCluster, Version};

/// Enough for one of them to die.
const MEMBERS: usize = 3;

#[derive(Debug)]
pub(super) struct OwnServers(TestCluster);

impl OwnServers {
    pub(super) async fn start(version: Version) -> anyhow::Result<Self> {
        Ok(Self(TestCluster::builder().version(version).start_cluster(MEMBERS).await?))
    }

    pub(super) fn list(&self) -> String {
        self.0.endpoints().join(",")
    }

    /// Ends the member that answered the session last, and says where it was.
    pub(super) async fn lose_one(&self, session: &Session) -> anyhow::Result<String> {
        let known = session.endpoints();
        let last = last_to_answer(&known).context("no server has answered yet")?;
        let address = last.endpoint.to_string();
        let member = (0..MEMBERS).find(|member| self.0.address(*member).to_string() == address);
        self.0.kill(member.with_context(|| format!("{address} is not one of ours"))?).await;
        Ok(format!("the server at {address}"))
    }
}

fn last_to_answer(known: &[EndpointStatus]) -> Option<&EndpointStatus> {
    known.iter().filter(|of| of.health.answered.is_some()).max_by_key(|of| of.health.answered)
}
