//! The demo's own servers, in this process.

use etcd_client::Session;

#[derive(Debug)]
pub(super) struct OwnServers;

impl OwnServers {
    pub(super) async fn start() -> anyhow::Result<Self> {
        anyhow::bail!("not yet")
    }
    pub(super) fn list(&self) -> String {
        String::new()
    }
    pub(super) fn lose_one(&self, _session: &Session) -> anyhow::Result<String> {
        anyhow::bail!("not yet")
    }
}
