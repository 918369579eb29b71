//! Where the demo takes place: servers of its own, or those that it is given.

use anyhow::Context as _;
use etcd_client::session::{Api, SessionOptions};
use etcd_client::{Client, KeyRange, Session, v2};
use etcd_test_server::Version;

use super::own_servers::OwnServers;
use crate::args::Cli;
use crate::discover;

/// Servers, and a directory on them that is the demo's alone.
pub(super) struct Place {
    pub(super) session: Session,
    /// Everything is below it.
    pub(super) directory: String,
    servers: String,
    options: SessionOptions,
    own: Option<OwnServers>,
}

impl Place {
    /// The servers that were named, or else three in this process.
    pub(super) async fn new(cli: &Cli) -> anyhow::Result<Self> {
        let named = discover::servers(cli).await?.or_else(|| cli.servers.clone());
        let (servers, own) = match named {
            Some(servers) => (servers, None),
            None => {
                let own = own_servers(cli).await?;
                (own.list(), Some(own))
            }
        };
        etcd_client::servers::check(&servers)?;
        let options = cli.session_options()?;
        let session = Session::open_with(&servers, options.clone()).await?;
        let directory = format!("/etcd-test-demo-{}", std::process::id());
        Ok(Self { session, directory, servers, options, own })
    }

    pub(super) fn describe(&self) -> &'static str {
        match self.own {
            Some(_) => "three servers in this process",
            None => "the servers that were named",
        }
    }

    /// The API that is spoken there.
    pub(super) fn api(&self) -> &'static str {
        match self.session.api() {
            Api::V2 => "v2",
            _ => "v3",
        }
    }

    pub(super) fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.directory)
    }

    pub(super) async fn another_session(&self) -> anyhow::Result<Session> {
        Ok(Session::open_with(&self.servers, self.options.clone()).await?)
    }

    /// A client of the v3 API.
    pub(super) fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::with_config(&self.servers, self.options.config.clone())?)
    }

    pub(super) fn can_lose_a_member(&self) -> bool {
        self.own.is_some()
    }

    /// Stops the member that the session speaks to, and says which it was.
    pub(super) async fn lose_a_member(&self) -> anyhow::Result<String> {
        let own = self.own.as_ref().context("the servers are not ours to stop")?;
        own.lose_one(&self.session).await
    }

    /// Removes what the demo wrote.
    pub(super) async fn tidy(&self) -> anyhow::Result<()> {
        let below = format!("{}/", self.directory);
        if self.session.api() == Api::V3 {
            self.client()?.kv().delete(KeyRange::prefix(below)).await?;
            return Ok(());
        }
        let client = v2::Client::with_config(&self.servers, self.options.config.clone())?;
        client.delete_recursive(&self.directory).await?;
        Ok(())
    }
}

async fn own_servers(cli: &Cli) -> anyhow::Result<OwnServers> {
    // The newest of those that have the API that was asked for.
    let version = if cli.api() == Api::V2 { Version::V3_5 } else { Version::V3_7 };
    OwnServers::start(version).await.context("no servers could be started")
}
