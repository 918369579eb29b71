//! The whole v2 API, for etcd 0.2 to 3.5.
//!
//! [`Client`] has a method for what is needed every day; for everything else build the request
//! that says it and [`send`](Client::send) it: all of them are in [`api`].
//!
//! ```no_run
//! use etcd_client::v2::{Client, api};
//!
//! # async fn example() -> Result<(), etcd_client::Error> {
//! let client = Client::new("127.0.0.1:2379")?;
//! let index = client.set("/name", "a").await?.modified_index;
//! client.send(&api::Set::new("/name".parse()?, "b").if_index(index)).await?;
//! # Ok(())
//! # }
//! ```

mod auth;
mod keys;
mod lock;
mod members;
mod snapshot;
mod watch;

use std::sync::{Arc, OnceLock};

use etcd_proto::call::{Exchange, Streaming};
use etcd_proto::v2 as wire;
use etcd_transport::endpoint::{self, Endpoint};
use etcd_transport::{CallOptions, Channel, Config, Counters, EndpointStatus};

pub use etcd_transport::OpenStream;

/// The requests and replies of the v2 API.
pub use etcd_proto::v2 as api;
pub(crate) use keys::{is_directory, node};
pub use lock::{Lock, LockOptions};
pub use watch::{Change, Event, Gap, WatchOptions, Watcher};

use crate::error::Error;

/// A client of the v2 API.
///
/// Cloning is cheap, and clones share connections. Nothing is sent before the first call.
#[derive(Debug, Clone)]
pub struct Client {
    channel: Channel,
    /// What the cluster is known to be; a cluster's version never goes back.
    version: Arc<OnceLock<wire::Version>>,
}

impl Client {
    /// A client of the servers in a list such as `host:2379,host:4001`.
    ///
    /// # Errors
    ///
    /// When the list is empty or names what is no server.
    pub fn new(servers: &str) -> Result<Self, Error> {
        Self::with_config(servers, Config::default())
    }

    /// Like [`new`](Self::new), with other times and limits, credentials or [TLS](crate::Tls).
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new), and when a file cannot be used or credentials would go in the clear.
    pub fn with_config(servers: &str, config: Config) -> Result<Self, Error> {
        let endpoints = endpoint::parse_list(servers)?;
        config.check(&endpoints).map_err(Error::invalid)?;
        Ok(Self::with_endpoints(endpoints, config))
    }

    /// A client of these endpoints, which are tried in this order.
    pub fn with_endpoints(endpoints: Vec<Endpoint>, config: Config) -> Self {
        Self { channel: Channel::new(endpoints, config), version: Arc::default() }
    }

    /// Sends any request of the v2 API.
    ///
    /// # Errors
    ///
    /// The server's refusal, or that no server answered.
    pub async fn send<E>(&self, exchange: &E) -> Result<E::Reply, Error>
    where
        E: Exchange<Refusal = wire::Error>,
    {
        Ok(self.channel.call(exchange).await?)
    }

    /// Like [`send`](Self::send), with options for this call.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub async fn send_with<E>(&self, exchange: &E, options: &CallOptions) -> Result<E::Reply, Error>
    where
        E: Exchange<Refusal = wire::Error>,
    {
        Ok(self.channel.call_with(exchange, options).await?)
    }

    /// Opens a raw stream, such as a [`Watch`](wire::Watch) with `stream`. Nothing is resumed or
    /// filtered: for changes that are to be complete use [`watch`](Self::watch).
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub async fn open_stream<S>(
        &self,
        streaming: &S,
        options: &CallOptions,
    ) -> Result<OpenStream<S>, Error>
    where
        S: Streaming<Refusal = wire::Error>,
    {
        Ok(self.channel.stream(streaming, options).await?)
    }

    /// The version of the server that answers, and what the cluster as a whole can do.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub async fn version(&self) -> Result<wire::ServerVersion, Error> {
        let version = self.send(&wire::GetVersion).await?;
        // Servers that know of clusters say so with their version; before 2.1 none do.
        if version.cluster.is_some() || version.server < wire::Version::new(2, 1, 0) {
            self.version.get_or_init(|| version.effective());
        }
        Ok(version)
    }

    /// Fails unless the cluster has a feature. The version is asked for once.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](crate::ErrorKind::Unsupported), or as for [`send`](Self::send).
    pub async fn require(&self, feature: wire::Feature) -> Result<(), Error> {
        Ok(feature.require(self.effective_version().await?)?)
    }

    /// What the cluster as a whole can do. It is asked for once, where it has agreed on that.
    async fn effective_version(&self) -> Result<wire::Version, Error> {
        match self.version.get() {
            Some(version) => Ok(*version),
            None => Ok(self.version().await?.effective()),
        }
    }

    /// Whether the whole cluster is of this version or later, as far as it tells; who reaches no
    /// more than the keys is not told.
    async fn is_since(&self, version: wire::Version) -> Result<bool, Error> {
        match self.effective_version().await {
            Ok(effective) => Ok(effective >= version),
            Err(error) if error.is_transient() => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// Whether the member that answers is well (2.0 and later). [`GetHealth`](wire::GetHealth) has
    /// what may be left out.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub async fn health(&self) -> Result<wire::Health, Error> {
        self.send(&wire::GetHealth::new()).await
    }

    /// Each endpoint with how it has done lately.
    pub fn endpoints(&self) -> Vec<EndpointStatus> {
        self.channel.endpoints()
    }

    /// Puts these endpoints in place of the present ones, for every clone of this client; those that
    /// stay keep their connections.
    ///
    /// What is under way at one that goes ends there. Without endpoints every call fails as
    /// unreachable.
    pub fn set_endpoints(&self, endpoints: Vec<Endpoint>) {
        self.channel.set_endpoints(endpoints);
    }

    /// What this client's channel has done so far.
    pub fn counters(&self) -> Counters {
        self.channel.counters()
    }
}
