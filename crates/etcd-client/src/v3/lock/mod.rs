//! Locks: the first key below a name holds it, on a lease that is kept.
//!
//! Every client of etcd that locks by the same recipe contends in the same line: the Go client's
//! `concurrency.Mutex`, `etcdctl lock`, the server's own Lock service.

mod changes;
mod entry;
mod fence;
mod held;
mod place;
mod removal;

use std::fmt;
use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use etcd_proto::call::Outcome;
use etcd_proto::ids::Ttl;
use etcd_proto::key::IntoBytes;
use etcd_proto::v3::{PutRequest, TxnRequest, TxnResponse};

use super::Client;
use super::lease::KeptLease;
use crate::error::{Error, ErrorKind};
use entry::{Basis, Entry};

pub(super) use changes::{Changes, is_compacted};
pub(super) use held::Held;
pub(super) use place::Line;

pub use fence::FencingToken;
pub use held::Lost;

/// How to take a lock, or to stand for election.
#[derive(Debug, Clone)]
pub struct LockOptions {
    basis: On,
    wait: Option<Duration>,
}

#[derive(Debug, Clone)]
enum On {
    LeaseOfItsOwn(Ttl),
    Lease(KeptLease),
}

impl LockOptions {
    /// On a lease of its own, which is kept with this time to live and revoked with the lock.
    ///
    /// The time is how long others wait for the lock when its holder dies, and how long the holder
    /// may go without an answer before it must take the lock for lost. Servers raise it to two
    /// seconds, where they have their own timing.
    pub fn new(ttl: Ttl) -> Self {
        Self { basis: On::LeaseOfItsOwn(ttl), wait: None }
    }

    /// On a lease that is kept for other things too, and that goes on when the lock is given up.
    pub fn on(lease: &KeptLease) -> Self {
        Self { basis: On::Lease(lease.clone()), wait: None }
    }

    /// How long to wait for one's turn; zero takes the lock only when it is free.
    ///
    /// Without it one waits as long as it takes.
    pub fn wait(self, wait: impl Into<Option<Duration>>) -> Self {
        Self { wait: wait.into(), ..self }
    }
}

impl From<Ttl> for LockOptions {
    fn from(ttl: Ttl) -> Self {
        Self::new(ttl)
    }
}

impl From<&KeptLease> for LockOptions {
    fn from(lease: &KeptLease) -> Self {
        Self::on(lease)
    }
}

impl Client {
    /// Waits for a lock and takes it.
    ///
    /// When this is dropped while it waits, its place in the line is given up in the background,
    /// as far as the runtime goes on and a server can be reached; else with the lease.
    ///
    /// ```no_run
    /// use etcd_client::{Client, Ttl};
    ///
    /// # async fn example(client: Client, ttl: Ttl) -> Result<(), etcd_client::Error> {
    /// let lock = client.lock("jobs", ttl).await?;
    /// // Dropped when the lock is lost, or may be.
    /// lock.run(async { println!("alone at last") }).await?;
    /// // Done only if it is still held, whatever the clocks say.
    /// lock.put("jobs/last", "done").await?;
    /// lock.release().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`LockBusy`](ErrorKind::LockBusy) when the wait is over, [`LockLost`](ErrorKind::LockLost)
    /// when the lease ends while it waits, and when no member answers or the user may not do this.
    pub async fn lock(
        &self,
        name: impl IntoBytes,
        options: impl Into<LockOptions>,
    ) -> Result<Lock, Error> {
        let held = take(self, &name.into_bytes(), Bytes::new(), options.into()).await?;
        Ok(Lock { held })
    }

    /// Takes a lock if it is free, without waiting for whoever has it.
    ///
    /// # Errors
    ///
    /// As for [`lock`](Self::lock); [`LockBusy`](ErrorKind::LockBusy) at once when it is not free.
    pub async fn try_lock(
        &self,
        name: impl IntoBytes,
        options: impl Into<LockOptions>,
    ) -> Result<Lock, Error> {
        self.lock(name, options.into().wait(Duration::ZERO)).await
    }
}

/// A lock that is held.
///
/// No lock can keep a holder that is stopped for longer than its time to live from waking up
/// beside the next one. What must not be done twice is done by [`txn`](Self::txn) and
/// [`put`](Self::put), which etcd itself refuses to one who has lost the lock; what is done
/// elsewhere is to bear the [`fencing_token`](Self::fencing_token).
///
/// Dropping it gives it up in the background, as far as the runtime goes on and a server can be
/// reached; else it ends with its lease. Dropping never blocks.
#[must_use = "a lock that is dropped is given up"]
pub struct Lock {
    held: Held,
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("key", self.key())
            .field("lease", &self.lease().id())
            .field("token", &self.fencing_token())
            .finish_non_exhaustive()
    }
}

