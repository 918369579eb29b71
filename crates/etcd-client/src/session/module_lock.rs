//! A session's lock over the lock module of etcd 0.2 and 0.3, which locks on the server.

use std::time::{Duration, Instant};

use etcd_proto::tree::Path;

use super::key::Key;
use super::types::Ticket;
use crate::error::{Error, ErrorKind};
use crate::keeper::Keeper;
use crate::stop::Stop;
use crate::v2::Client;
use crate::v2::api::{LockAcquire, LockField, LockHolder, LockRead, LockRelease, LockRenew};
use crate::{CallOptions, Ttl};

/// How long a lock is waited for at the most: the server has no limit.
const LONG: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long the module may take to grant a lock that is free.
const GRACE: Duration = Duration::from_millis(500);
/// How often the module is asked who holds a lock.
const ASK_AGAIN: Duration = Duration::from_millis(250);

pub(super) async fn acquire(
    client: &Client,
    path: Path,
    ttl: Ttl,
    mut stop: Stop,
) -> Result<Ticket, Error> {
    let acquire = LockAcquire::new(path.clone(), ttl);
    let options = CallOptions::default().deadline(LONG).waits();
    let index = tokio::select! {
        index = client.send_with(&acquire, &options) => index?,
        // A lock that is free is granted within the grace also when there is no time to wait; the
        // server withdraws the request of one who waits no longer.
        () = stop.come_and(GRACE) => return Err(Error::busy(path.as_str())),
    };
    be_first(client, path, ttl, index, stop).await
}

/// The module grants a lock to the next one at any sign of the one before, its renewal as well as
/// its release: who has it is asked until it is us, and our place kept alive meanwhile.
async fn be_first(
    client: &Client,
    path: Path,
    ttl: Ttl,
    index: u64,
    mut stop: Stop,
) -> Result<Ticket, Error> {
    let mut keeper: Option<Keeper> = None;
    loop {
        let first = client.send(&LockRead::new(path.clone(), LockField::Index)).await?;
        let is_first = first.is_some_and(|first| first.parse() == Ok(index));
        let alive = keeper.is_some_and(|keeper| keeper.is_fresh(Instant::now()));
        if is_first || !alive {
            keeper = Some(renewed(client, &path, index, ttl).await?);
        }
        if let Some(keeper) = keeper.filter(|_| is_first) {
            return Ok(Ticket::new(Key::of(&path), index, ttl, keeper.deadline()));
        }
        tokio::select! {
            biased;
            () = stop.come() => {
                release(client, path.clone(), index).await?;
                return Err(Error::busy(path.as_str()));
            }
            () = tokio::time::sleep(ASK_AGAIN) => {}
        }
    }
}

pub(super) async fn renew(
    client: &Client,
    path: Path,
    index: u64,
    ttl: Ttl,
) -> Result<Ticket, Error> {
    let keeper = renewed(client, &path, index, ttl).await?;
    Ok(Ticket::new(Key::of(&path), index, ttl, keeper.deadline()))
}

async fn renewed(client: &Client, path: &Path, index: u64, ttl: Ttl) -> Result<Keeper, Error> {
    let sent = Instant::now();
    let renew = LockRenew::new(path.clone(), LockHolder::Index(index), ttl);
    client.send(&renew).await.map_err(lost_if_gone)?;
    Ok(Keeper::new(ttl.duration(), sent))
}

pub(super) async fn release(client: &Client, path: Path, index: u64) -> Result<(), Error> {
    let release = LockRelease::new(path, LockHolder::Index(index));
    client.send(&release).await.map_err(lost_if_gone)
}

fn lost_if_gone(error: Error) -> Error {
    match error.is_key_not_found() {
        true => error.into_kind(ErrorKind::LockLost),
        false => error,
    }
}
