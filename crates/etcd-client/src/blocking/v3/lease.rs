//! Leases.

use std::time::Duration;

use etcd_proto::ids::{LeaseId, Ttl};
use etcd_proto::v3::{
    LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveResponse, LeaseLeasesResponse,
    LeaseRevokeResponse, LeaseTimeToLiveResponse,
};

use super::super::pump::Pump;
use super::shadow::calls;
use crate::Error;
use crate::v3::{self, Ended, LockOptions};

/// Leases of a cluster, without async; see [`crate::v3::Lease`].
#[derive(Debug, Clone)]
pub struct Lease {
    pub(super) inner: v3::Lease,
    pub(super) pump: Pump,
}

calls! { Lease:
    /// Makes a lease, under an id that is chosen here. Nobody renews it.
    grant(ttl: Ttl) -> LeaseGrantResponse;
    /// Makes a lease under an id of the caller's choice.
    grant_with(request: LeaseGrantRequest) -> LeaseGrantResponse;
    /// Ends a lease, and removes all its keys.
    revoke(id: impl Into<LeaseId>) -> LeaseRevokeResponse;
    /// How long a lease has to live; nothing when there is no such lease.
    time_to_live(id: impl Into<LeaseId>) -> Option<LeaseTimeToLiveResponse>;
    /// The same with the keys that go with the lease, whole, with the prefix of a namespace.
    time_to_live_with_keys(id: impl Into<LeaseId>) -> Option<LeaseTimeToLiveResponse>;
    /// Lists all leases. Since 3.3.
    list() -> LeaseLeasesResponse;
    /// Gives a lease its whole time to live again, once.
    keep_alive_once(id: impl Into<LeaseId>) -> LeaseKeepAliveResponse;
}

impl Lease {
    /// Renews a lease that is there, at once and then in the background for as long as a handle
    /// of it is kept.
    ///
    /// # Errors
    ///
    /// As for [`keep_alive_once`](Self::keep_alive_once).
    pub fn keep_alive(&self, id: impl Into<LeaseId>) -> Result<KeptLease, Error> {
        let inner = self.pump.run(self.inner.keep_alive(id))?;
        Ok(KeptLease { inner, pump: self.pump.clone() })
    }

    /// Makes a lease and renews it in the background for as long as a handle of it is kept.
    ///
    /// ```no_run
    /// use etcd_client::blocking::Client;
    /// use etcd_client::v3::api::PutRequest;
    /// use etcd_client::Ttl;
    ///
    /// # fn example(client: Client, ttl: Ttl) -> Result<(), etcd_client::Error> {
    /// let lease = client.lease().grant_and_keep(ttl)?;
    /// client.kv().put_with(PutRequest::new("/service/a", "10.0.0.1:80").lease(lease.id()))?;
    /// // Seen for as long as `lease` is kept, whether any call is made or not.
    /// println!("others may not see us any more: {}", lease.lost()?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`grant`](Self::grant).
    pub fn grant_and_keep(&self, ttl: Ttl) -> Result<KeptLease, Error> {
        let inner = self.pump.run(self.inner.grant_and_keep(ttl))?;
        Ok(KeptLease { inner, pump: self.pump.clone() })
    }
}

/// A lease that is renewed by the client's thread; see [`crate::v3::KeptLease`].
///
/// Clones stand for the same lease. Renewals go on until the last one is dropped, even when the
/// client was dropped before. A lease that was granted with it is revoked then in the background,
/// unless the client's thread ends with it, as nothing else of the client is left: then it lives
/// until its time is over. [`revoke`](Self::revoke) is certain. Dropping never blocks.
#[derive(Debug, Clone)]
pub struct KeptLease {
    pub(super) inner: v3::KeptLease,
    pub(super) pump: Pump,
}

impl KeptLease {
    /// The lease's id, to put keys with.
    pub fn id(&self) -> LeaseId {
        self.inner.id()
    }

    /// The time to live that the server gave it, which may be longer than what was asked for.
    pub fn ttl(&self) -> Duration {
        self.inner.ttl()
    }

    /// How long the lease surely lives if no renewal comes through; zero once it may have ended.
    pub fn surely_held_for(&self) -> Duration {
        self.inner.surely_held_for()
    }

    /// Waits until the lease has ended or may have, and tells why.
    ///
    /// # Errors
    ///
    /// Within async code, where nothing may block.
    pub fn lost(&self) -> Result<Ended, Error> {
        self.pump.wait(self.inner.lost())
    }

    /// Why the lease has ended or may have, if it does within this time.
    ///
    /// # Errors
    ///
    /// As for [`lost`](Self::lost).
    pub fn lost_within(&self, most: Duration) -> Result<Option<Ended>, Error> {
        self.pump.wait(async { tokio::time::timeout(most, self.inner.lost()).await.ok() })
    }

    /// Ends the lease at the server, and with it all its keys.
    ///
    /// # Errors
    ///
    /// When no server confirms it in time. That it had ended before is no error.
    pub fn revoke(self) -> Result<(), Error> {
        let Self { inner, pump } = self;
        pump.run(inner.revoke())
    }

    /// Renews it no longer, and leaves it alone: it lives until its time is over.
    pub fn leave(self) -> LeaseId {
        self.inner.leave()
    }
}

impl From<&KeptLease> for LockOptions {
    fn from(lease: &KeptLease) -> Self {
        Self::on(&lease.inner)
    }
}
