//! Taking a lock: a place in the queue, kept alive until it is at the head.

use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use etcd_proto::tree::Path;
use etcd_proto::v2::CreateInOrder;

use super::recipe::{self, Place};
use super::{Lock, lost};
use crate::error::{Error, ErrorKind};
use crate::keeper::{Action, Keeper};
use crate::v2::watch::Event;
use crate::v2::{Client, WatchOptions};
use crate::{Outcome, Ttl};

/// How long to wait for the key before ours to go before the queue is read again.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How often a place that expired while waiting is taken anew.
const MOST_TRIES: u32 = 3;

/// Waits for a lock and takes it, unless `stop` ends before.
pub(super) async fn acquire(
    client: &Client,
    key: Path,
    ttl: Ttl,
    stop: impl Future<Output = ()>,
) -> Result<Lock, Error> {
    let nonce = nonce()?;
    let mut stop = pin!(stop);
    let mut given_up = Withdrawal { client, key: &key, nonce: &nonce, due: true };
    // Whether a key of ours may be in the queue.
    let mut entered = false;
    for tries in 1.. {
        let taken = match Waiting::enter(client, &key, ttl, &nonce, &mut entered).await {
            Ok(waiting) => waiting.turn(stop.as_mut()).await,
            Err(error) => Err(error),
        };
        match taken {
            Err(error) if error.is_lock_lost() && tries < MOST_TRIES => {}
            Err(error) => {
                if entered {
                    withdraw(client, &key, &nonce).await;
                }
                given_up.due = false;
                return Err(error);
            }
            Ok(lock) => {
                given_up.due = false;
                return Ok(lock);
            }
        }
    }
    Err(lost(&key, 0))
}

/// Gives up a place in the queue when the one who waits is dropped, as far as a runtime is there
/// to do it; where none is, the place expires.
struct Withdrawal<'a> {
    client: &'a Client,
    key: &'a Path,
    nonce: &'a str,
    due: bool,
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        if !self.due {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (client, key, nonce) =
                (self.client.clone(), self.key.clone(), self.nonce.to_owned());
            runtime.spawn(async move { withdraw(&client, &key, &nonce).await });
        }
    }
}

/// Removes every key of a try, as far as a server can be reached; what stays, expires.
pub(super) async fn withdraw(client: &Client, key: &Path, nonce: &str) {
    let Ok((nodes, _)) = client.queue(key).await else { return };
    for node in nodes.iter().filter(|node| node.value.as_deref() == Some(nonce)) {
        let Ok(child) = node.key.parse() else { continue };
        if let Err(error) = client.remove_child(&child).await {
            tracing::debug!(%child, %error, "a place in a lock's queue stays until it expires");
        }
    }
}

/// A place in the queue.
struct Waiting<'a> {
    client: &'a Client,
    key: &'a Path,
    ttl: Ttl,
    nonce: &'a str,
    keeper: Keeper,
    /// Whether a write was repeated, so that a second key of ours may come up.
    unclear: bool,
}

impl<'a> Waiting<'a> {
    /// Makes a key in the queue. A write whose outcome is unknown is looked for by its nonce, and
    /// repeated when it is not there; the lowest of ours counts.
    async fn enter(
        client: &'a Client,
        key: &'a Path,
        ttl: Ttl,
        nonce: &'a str,
        entered: &mut bool,
    ) -> Result<Self, Error> {
        let create = CreateInOrder::new(recipe::directory(key)?, nonce).ttl(ttl);
        let mut unclear = false;
        for tries in 1.. {
            let sent = Instant::now();
            let keeper = Keeper::new(ttl.duration(), sent);
            let waiting = Self { client, key, ttl, nonce, keeper, unclear };
            match client.send(&create).await {
                Ok(_) => {
                    *entered = true;
                    return Ok(waiting);
                }
                Err(error) if error.is_outcome_unknown() => {
                    (*entered, unclear) = (true, true);
                    let (nodes, _) = client.queue(key).await?;
                    if recipe::place(&nodes, nonce).0 != Place::Gone {
                        return Ok(Self { unclear, ..waiting });
                    }
                    if tries >= MOST_TRIES {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(lost(key, 0))
    }

    /// Waits until the place is at the head of the queue.
    async fn turn(mut self, mut stop: Pin<&mut impl Future<Output = ()>>) -> Result<Lock, Error> {
        loop {
            let (nodes, index) = self.client.queue(self.key).await?;
            let (place, doubles) = recipe::place(&nodes, self.nonce);
            for double in doubles {
                self.client.remove_child(&double.key.parse()?).await?;
            }
            match place {
                Place::Holder(ours) => {
                    let (child, index) = (ours.key.parse()?, ours.created_index);
                    return self.hold(child, index).await;
                }
                Place::Behind { ours, before } => {
                    let (ours, before): (Path, Path) = (ours.key.parse()?, before.key.parse()?);
                    self.wait_for(&before, index, &ours, stop.as_mut()).await?;
                }
                Place::Gone => return Err(lost(self.key, 0)),
            }
        }
    }

    /// The turn has come: the lock begins with its whole time to live.
    async fn hold(self, child: Path, index: u64) -> Result<Lock, Error> {
        let mut lock = Lock::new(
            self.client.clone(),
            self.key.clone(),
            child,
            index,
            self.ttl,
            Instant::now(),
        );
        lock.keeper = self.keeper;
        lock.leftovers = self.unclear.then(|| self.nonce.to_owned());
        if let Action::Wait(_) = lock.keeper.action(Instant::now()) {
            return Ok(lock);
        }
        lock.renew().await?;
        Ok(lock)
    }

    /// Waits for a key to go, and keeps ours alive meanwhile. An update of that key is a renewal,
    /// and no release.
    async fn wait_for(
        &mut self,
        before: &Path,
        index: u64,
        ours: &Path,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), Error> {
        let options = WatchOptions::new().from_index(index + 1);
        let mut watcher = self.client.watch(before.as_str(), options)?;
        let look_again = Instant::now() + LOOK_AGAIN;
        loop {
            let (wake, renew) = match self.keeper.action(Instant::now()) {
                Action::Wait(wake) => (wake, false),
                Action::Renew(wake) => (wake, true),
                // Nothing is claimed while waiting: a renewal tells whether the place is still there.
                Action::Lost => (Instant::now(), true),
            };
            if renew {
                self.renew(ours).await?;
                continue;
            }
            tokio::select! {
                event = watcher.next() => match event {
                    Some(Ok(Event::Change(change))) if !change.action.is_removal() => {}
                    Some(Err(error)) if !error.is_transient() => return Err(error),
                    _ => return Ok(()),
                },
                () = stop.as_mut() => return Err(busy(self.key)),
                () = tokio::time::sleep_until(look_again.into()) => return Ok(()),
                () = tokio::time::sleep_until(wake.into()) => {}
            }
        }
    }

    async fn renew(&mut self, ours: &Path) -> Result<(), Error> {
        let sent = Instant::now();
        match self.client.renew_child(ours, self.ttl).await {
            Ok(()) => self.keeper.renewed(sent),
            Err(error) if error.is_key_not_found() => return Err(lost(self.key, 0)),
            Err(error) if error.is_transient() || error.is_outcome_unknown() => {
                self.keeper.failed(Instant::now())
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn busy(key: &Path) -> Error {
    let message = format!("the lock on {:?} was not free in time", key.as_str());
    Error::new(ErrorKind::LockBusy, Outcome::NotApplied, message)
}

/// What tells our keys from others'.
fn nonce() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::unsupported(format!("no random numbers: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