macro_rules! holding {
    ($name:ident, $what:literal) => {
        impl $name {
            /// The key that stands for it in the store.
            pub fn key(&self) -> &Bytes {
                &self.held.entry.key
            }

            /// The lease that it stands on.
            pub fn lease(&self) -> &KeptLease {
                self.held.lease()
            }

            /// What tells it from all that were held before and after.
            pub fn fencing_token(&self) -> FencingToken {
                self.held.token
            }

            #[doc = concat!("How long the ", $what, " is surely held if nothing else is heard; zero once it may be lost.")]
            ///
            /// As for [`KeptLease::surely_held_for`]. Whoever is stopped right after reading it
            /// knows nothing: see [`txn`](Self::txn).
            pub fn surely_held_for(&self) -> Duration {
                self.held.look().unwrap_or_default()
            }

            #[doc = concat!("Waits until the ", $what, " is lost or may be, and tells why.")]
            ///
            /// It is decided when this is polled, not when a timer fires: beside a task that was
            /// stopped for long, polled first, it ends first.
            pub async fn lost(&self) -> Lost {
                self.held.lost().await
            }

            #[doc = concat!("Does something for as long as the ", $what, " is held; it is dropped when that is lost or may be.")]
            ///
            /// # Errors
            ///
            /// [`LockLost`](crate::ErrorKind::LockLost), with the work dropped before its end.
            pub async fn run<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
                self.held.run(work).await
            }

            #[doc = concat!("Does a transaction only if the ", $what, " is still held, which etcd itself decides.")]
            ///
            /// The conditions of the request are looked at only then: that they do not hold is no
            /// error, and `succeeded` tells. A request with conditions needs etcd 3.3.
            ///
            /// # Errors
            ///
            /// [`LockLost`](crate::ErrorKind::LockLost) when it was lost before, and nothing was done;
            /// and as for [`Kv::txn`](crate::v3::Kv::txn).
            pub async fn txn(&self, request: TxnRequest) -> Result<TxnResponse, Error> {
                self.held.txn(request).await
            }

            #[doc = concat!("Writes a key only if the ", $what, " is still held, which etcd itself decides.")]
            ///
            /// # Errors
            ///
            /// As for [`txn`](Self::txn).
            pub async fn put(
                &self,
                key: impl IntoBytes,
                value: impl IntoBytes,
            ) -> Result<TxnResponse, Error> {
                let put = PutRequest::new(key, value);
                self.held.txn(TxnRequest::new().then([put])).await
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
    /// [`LockLost`](ErrorKind::LockLost) when it was held no longer. After any other error it is
    /// given up in the background, or ends with its lease.
    pub async fn release(self) -> Result<(), Error> {
        self.held.release().await
    }

    /// Goes on holding it without this, until its lease ends; a lease of its own is renewed no
    /// longer.
    ///
    /// Whoever has the id of the lease may [keep](super::Lease::keep_alive) it, here or in another
    /// process, or revoke it.
    pub fn leave(self) -> FencingToken {
        self.held.leave()
    }
}

/// Makes a key below a name, and waits until it is the first.
pub(super) async fn take(
    client: &Client,
    name: &[u8],
    value: Bytes,
    options: LockOptions,
) -> Result<Held, Error> {
    let line = Line::of(name);
    let at_once = options.wait == Some(Duration::ZERO);
    if at_once && is_taken(client, &line).await? {
        return Err(busy(name));
    }
    let taken = async {
        let basis = basis(client, options.basis).await?;
        let mut entry = Entry::new(client.clone(), line, basis, value)?;
        let token = match at_once {
            true => entry.try_take().await?.ok_or_else(|| busy(name))?,
            false => entry.take().await?,
        };
        Ok(Held::new(entry, token))
    };
    let over = async {
        match options.wait {
            Some(wait) if !at_once => tokio::time::sleep(wait).await,
            _ => pending().await,
        }
    };
    tokio::select! {
        biased;
        taken = taken => taken,
        () = over => Err(busy(name)),
    }
}

async fn basis(client: &Client, on: On) -> Result<Basis, Error> {
    match on {
        On::LeaseOfItsOwn(ttl) => {
            Ok(Basis { lease: client.lease().grant_and_keep(ttl).await?, own: true })
        }
        On::Lease(lease) => Ok(Basis { lease, own: false }),
    }
}

/// Whether anybody is in the line.
async fn is_taken(client: &Client, line: &Line) -> Result<bool, Error> {
    let reply = client.kv().range(line.oldest()).await?;
    // More keys than are read here: whether one of the line is among them, the entry will find.
    Ok(line.first(&reply.kvs).is_some())
}

fn busy(name: &[u8]) -> Error {
    let message = format!("the lock on \"{}\" was not free in time", name.escape_ascii());
    Error::new(ErrorKind::LockBusy, Outcome::NotApplied, message)
}
