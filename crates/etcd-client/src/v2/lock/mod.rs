//! Locks made of in-order keys, for every etcd with a v2 key API.
//!
//! Each who wants the lock makes a key in `/_locks/KEY`; the lowest holds it, and the others wait
//! for the one before them to go. python-etcd's `Lock` does the same, so both exclude each other.
//!
//! A lock is advisory: a holder that is paused longer than its time to live finds another holder
//! there when it wakes up. What must not be done twice needs a check where it is done:
//! [`Lock::fencing_token`] grows from holder to holder.

mod acquire;
mod recipe;
mod removal;
mod waiting;

use std::fmt;
use std::time::{Duration, Instant};

use etcd_proto::tree::Path;
use etcd_proto::v2::{Delete, Feature, Get, Node, Refresh, Set};

use self::removal::Removal;
use super::Client;
use crate::error::Error;
use crate::keep::{Kept, keep};
use crate::keeper::Keeper;
use crate::{CallOptions, ErrorKind, Ttl};

/// How to take a lock.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LockOptions {
    /// How long the lock lasts without being renewed.
    pub ttl: Ttl,
    /// How long to wait for one's turn; nothing for as long as it takes.
    pub wait: Option<Duration>,
}

impl LockOptions {
    /// A lock that lasts this long without being renewed.
    pub fn new(ttl: Ttl) -> Self {
        Self { ttl, wait: None }
    }

    /// How long to wait for one's turn; zero takes the lock only when it is free.
    pub fn wait(self, wait: impl Into<Option<Duration>>) -> Self {
        Self { wait: wait.into(), ..self }
    }
}

/// A lock that is held.
///
/// It lasts until [`unlock`](Self::unlock), or until its time to live is over without having been
/// renewed. Dropping it does not give it up: its index renews and unlocks it from anywhere.
#[must_use = "a lock that is not unlocked lasts until its time to live is over"]
pub struct Lock {
    client: Client,
    key: Path,
    child: Path,
    index: u64,
    ttl: Ttl,
    keeper: Keeper,
    /// What all keys of this try hold, where a try may have left a second key behind.
    leftovers: Option<String>,
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, index, ttl, .. } = self;
        f.debug_struct("Lock")
            .field("key", key)
            .field("index", index)
            .field("ttl", ttl)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Waits for a lock and takes it.
    ///
    /// When this is dropped while waiting, its place in the queue is given up in the background,
    /// as far as the runtime goes on; otherwise it is kept until its time to live is over. Servers
    /// may be out of reach meanwhile; a minute after the place may have expired, the wait ends.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); the place in the queue is given up then.
    pub async fn lock(&self, key: &str, ttl: Ttl) -> Result<Lock, Error> {
        self.lock_with(key, &LockOptions::new(ttl)).await
    }

    /// Like [`lock`](Self::lock), with a limit to the waiting.
    ///
    /// # Errors
    ///
    /// As for [`lock`](Self::lock), and [`LockBusy`](ErrorKind::LockBusy) when the wait is over.
    pub async fn lock_with(&self, key: &str, options: &LockOptions) -> Result<Lock, Error> {
        match options.wait {
            Some(wait) => self.lock_unless(key, options.ttl, tokio::time::sleep(wait)).await,
            None => self.lock_unless(key, options.ttl, std::future::pending()).await,
        }
    }

    /// Like [`lock`](Self::lock), unless `stop` ends before its turn has come.
    ///
    /// # Errors
    ///
    /// As for [`lock`](Self::lock), and [`LockBusy`](ErrorKind::LockBusy) when `stop` ended.
    pub async fn lock_unless(
        &self,
        key: &str,
        ttl: Ttl,
        stop: impl Future<Output = ()>,
    ) -> Result<Lock, Error> {
        acquire::acquire(self, key.parse()?, ttl, stop).await
    }

    /// Takes up a lock that is held, by the index it was given, and renews it.
    ///
    /// # Errors
    ///
    /// [`LockLost`](ErrorKind::LockLost) when it is held no longer.
    pub async fn renew_lock(&self, key: &str, index: u64, ttl: Ttl) -> Result<Lock, Error> {
        let key: Path = key.parse()?;
        let child = find(self, &key, index).await?;
        let mut lock = Lock::new(self.clone(), key, child, index, ttl, Instant::now());
        lock.renew().await?;
        Ok(lock)
    }

    /// Gives up a lock that is held, by the index it was given. Takes up to four times the
    /// deadline of a call: to find its key, and to remove it, which is repeated when its outcome is
    /// unclear.
    ///
    /// # Errors
    ///
    /// [`LockLost`](ErrorKind::LockLost) when it is held no longer.
    pub async fn unlock(&self, key: &str, index: u64) -> Result<(), Error> {
        let key: Path = key.parse()?;
        let child = find(self, &key, index).await?;
        match self.remove_child(&child).await? {
            true => Ok(()),
            false => Err(lost(&key, index)),
        }
    }
}

impl Lock {
    fn new(client: Client, key: Path, child: Path, index: u64, ttl: Ttl, sent: Instant) -> Self {
        let keeper = Keeper::new(ttl.duration(), sent);
        Self { client, key, child, index, ttl, keeper, leftovers: None }
    }

