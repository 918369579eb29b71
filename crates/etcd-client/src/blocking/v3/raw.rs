//! The lock and election services of the server, as they are.

use etcd_proto::key::IntoBytes;
use etcd_proto::v3::{
    CampaignRequest, CampaignResponse, LeaderKey, LeaderResponse, LockRequest, LockResponse,
    ProclaimResponse, ResignResponse, UnlockResponse,
};
use etcd_transport::CallOptions;

use super::super::pump::Pump;
use super::shadow::{calls, iterates};
use crate::Error;
use crate::v3;

/// The server's own lock calls, without async; see [`crate::v3::RawLock`].
#[derive(Debug, Clone)]
pub struct RawLock {
    pub(super) inner: v3::RawLock,
    pub(super) pump: Pump,
}

impl RawLock {
    /// The same, with options for each call: a deadline is how long to wait for a lock at most.
    pub fn with_options(&self, options: CallOptions) -> Self {
        Self { inner: self.inner.with_options(options), pump: self.pump.clone() }
    }
}

calls! { RawLock:
    /// Waits for a lock until the deadline, 5 s unless told otherwise.
    lock(request: LockRequest) -> LockResponse;
    /// Gives back the lock that a key stands for; one that is not held is no error.
    unlock(key: impl IntoBytes) -> UnlockResponse;
}

/// The server's own election calls, without async; see [`crate::v3::RawElection`].
#[derive(Debug, Clone)]
pub struct RawElection {
    pub(super) inner: v3::RawElection,
    pub(super) pump: Pump,
}

impl RawElection {
    /// The same, with options for each call: a deadline is how long to campaign at most.
    pub fn with_options(&self, options: CallOptions) -> Self {
        Self { inner: self.inner.with_options(options), pump: self.pump.clone() }
    }

    /// Whoever leads, one after another, with each value that is proclaimed; some may be left out.
    ///
    /// # Errors
    ///
    /// When no server could be reached.
    pub fn observe(&self, name: impl IntoBytes) -> Result<Observe, Error> {
        let inner = self.pump.run(self.inner.observe(name))?;
        Ok(Observe { inner, pump: self.pump.clone() })
    }
}

calls! { RawElection:
    /// Waits to lead until the deadline, 5 s unless told otherwise.
    campaign(request: CampaignRequest) -> CampaignResponse;
    /// Proclaims another value under a leadership that lasts.
    proclaim(leader: LeaderKey, value: impl IntoBytes) -> ProclaimResponse;
    /// Who leads, and what was proclaimed last.
    leader(name: impl IntoBytes) -> LeaderResponse;
    /// Ends a leadership; one that has ended is no error.
    resign(leader: LeaderKey) -> ResignResponse;
}

/// An iterator over the leaders of an election; see [`RawElection::observe`]. An error is its last
/// item.
#[derive(Debug)]
pub struct Observe {
    inner: v3::Observe,
    pump: Pump,
}

iterates!(Observe, LeaderResponse);
