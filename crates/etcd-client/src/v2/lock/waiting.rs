//! A place in a lock's queue, from when it is taken until its turn has come.

use std::time::{Duration, Instant};

use etcd_proto::tree::Path;
use etcd_proto::v2::{CreateInOrder, Node};

use super::recipe::{self, Place};
use super::{Lock, lost};
use crate::Ttl;
use crate::error::Error;
use crate::keep::{Kept, keep};
use crate::keeper::{Action, Keeper};
use crate::stop::Stop;
use crate::v2::watch::{Event, Watcher};
use crate::v2::{Client, WatchOptions};

/// How long to wait for the key before ours to go before the queue is read again.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How long to wait after a failure that may pass.
const TRY_AGAIN: Duration = Duration::from_millis(250);
/// How long servers may be out of reach, once the place may have expired, before it is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the place is asked for when it is not known whether it was given.
const MOST_TRIES: u32 = 3;

/// All keys of one who wants a lock: they hold the same nonce, and the lowest counts.
pub(super) struct Ours<'a> {
    nonce: &'a str,
    /// Whether one may be in the queue.
    pub(super) entered: bool,
    /// When the first one was asked for of which it is not known whether it was made: it may come
    /// up at any time, and its time to live has run since then.
    unclear_since: Option<Instant>,
}

impl<'a> Ours<'a> {
    pub(super) fn new(nonce: &'a str) -> Self {
        Self { nonce, entered: false, unclear_since: None }
    }

    /// What keeps the lowest one, when the last was asked for at `sent`.
    fn keeper(&self, ttl: Ttl, sent: Instant) -> Keeper {
        Keeper::new(ttl.duration(), self.unclear_since.unwrap_or(sent)).patient(PATIENCE)
    }
}

/// A place in the queue.
pub(super) struct Waiting<'a> {
    client: &'a Client,
    key: &'a Path,
    ttl: Ttl,
    nonce: &'a str,
    keeper: Keeper,
    /// Whether another key of ours may come up, or have been found in place of the one asked for.
    unclear: bool,
}

impl<'a> Waiting<'a> {
    /// Makes a key in the queue. A write whose outcome is unknown is looked for by its nonce, and
    /// repeated when it is not there.
    pub(super) async fn enter(
        client: &'a Client,
        key: &'a Path,
        ttl: Ttl,
        ours: &mut Ours<'a>,
    ) -> Result<Self, Error> {
        let create = CreateInOrder::new(recipe::directory(key)?, ours.nonce).ttl(ttl);
        for tries in 1.. {
            let (sent, before) = (Instant::now(), ours.entered);
            ours.entered = true;
            let made = client.send(&create).await;
            match made {
                Err(error) if error.is_outcome_unknown() => {
                    ours.unclear_since.get_or_insert(sent);
                    match client.queue(key).await {
                        Ok((nodes, _)) if recipe::place(&nodes, ours.nonce).0 != Place::Gone => {}
                        Ok(_) if tries < MOST_TRIES => continue,
                        _ => return Err(error),
                    }
                }
                Err(error) => {
                    ours.entered = before || !error.is_definitely_not_applied();
                    return Err(error);
                }
                Ok(_) => {}
            }
            let (keeper, unclear) = (ours.keeper(ttl, sent), ours.unclear_since.is_some());
            return Ok(Self { client, key, ttl, nonce: ours.nonce, keeper, unclear });
        }
        Err(lost(key, 0))
    }

    /// Waits until the place is at the head of the queue.
    pub(super) async fn turn(mut self, stop: &mut Stop) -> Result<Lock, Error> {
        loop {
            let (nodes, index) = self.look().await?;
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
                    self.wait_for(&before, index, ours, stop).await?;
                }
                Place::Gone => return Err(lost(self.key, 0)),
            }
        }
    }

    /// Reads the queue. While servers are out of reach, the place in it may well still be there.
    async fn look(&self) -> Result<(Vec<Node>, u64), Error> {
        loop {
            let looked = self.client.queue(self.key).await;
            match looked {
                Err(error) if error.is_transient() && self.is_worth_waiting() => {
                    tracing::debug!(key = %self.key, %error, "the queue cannot be read");
                    tokio::time::sleep(TRY_AGAIN).await;
                }
                looked => return looked,
            }
        }
    }

    fn is_worth_waiting(&self) -> bool {
        self.keeper.action(Instant::now()) != Action::Lost
    }

    /// The turn has come. The lock is claimed only as long as the last write to this very key
    /// makes it live; where that is not known, or over, it is renewed before.
    async fn hold(mut self, child: Path, index: u64) -> Result<Lock, Error> {
        let mut sure = !self.unclear;
        while !(sure && self.keeper.is_fresh(Instant::now())) {
            match self.renew(&child).await {
                Ok(()) => sure = true,
                Err(error) if is_final(&error) || !self.is_worth_waiting() => return Err(error),
                Err(_) => tokio::time::sleep(TRY_AGAIN).await,
            }
        }
        Ok(Lock {
            client: self.client.clone(),
            key: self.key.clone(),
            child,
            index,
            ttl: self.ttl,
            keeper: self.keeper.patient(Duration::ZERO),
            leftovers: self.unclear.then(|| self.nonce.to_owned()),
        })
    }

    /// Waits for a key to go, and keeps ours alive meanwhile.
    async fn wait_for(
        &mut self,
        before: &Path,
        index: u64,
        ours: Path,
        stop: &mut Stop,
    ) -> Result<(), Error> {
        let options = WatchOptions::new().from_index(index.saturating_add(1));
        let mut watcher = self.client.watch(before.as_str(), options)?;
        let key = self.key.as_str();
        let mut kept = KeptPlace { waiting: self, ours };
        tokio::select! {
            biased;
            () = stop.come() => Err(Error::busy(key)),
            gone = gone(&mut watcher) => gone,
            over = keep(&mut kept) => Err(over),
            () = tokio::time::sleep(LOOK_AGAIN) => Ok(()),
        }
    }

    async fn renew(&mut self, ours: &Path) -> Result<(), Error> {
        let sent = Instant::now();
        match self.client.renew_child(ours, self.ttl).await {
            Ok(()) => {
                self.keeper.renewed(sent);
                Ok(())
            }
            Err(error) if error.is_key_not_found() => Err(lost(self.key, 0)),
            Err(error) => Err(error),
        }
    }
}

/// Waits until the key that is watched is gone, or the queue is to be read to find out. An update
/// is a renewal, and no release.
async fn gone(watcher: &mut Watcher) -> Result<(), Error> {
    loop {
        match watcher.next().await {
            Some(Ok(Event::Change(change))) if !change.action.is_removal() => {}
            Some(Err(error)) if !error.is_transient() => return Err(error),
            _ => return Ok(()),
        }
    }
}

/// Whether no other renewal can do better than one that failed like this.
fn is_final(error: &Error) -> bool {
    !(error.is_transient() || error.is_outcome_unknown())
}

/// A place that is kept alive. Nothing is claimed by it, so that it is kept for as long as it may
/// be there.
struct KeptPlace<'w, 'a> {
    waiting: &'w mut Waiting<'a>,
    ours: Path,
}

impl Kept for KeptPlace<'_, '_> {
    fn keeper(&mut self) -> &mut Keeper {
        &mut self.waiting.keeper
    }

    async fn renew(&mut self) -> Result<(), Error> {
        self.waiting.renew(&self.ours).await
    }

    fn is_final(&self, error: &Error) -> bool {
        is_final(error)
    }

    fn late(&self, last: Option<Error>) -> Error {
        Error::out_of_reach(self.waiting.key.as_str(), last)
    }
}
