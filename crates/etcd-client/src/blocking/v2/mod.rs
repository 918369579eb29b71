//! The v2 client without async.

mod auth;
mod keys;
mod lock;
mod members;
mod stream;
mod watch;

pub use lock::Lock;
pub use stream::OpenStream;
pub use watch::Watcher;

use etcd_proto::call::Exchange;
use etcd_proto::v2 as wire;
use etcd_transport::endpoint::Endpoint;
use etcd_transport::{CallOptions, Config, Counters, EndpointStatus};

use super::pump::Pump;
use super::stopper::Stopper;
use crate::{Error, v2};

/// A client of the v2 API, without async; see [`crate::v2::Client`].
#[derive(Debug, Clone)]
pub struct Client {
    inner: v2::Client,
    pump: Pump,
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

    /// Like [`new`](Self::new), with other times and limits, or credentials.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_config(servers: &str, config: Config) -> Result<Self, Error> {
        Ok(Self { inner: v2::Client::with_config(servers, config)?, pump: Pump::new()? })
    }

    /// What ends the calls of this client and of its clones, from another thread.
    pub fn stopper(&self) -> Stopper {
        self.pump.stopper()
    }

    /// Sends any request of the v2 API.
    ///
    /// # Errors
    ///
    /// The server's refusal, or that no server answered.
    pub fn send<E>(&self, exchange: &E) -> Result<E::Reply, Error>
    where
        E: Exchange<Refusal = wire::Error>,
    {
        self.pump.run(self.inner.send(exchange))
    }

    /// Like [`send`](Self::send), with options for this call.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn send_with<E>(&self, exchange: &E, options: &CallOptions) -> Result<E::Reply, Error>
    where
        E: Exchange<Refusal = wire::Error>,
    {
        self.pump.run(self.inner.send_with(exchange, options))
    }

    /// The version of the server that answers, and what the cluster as a whole can do.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn version(&self) -> Result<wire::ServerVersion, Error> {
        self.pump.run(self.inner.version())
    }

    /// Fails unless the cluster has a feature. The version is asked for once.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](crate::ErrorKind::Unsupported), or as for [`send`](Self::send).
    pub fn require(&self, feature: wire::Feature) -> Result<(), Error> {
        self.pump.run(self.inner.require(feature))
    }

    /// Whether the member that answers is well (2.0 and later).
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn health(&self) -> Result<wire::Health, Error> {
        self.pump.run(self.inner.health())
    }

    /// Each endpoint with how it has done lately.
    pub fn endpoints(&self) -> Vec<EndpointStatus> {
        self.inner.endpoints()
    }

    /// Puts these endpoints in place of the present ones.
    pub fn set_endpoints(&self, endpoints: Vec<Endpoint>) {
        self.inner.set_endpoints(endpoints);
    }

    /// What this client's channel has done so far.
    pub fn counters(&self) -> Counters {
        self.inner.counters()
    }
}