    /// The key that is locked.
    pub fn key(&self) -> &Path {
        &self.key
    }

    /// What renews and unlocks it, in another process too.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// A number that is higher for each later holder of this lock. Send it along with what must
    /// not be done by a holder that has lost the lock, and refuse lower ones there.
    pub fn fencing_token(&self) -> u64 {
        self.index
    }

    /// Until when it is surely held, if nothing else happens.
    pub fn deadline(&self) -> Instant {
        self.keeper.deadline()
    }

    /// Has it last its whole time to live from now.
    ///
    /// # Errors
    ///
    /// [`LockLost`](ErrorKind::LockLost) when it is held no longer; after any other error it may
    /// still be.
    pub async fn renew(&mut self) -> Result<(), Error> {
        let sent = Instant::now();
        let renewed = self.client.renew_child(&self.child, self.ttl).await;
        match renewed {
            Ok(()) => {
                self.keeper.renewed(sent);
                Ok(())
            }
            Err(error) if error.is_key_not_found() => Err(lost(&self.key, self.index)),
            Err(error) => Err(error),
        }
    }

    /// Renews it in time, again and again; ends when it is lost or may be, with the reason.
    ///
    /// Run it beside what the lock is held for, or use [`run`](Self::run). Cancelling it does no
    /// harm.
    pub async fn keep(&mut self) -> Error {
        keep(self).await
    }

    /// Runs `work` while keeping the lock; `work` is dropped when the lock is lost or may be. The
    /// lock is not given up afterwards.
    ///
    /// # Errors
    ///
    /// [`LockLost`](ErrorKind::LockLost), with `work` dropped before its end.
    pub async fn run<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            biased;
            lost = self.keep() => Err(lost),
            done = work => Ok(done),
        }
    }

    /// Gives it up, within twice the deadline of a call, or three times where a second key of ours
    /// may be there.
    ///
    /// # Errors
    ///
    /// [`LockLost`](ErrorKind::LockLost) when it was held no longer. After any other error it
    /// lasts until its time to live is over.
    pub async fn unlock(self) -> Result<(), Error> {
        let removed = self.client.remove_child(&self.child).await;
        if let Some(nonce) = &self.leftovers {
            acquire::withdraw(&self.client, &self.key, nonce).await;
        }
        match removed? {
            true => Ok(()),
            false => Err(lost(&self.key, self.index)),
        }
    }
}

impl Kept for Lock {
    fn keeper(&mut self) -> &mut Keeper {
        &mut self.keeper
    }

    async fn renew(&mut self) -> Result<(), Error> {
        Self::renew(self).await
    }

    fn late(&self, _: Option<Error>) -> Error {
        Error::late(self.key.as_str(), self.index)
    }
}

impl Client {
    /// Has a key of the recipe live for its whole time from now.
    async fn renew_child(&self, child: &Path, ttl: Ttl) -> Result<(), Error> {
        match self.require(Feature::Refresh).await {
            Ok(()) => self.send(&Refresh::new(child.clone(), ttl)).await.map(drop),
            Err(error) if *error.kind() == ErrorKind::Unsupported => {
                // Writes the value again: those who wait see an update, which is no release.
                let node = super::keys::node(self.send(&Get::new(child.clone())).await?)?;
                let set = Set::new(child.clone(), node.value.unwrap_or_default()).ttl(ttl);
                self.send(&set.if_index(node.modified_index)).await.map(drop)
            }
            Err(error) => Err(error),
        }
    }

    /// Removes a key of the recipe; whether it was there. A repeat is harmless: no other key ever
    /// has this name. Ends within twice the time of a call.
    async fn remove_child(&self, child: &Path) -> Result<bool, Error> {
        let (began, deadline) = (Instant::now(), self.channel.config().deadline);
        let left = || deadline.saturating_mul(2).saturating_sub(began.elapsed());
        let mut removal = Removal::default();
        loop {
            let options = CallOptions::default().deadline(deadline.min(left()));
            let answer = self.send_with(&Delete::new(child.clone()), &options).await;
            if let Some(ended) = removal.heard(answer.map(drop), !left().is_zero()) {
                return ended;
            }
        }
    }

    /// All keys in a lock's directory, read linearizably, with the store's index.
    async fn queue(&self, key: &Path) -> Result<(Vec<Node>, u64), Error> {
        let get = Get::new(recipe::directory(key)?).sorted();
        let snapshot = self.snapshot(get, &CallOptions::default()).await?;
        Ok((snapshot.node.map(|node| node.nodes).unwrap_or_default(), snapshot.index))
    }
}

/// The key of the queue that was made at this index.
async fn find(client: &Client, key: &Path, index: u64) -> Result<Path, Error> {
    let (nodes, _) = client.queue(key).await?;
    let ours = recipe::places(&nodes).into_iter().find(|node| node.created_index == index);
    match ours {
        Some(node) => Ok(node.key.parse()?),
        None => Err(lost(key, index)),
    }
}

fn lost(key: &Path, index: u64) -> Error {
    Error::lost(format!(
        "the lock on {:?} with index {index} is not held: it ended or was never ours",
        key.as_str()
    ))
}
