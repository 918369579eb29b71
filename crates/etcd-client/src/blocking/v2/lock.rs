//! Locks made of in-order keys.

use std::time::Instant;

use super::super::pump::Pump;
use super::super::work::{self, Held};
use super::Client;
use crate::tree::Path;
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

    /// Like [`lock`](Self::lock), unless `stop` says before its turn has come that it is to stop
    /// waiting; it is asked every 50 ms.
    ///
    /// # Errors
    ///
    /// As for [`lock`](Self::lock), and [`LockBusy`](crate::ErrorKind::LockBusy) when it is to
    /// stop.
    pub fn lock_unless(
        &self,
        key: &str,
        ttl: Ttl,
        stop: impl FnMut() -> bool,
    ) -> Result<Lock, Error> {
        self.own_lock(self.inner.lock_unless(key, ttl, work::until(stop)))
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

/// A lock that is held; see [`crate::v2::Lock`]. Nothing renews it but [`renew`](Self::renew),
/// and [`keep`](Self::keep) and [`run`](Self::run) while they run.
#[derive(Debug)]
#[must_use = "a lock that is not unlocked lasts until its time to live is over"]
pub struct Lock {
    inner: v2::Lock,
    pump: Pump,
}

impl Lock {
    /// The key that is locked.
    pub fn key(&self) -> &Path {
        self.inner.key()
    }

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

    /// Renews it in time, again and again; ends when it is lost or may be, with the reason.
    pub fn keep(&mut self) -> Error {
        let Self { inner, pump } = self;
        pump.wait(inner.keep()).unwrap_or_else(|error| error)
    }

    /// Runs `work` on a thread while this one keeps the lock, and ends when both have ended.
    ///
    /// `work` cannot be stopped from outside: it is given a flag that says whether the lock is
    /// still held, and is to look at it before each thing that needs the lock. A panic of `work`
    /// goes on here, once it has ended. The lock is not given up afterwards.
    ///
    /// # Errors
    ///
    /// [`LockLost`](crate::ErrorKind::LockLost) when the lock was lost before `work` ended.
    pub fn run<T: Send>(&mut self, work: impl FnOnce(&Held) -> T + Send) -> Result<T, Error> {
        let Self { inner, pump } = self;
        work::under(pump, work, |ended| inner.run(ended))
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
