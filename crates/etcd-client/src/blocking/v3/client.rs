//! The client itself, and its handles.

use std::time::Duration;

use bytes::Bytes;
use etcd_proto::key::IntoBytes;
use etcd_transport::{Config, Counters, EndpointStatus, Secret};

use super::super::pump::Pump;
use super::super::stopper::Stopper;
use super::{Auth, Cluster, Election, Kv, Lease, Maintenance, RawElection, RawLock};
use crate::v3;
use crate::{Endpoint, Error};

/// A client of the v3 API, without async; see [`crate::Client`], and [the module](super) for what
/// dropping it does.
#[derive(Debug, Clone)]
pub struct Client {
    pub(super) inner: v3::Client,
    pub(super) pump: Pump,
}

impl Client {
    /// A client of the servers in a list such as `host:2379,host:2379`.
    ///
    /// # Errors
    ///
    /// When the list is empty or names what is no server, and when no thread can be started.
    pub fn new(servers: &str) -> Result<Self, Error> {
        Self::with_config(servers, Config::default())
    }

    /// Like [`new`](Self::new), with other times and limits, or credentials.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_config(servers: &str, config: Config) -> Result<Self, Error> {
        Ok(Self { inner: v3::Client::with_config(servers, config)?, pump: Pump::with_a_thread()? })
    }

    /// A client of these endpoints, which are tried in this order.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub fn with_endpoints(endpoints: Vec<Endpoint>, config: Config) -> Result<Self, Error> {
        let pump = Pump::with_a_thread()?;
        Ok(Self { inner: v3::Client::with_endpoints(endpoints, config), pump })
    }

    /// Puts another token in place of the one of [`Config::token`]; see
    /// [`crate::Client::set_token`].
    ///
    /// # Errors
    ///
    /// Where a byte cannot be in a header, and where the client was not made with a token.
    pub fn set_token(&self, token: impl Into<Secret>) -> Result<(), Error> {
        self.pump.run(self.inner.set_token(token))
    }

    /// What ends the calls and watches of this client and of all that came from it, from another thread.
    /// Leases go on being kept.
    pub fn stopper(&self) -> Stopper {
        self.pump.stopper()
    }

    /// The same client, whose keys all begin with `prefix`; see [`crate::Client::namespace`].
    pub fn namespace(&self, prefix: impl IntoBytes) -> Self {
        Self { inner: self.inner.namespace(prefix), pump: self.pump.clone() }
    }

    /// The prefix that all keys have; empty outside of a [`namespace`](Self::namespace).
    pub fn prefix(&self) -> &Bytes {
        self.inner.prefix()
    }

    /// The same client for one member alone.
    pub fn only(&self, endpoint: &Endpoint) -> Self {
        Self { inner: self.inner.only(endpoint), pump: self.pump.clone() }
    }

    /// Keys: reading, writing, transactions.
    pub fn kv(&self) -> Kv {
        Kv { inner: self.inner.kv(), pump: self.pump.clone() }
    }

    /// Leases: keys that go when nobody renews them.
    pub fn lease(&self) -> Lease {
        Lease { inner: self.inner.lease(), pump: self.pump.clone() }
    }

    /// The election of this name.
    pub fn election(&self, name: impl IntoBytes) -> Election {
        Election { inner: self.inner.election(name), pump: self.pump.clone() }
    }

    /// Users, roles and tokens.
    pub fn auth(&self) -> Auth {
        Auth { inner: self.inner.auth(), pump: self.pump.clone() }
    }

    /// The members of the cluster.
    pub fn cluster(&self) -> Cluster {
        Cluster { inner: self.inner.cluster(), pump: self.pump.clone() }
    }

    /// The state and upkeep of members: alarms, status, checksums, snapshots, downgrades.
    pub fn maintenance(&self) -> Maintenance {
        Maintenance { inner: self.inner.maintenance(), pump: self.pump.clone() }
    }

    /// The server's own lock calls.
    pub fn raw_lock(&self) -> RawLock {
        RawLock { inner: self.inner.raw_lock(), pump: self.pump.clone() }
    }

    /// The server's own election calls.
    pub fn raw_election(&self) -> RawElection {
        RawElection { inner: self.inner.raw_election(), pump: self.pump.clone() }
    }

    /// Learns the endpoints of the cluster from its members; see [`crate::Client::sync`].
    ///
    /// # Errors
    ///
    /// As for [`crate::Client::sync`].
    pub fn sync(&self) -> Result<Vec<Endpoint>, Error> {
        self.pump.run(self.inner.sync())
    }

    /// Does so at once and then again and again, in the background, until the answer is dropped.
    pub fn sync_every(&self, period: Duration) -> Syncing {
        let inner = self.pump.within(|| self.inner.sync_every(period));
        Syncing { _inner: inner, _pump: self.pump.clone() }
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

/// Endpoints are learnt from the members of the cluster as long as this is there.
#[derive(Debug)]
#[must_use = "dropping it ends it"]
pub struct Syncing {
    _inner: v3::Syncing,
    _pump: Pump,
}
