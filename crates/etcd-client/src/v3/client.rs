//! A client of the v3 API: connections, and a handle for each service.

use std::sync::Arc;

use bytes::Bytes;
use etcd_proto::key::IntoBytes;
use etcd_transport::endpoint::{self, Endpoint};
use etcd_transport::{Channel, Config, Counters, EndpointStatus};

use super::core::Core;
use super::kv::Kv;
use super::lease::{Lease, Renewals};
use super::namespace::Namespace;
use crate::error::Error;

/// A client of the v3 API.
///
/// Cloning is cheap, and clones share connections. Nothing is sent before the first call. With
/// credentials in its [`Config`], a token is fetched before the first call, sent with each, and
/// renewed when the server wants a new one.
#[derive(Debug, Clone)]
pub struct Client {
    core: Core,
    namespace: Namespace,
    renewals: Arc<Renewals>,
}

impl Client {
    /// A client of the servers in a list such as `host:2379,host:2379`.
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
        Ok(Self::with_endpoints(endpoint::parse_list(servers)?, config))
    }

    /// A client of these endpoints, which are tried in this order.
    pub fn with_endpoints(endpoints: Vec<Endpoint>, config: Config) -> Self {
        let core = Core::new(Channel::new(endpoints, config));
        Self { renewals: Renewals::new(core.clone()), core, namespace: Namespace::default() }
    }

    /// The same client, whose keys all begin with `prefix`: it is put before each key that is sent
    /// and taken off each that comes, and no range reaches beyond it.
    ///
    /// It holds for keys, transactions, watches, locks and elections; leases, users and members
    /// have no keys. A namespace of a namespace has both prefixes.
    pub fn namespace(&self, prefix: impl IntoBytes) -> Self {
        let namespace = self.namespace.within(&prefix.into_bytes());
        Self { namespace, ..self.clone() }
    }

    /// The prefix that all keys have; empty outside of a [`namespace`](Self::namespace).
    pub fn prefix(&self) -> &Bytes {
        self.namespace.prefix()
    }

    /// The same client for one member alone.
    pub fn only(&self, endpoint: &Endpoint) -> Self {
        let (core, namespace) = (self.core.only(endpoint), self.namespace.clone());
        Self { renewals: Renewals::new(core.clone()), core, namespace }
    }

    /// Keys: reading, writing, transactions.
    pub fn kv(&self) -> Kv {
        Kv::new(self.core.clone(), self.namespace.clone())
    }

    /// Each endpoint with how it has done lately.
    pub fn endpoints(&self) -> Vec<EndpointStatus> {
        self.core.channel().endpoints()
    }

    /// What this client's channel has done so far.
    pub fn counters(&self) -> Counters {
        self.core.channel().counters()
    }

    /// Leases: keys that go when nobody renews them.
    pub fn lease(&self) -> Lease {
        Lease::new(self.core.clone(), Arc::clone(&self.renewals))
    }
}
