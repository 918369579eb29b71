//! Locks.

use std::time::Duration;

use bytes::Bytes;
use etcd_proto::key::IntoBytes;
use etcd_proto::v3::{TxnRequest, TxnResponse};

use super::super::pump::Pump;
use super::super::work::{self, Held};
use super::{Client, KeptLease};
use crate::Error;
use crate::v3::{self, FencingToken, LockOptions, Lost};

impl Client {
    /// Waits for a lock and takes it.
    ///
    /// ```no_run
    /// use etcd_client::blocking::Client;
    /// use etcd_client::Ttl;
    ///
    /// # fn example(client: Client, ttl: Ttl) -> Result<(), etcd_client::Error> {
    /// let lock = client.lock("jobs", ttl)?;
    /// lock.run(|held| {
    ///     while held.is_held() {
    ///         // a piece of the work
    /// #       break;
    ///     }
    /// })?;
    /// // Done only if it is still held, whatever the clocks say.
    /// lock.put("jobs/last", "done")?;
    /// lock.release()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`crate::Client::lock`].
    pub fn lock(
        &self,
        name: impl IntoBytes,
        options: impl Into<LockOptions>,
    ) -> Result<Lock, Error> {
        let inner = self.pump.run(self.inner.lock(name, options))?;
        Ok(Lock { inner, pump: self.pump.clone() })
    }

    /// Takes a lock if it is free, without waiting for whoever has it.
    ///
    /// # Errors
    ///
    /// As for [`crate::Client::try_lock`].
    pub fn try_lock(
        &self,
        name: impl IntoBytes,
        options: impl Into<LockOptions>,
    ) -> Result<Lock, Error> {
        let inner = self.pump.run(self.inner.try_lock(name, options))?;
        Ok(Lock { inner, pump: self.pump.clone() })
    }
}

/// A lock that is held, and renewed by the client's thread; see [`crate::v3::Lock`].
///
/// Dropping it gives it up in the background, unless the client's thread ends with it, as nothing
/// else of the client is left: then it ends with its lease. Dropping never blocks.
#[derive(Debug)]
#[must_use = "a lock that is dropped is given up"]
pub struct Lock {
    inner: v3::Lock,
    pump: Pump,
}

macro_rules! holding {
    ($name:ident, $what:literal) => {
        impl $name {
            /// The key that stands for it in the store.
            pub fn key(&self) -> &Bytes {
                self.inner.key()
            }

            /// The lease that it stands on.
            pub fn lease(&self) -> KeptLease {
                KeptLease { inner: self.inner.lease().clone(), pump: self.pump.clone() }
            }

            /// What tells it from all that were held before and after.
            pub fn fencing_token(&self) -> FencingToken {
                self.inner.fencing_token()
            }

            #[doc = concat!("How long the ", $what, " is surely held if nothing else is heard; zero once it may be lost.")]
            pub fn surely_held_for(&self) -> Duration {
                self.inner.surely_held_for()
            }

            #[doc = concat!("Waits until the ", $what, " is lost or may be, and tells why.")]
            ///
            /// # Errors
            ///
            /// Within async code, where nothing may block.
            pub fn lost(&self) -> Result<Lost, Error> {
                self.pump.wait(self.inner.lost())
            }

            #[doc = concat!("Why the ", $what, " is lost or may be, if it is within this time.")]
            ///
            /// # Errors
            ///
            /// As for [`lost`](Self::lost).
            pub fn lost_within(&self, most: Duration) -> Result<Option<Lost>, Error> {
                self.pump.wait(async { tokio::time::timeout(most, self.inner.lost()).await.ok() })
            }

            #[doc = concat!("Runs `work` on a thread and watches the ", $what, " on this one; ends when `work` has ended.")]
            ///
            /// `work` cannot be stopped from outside: it is given a flag that is down once the lock
            /// is lost or may be, and is to look at it before each thing that needs the lock. A
            /// panic of `work` goes on here, once it has ended.
            ///
            /// # Errors
            ///
            /// [`LockLost`](crate::ErrorKind::LockLost) when it was lost before `work` ended.
            pub fn run<T: Send>(&self, work: impl FnOnce(&Held) -> T + Send) -> Result<T, Error> {
                work::under(&self.pump, work, |ended| self.inner.run(ended))
            }

            #[doc = concat!("Does a transaction only if the ", $what, " is still held, which etcd itself decides.")]
            ///
            /// # Errors
            ///
            /// [`LockLost`](crate::ErrorKind::LockLost) when it was lost before, and nothing was
            /// done; and as for [`Kv::txn`](crate::v3::Kv::txn).
            pub fn txn(&self, request: TxnRequest) -> Result<TxnResponse, Error> {
                self.pump.run(self.inner.txn(request))
            }

            #[doc = concat!("Writes a key only if the ", $what, " is still held, which etcd itself decides.")]
            ///
            /// # Errors
            ///
            /// As for [`txn`](Self::txn).
            pub fn put(
                &self,
                key: impl IntoBytes,
                value: impl IntoBytes,
            ) -> Result<TxnResponse, Error> {
                self.pump.run(self.inner.put(key, value))
            }
        }
    };
}
pub(super) use holding;

holding!(Lock, "lock");

impl Lock {
    /// Gives it up, and revokes a lease of its own.
    ///
    /// # Errors
    ///
    /// As for [`crate::v3::Lock::release`].
    pub fn release(self) -> Result<(), Error> {
        let Self { inner, pump } = self;
        pump.run(inner.release())
    }

    /// Goes on holding it without this, until its lease ends; a lease of its own is renewed no
    /// longer.
    pub fn leave(self) -> FencingToken {
        self.inner.leave()
    }
}
