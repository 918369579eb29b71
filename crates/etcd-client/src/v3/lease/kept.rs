//! A lease that is renewed in the background.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use etcd_proto::ids::LeaseId;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::Lease;
use super::life::{Ended, Life};
use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::moment::Moment;

/// How long to wait before a lease is revoked anew whose end is not confirmed.
const REVOKE_AGAIN: Duration = Duration::from_millis(500);

/// A lease that is renewed in the background; see [`Lease::grant_and_keep`].
///
/// Clones stand for the same lease. Renewals go on until the last one is dropped: a lease that was
/// granted with it is revoked then, in the background and as far as the runtime and a server
/// allow, and one that was there before lives until its time is over. Dropping never blocks.
///
/// There is no way to ask whether the lease is alive, as the answer could be wrong by the time it
/// is read: ask [how long](Self::surely_held_for) it surely is, or be [told](Self::lost).
#[derive(Clone)]
pub struct KeptLease {
    inner: Arc<Inner>,
}

struct Inner {
    lease: Lease,
    id: LeaseId,
    ttl: Duration,
    life: Arc<watch::Sender<Life>>,
    /// Whether it is revoked with the last handle.
    owned: bool,
    /// It was revoked or left by one of the handles.
    given_up: AtomicBool,
    runtime: Handle,
}

impl fmt::Debug for KeptLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptLease")
            .field("id", &format_args!("{}", self.inner.id))
            .field("ttl", &self.inner.ttl)
            .field("life", &*self.inner.life.borrow())
            .finish_non_exhaustive()
    }
}

impl KeptLease {
    pub(super) fn new(lease: Lease, id: LeaseId, ttl: Duration, sent: Moment, owned: bool) -> Self {
        let life = lease.renewals.keep(id, ttl, sent);
        let (given_up, runtime) = (AtomicBool::new(false), Handle::current());
        Self { inner: Arc::new(Inner { lease, id, ttl, life, owned, given_up, runtime }) }
    }

    /// The lease's id, to put keys with.
    pub fn id(&self) -> LeaseId {
        self.inner.id
    }

    /// The time to live that the server gave it, which may be longer than what was asked for.
    pub fn ttl(&self) -> Duration {
        self.inner.ttl
    }

    /// How long the lease surely lives if no renewal comes through; zero once it may have ended.
    ///
    /// It counts from when the last renewal that was confirmed had been sent, less a margin, and
    /// on a clock that goes on while the process is stopped and, on Linux, while the machine is
    /// suspended. Once it was zero it stays zero.
    pub fn surely_held_for(&self) -> Duration {
        self.look().unwrap_or_default()
    }

    /// Waits until the lease has ended or may have, and tells why.
    ///
    /// It is decided when this is polled, not when a timer fires: beside a task that was stopped
    /// for long, polled first, it ends first.
    pub async fn lost(&self) -> Ended {
        let mut wait = pin!(self.wait());
        poll_fn(|cx| match self.look() {
            Ok(_) => wait.as_mut().poll(cx),
            Err(why) => Poll::Ready(why),
        })
        .await
    }

    /// Ends the lease at the server, and with it all its keys.
    ///
    /// Other handles find it [closed](Ended::Closed).
    ///
    /// # Errors
    ///
    /// When no server confirms it in time; it is tried again in the background then, until its
    /// time is over. That it had ended before is no error.
    pub async fn revoke(self) -> Result<(), Error> {
        self.close();
        match self.inner.lease.revoke(self.id()).await {
            Err(error) if *error.kind() != ErrorKind::LeaseNotFound => {
                self.inner.revoke_in_the_background();
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// Renews it no longer, and leaves it alone: it lives until its time is over.
    ///
    /// Other handles find it [closed](Ended::Closed).
    pub fn leave(self) -> LeaseId {
        self.close();
        self.id()
    }

    pub(crate) fn look(&self) -> Result<Duration, Ended> {
        look(&self.inner.life)
    }

    /// Does something in the background, on the runtime that the lease was kept on.
    pub(crate) fn spawn(
        &self,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        self.inner.runtime.spawn(work)
    }

    /// Renews it no longer and revokes it in the background, whoever has a handle.
    pub(crate) fn give_up(&self) {
        self.close();
        self.inner.revoke_in_the_background();
    }

    fn close(&self) {
        self.inner.given_up.store(true, Ordering::Relaxed);
        self.inner.lease.renewals.let_go(self.id(), &self.inner.life);
        end(&self.inner.life, Ended::Closed);
    }

    async fn wait(&self) -> Ended {
        let mut changes = self.inner.life.subscribe();
        loop {
            let left = match self.look() {
                Ok(left) => left,
                Err(why) => return why,
            };
            let over = clock::sleep_until(clock::now() + left);
            tokio::select! {
                // The sender cannot go before this handle.
                _ = changes.changed() => {}
                () = over => {}
            }
        }
    }
}

impl Inner {
    /// Revokes the lease until that is confirmed, or its time is over.
    fn revoke_in_the_background(&self) {
        let (lease, id, over) = (self.lease.clone(), self.id, clock::now() + self.ttl);
        self.runtime.spawn(async move {
            while let Err(error) = lease.revoke(id).await {
                if *error.kind() == ErrorKind::LeaseNotFound || clock::now() >= over {
                    break;
                }
                tracing::debug!(lease = %id, %error, "a lease is not revoked yet");
                tokio::time::sleep(REVOKE_AGAIN).await;
            }
        });
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.lease.renewals.dropped(self.id, &self.life);
        if self.owned && !*self.given_up.get_mut() {
            self.revoke_in_the_background();
        }
    }
}

fn look(life: &watch::Sender<Life>) -> Result<Duration, Ended> {
    let mut found = Ok(Duration::ZERO);
    life.send_if_modified(|life| {
        found = life.look(clock::now());
        // Whoever waits looks by itself.
        false
    });
    found
}

/// Ends a life for this reason, unless it had ended before; the reason that holds.
pub(super) fn end(life: &watch::Sender<Life>, why: Ended) -> Ended {
    let mut reason = why;
    life.send_if_modified(|life| {
        reason = life.end(why, clock::now());
        true
    });
    reason
}
