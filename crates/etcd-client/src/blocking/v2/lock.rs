//! Locks made of in-order keys.

use std::time::Instant;

use super::super::pump::Pump;
use super::Client;
use crate::v2::{self, LockOptions};
use crate::{Error, Ttl};

impl Client {
    /// Waits for a lock and takes it.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); the place in the queue is given up then.
    pub fn lock(&self, key: &str, ttl: Ttl) -> Result<Lock, Error> {
        self.own_lock(self.inner.lock(key, ttl))
    }

    /// Like [`lock`](Self::lock), with a limit to the waiting.
    ///
    /// # Errors
    ///
    /// As for [`lock`](Self::lock), and [`LockBusy`](crate::ErrorKind::LockBusy) when the wait is over.
    pub fn lock_with(&self, key: &str, options: &LockOptions) -> Result<Lock, Error> {
        self.own_lock(self.inner.lock_with(key, options))
    }

    /// Takes up a lock that is held, by the index it was given, and renews it.
    ///
    /// # Errors
    ///
    /// [`LockLost`](crate::ErrorKind::LockLost) when it is held no longer.
    pub fn renew_lock(&self, key: &str, index: u64, ttl: Ttl) -> Result<Lock, Error> {
        self.own_lock(self.inner.renew_lock(key, index, ttl))
    }

    fn own_lock(
        &self,
        taken: impl Future<Output = Result<v2::Lock, Error>>,
    ) -> Result<Lock, Error> {
        Ok(Lock { inner: self.pump.run(taken)?, pump: self.pump.clone() })
    }
}

/// A lock that is held; see [`crate::v2::Lock`]. Nothing renews it but [`renew`](Self::renew).
#[derive(Debug)]
#[must_use = "a lock that is not unlocked lasts until its time to live is over"]
pub struct Lock {
    inner: v2::Lock,
    pump: Pump,
}

impl Lock {
    /// What renews and unlocks it, in another process too.
    pub fn index(&self) -> u64 {
        self.inner.index()
    }

    /// A number that is higher for each later holder of this lock.
    pub fn fencing_token(&self) -> u64 {
        self.inner.fencing_token()
    }

    /// Until when it is surely held, if nothing else happens.
    pub fn deadline(&self) -> Instant {
        self.inner.deadline()
    }

    /// Has it last its whole time to live from now.
    ///
    /// # Errors
    ///
    /// [`LockLost`](crate::ErrorKind::LockLost) when it is held no longer.
    pub fn renew(&mut self) -> Result<(), Error> {
        self.pump.run(self.inner.renew())
    }

    /// Gives it up.
    ///
    /// # Errors
    ///
    /// [`LockLost`](crate::ErrorKind::LockLost) when it was held no longer.
    pub fn unlock(self) -> Result<(), Error> {
        self.pump.run(self.inner.unlock())
    }
}
