//! A client of the v3 API: connections, and a handle for each service.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use etcd_proto::key::IntoBytes;
use etcd_transport::endpoint::{self, Endpoint};
use etcd_transport::{Channel, Config, Counters, Credentials, EndpointStatus, Secret};

use super::auth::Auth;
use super::cluster::Cluster;
use super::core::Core;
use super::kv::Kv;
use super::lease::{Lease, Renewals};
use super::maintenance::Maintenance;
use super::namespace::Namespace;
use super::raw_election::RawElection;
use super::raw_lock::RawLock;
use super::watch::{WatchOptions, Watcher, Watches};
use crate::error::Error;
use etcd_proto::v3::WatchCreateRequest;

/// A client of the v3 API.
///
/// Cloning is cheap, and clones share connections. Nothing is sent before the first call. With
/// user and password in its [`Config`], a token is fetched before the first call, sent with each, and
/// renewed when the server wants a new one; with a token there, that is sent.
#[derive(Debug, Clone)]
pub struct Client {
    core: Core,
    namespace: Namespace,
    configured: Arc<Mutex<Vec<Endpoint>>>,
    renewals: Arc<Renewals>,
    watches: Arc<Watches>,
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
        let configured = Arc::new(Mutex::new(endpoints.clone()));
        let core = Core::new(Channel::new(endpoints, config));
        let (renewals, watches) = (Renewals::new(core.clone()), Watches::new(core.clone()));
        Self { core, namespace: Namespace::default(), configured, renewals, watches }
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
        let configured = Arc::new(Mutex::new(vec![endpoint.clone()]));
        let core = self.core.only(endpoint);
        let (renewals, watches) = (Renewals::new(core.clone()), Watches::new(core.clone()));
        Self { core, configured, renewals, watches, ..self.clone() }
    }

    /// Keys: reading, writing, transactions.
    pub fn kv(&self) -> Kv {
        Kv::new(self.core.clone(), self.namespace.clone())
    }

    /// Each endpoint with how it has done lately.
    pub fn endpoints(&self) -> Vec<EndpointStatus> {
        self.core.channel().endpoints()
    }

    /// Puts these endpoints in place of the present ones, for every clone of this client; those that
    /// stay keep their connections.
    ///
    /// What is under way at one that goes, watches and renewals of leases too, goes on there until it
    /// ends. Without endpoints every call fails as unreachable.
    pub fn set_endpoints(&self, endpoints: Vec<Endpoint>) {
        self.configured.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&endpoints);
        self.core.channel().set_endpoints(endpoints);
    }

    /// Puts another token in place of the one of [`Config::token`], for every clone of this client, and
    /// for watches and renewals of leases when they connect again: such tokens end.
    ///
    /// # Errors
    ///
    /// Where a byte cannot be in a header, and where the client was not made with a token.
    pub async fn set_token(&self, token: impl Into<Secret>) -> Result<(), Error> {
        let token = Credentials::token(token).token_header();
        let token = token.map_err(|error| Error::invalid(error.to_string()))?;
        let given = match token {
            Some(token) => self.core.give_token(token).await,
            None => false,
        };
        given.then_some(()).ok_or_else(|| {
            Error::invalid("the client was made without a token; make it with Config::token()")
        })
    }

    /// What this client's channel has done so far.
    pub fn counters(&self) -> Counters {
        self.core.channel().counters()
    }

    /// Users, roles and tokens.
    pub fn auth(&self) -> Auth {
        Auth::new(self.core.clone())
    }

    /// The members of the cluster.
    pub fn cluster(&self) -> Cluster {
        Cluster::new(self.core.clone())
    }

    /// The state and upkeep of members: alarms, status, checksums, snapshots, downgrades.
    pub fn maintenance(&self) -> Maintenance {
        Maintenance::new(self.core.clone())
    }

    /// The server's own lock calls.
    pub fn raw_lock(&self) -> RawLock {
        RawLock::new(self.core.clone(), self.namespace.clone())
    }

    /// The server's own election calls.
    pub fn raw_election(&self) -> RawElection {
        RawElection::new(self.core.clone(), self.namespace.clone())
    }

    pub(super) fn core(&self) -> &Core {
        &self.core
    }

    /// The endpoints that the client was made with, or was given since.
    pub(super) fn configured(&self) -> Vec<Endpoint> {
        self.configured.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Leases: keys that go when nobody renews them.
    pub fn lease(&self) -> Lease {
        Lease::new(self.core.clone(), Arc::clone(&self.renewals))
    }

    /// Watches a key, or a range of keys: from now on, or from a revision that the request names.
    ///
    /// All watches of a client and its clones share a stream, which is made again, at another member
    /// where need be, whenever it is lost. While nothing changes, the member is asked every five
    /// seconds whether it is there, so that one that was stopped is left.
    ///
    /// It has to be called within a tokio runtime, and all watches of the client end when the one on
    /// which the first was made does.
    ///
    /// ```no_run
    /// use etcd_client::v3::Update;
    /// use etcd_client::{Client, KeyRange};
    ///
    /// # async fn example(client: Client) -> Result<(), etcd_client::Error> {
    /// let mut watcher = client.watch(KeyRange::prefix("/config/"));
    /// while let Some(update) = watcher.next().await {
    ///     if let Update::Changes(changes) = update? {
    ///         for event in changes.events {
    ///             println!("{event:?}");
    ///         }
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch(&self, request: impl Into<WatchCreateRequest>) -> Watcher {
        self.watch_with(request, WatchOptions::default())
    }

    /// Like [`watch`](Self::watch), with another queue, listing again where history is gone, or an
    /// end to its patience.
    pub fn watch_with(
        &self,
        request: impl Into<WatchCreateRequest>,
        options: WatchOptions,
    ) -> Watcher {
        let kv = Kv::new(self.core.clone(), Namespace::default());
        Watcher::new(&self.watches, self.namespace.clone(), kv, request.into(), options)
    }
}
