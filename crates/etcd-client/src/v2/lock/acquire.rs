//! Taking a lock: a place in the queue, kept alive until it is at the head.

use etcd_proto::tree::Path;

use super::waiting::{Ours, Waiting};
use super::{Lock, lost};
use crate::Ttl;
use crate::error::Error;
use crate::stop::Stop;
use crate::v2::Client;

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
    Stop::beside(stop, |stop| queue_up(client, &key, ttl, nonce, stop)).await
}

async fn queue_up(
    client: &Client,
    key: &Path,
    ttl: Ttl,
    nonce: String,
    mut stop: Stop,
) -> Result<Lock, Error> {
    let mut given_up = Withdrawal { client, key, nonce: &nonce, due: true };
    let mut ours = Ours::new(&nonce);
    let grace = client.channel.config().deadline;
    let taken = tokio::select! {
        biased;
        taken = take(client, key, ttl, &mut ours, stop.clone()) => taken,
        // A lock that is free is taken also when there is no time to wait, and what is under way
        // has its time; no longer.
        () = stop.come_and(grace) => Err(Error::busy(key.as_str())),
    };
    if taken.is_err() && ours.entered {
        withdraw(client, key, &nonce).await;
    }
    given_up.due = false;
    taken
}

async fn take<'a>(
    client: &'a Client,
    key: &'a Path,
    ttl: Ttl,
    ours: &mut Ours<'a>,
    mut stop: Stop,
) -> Result<Lock, Error> {
    for tries in 1..=MOST_TRIES {
        let taken = match Waiting::enter(client, key, ttl, ours).await {
            Ok(waiting) => waiting.turn(&mut stop).await,
            Err(error) => Err(error),
        };
        match taken {
            Err(error) if error.is_lock_lost() && tries < MOST_TRIES => {}
            taken => return taken,
        }
    }
    Err(lost(key, 0))
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

/// Removes every key of a try, as far as a server can be reached within the time of a call; what
/// stays, expires.
pub(super) async fn withdraw(client: &Client, key: &Path, nonce: &str) {
    let removed = remove_all(client, key, nonce);
    if tokio::time::timeout(client.channel.config().deadline, removed).await.is_err() {
        tracing::debug!(%key, "a place in a lock's queue stays until it expires");
    }
}

async fn remove_all(client: &Client, key: &Path, nonce: &str) {
    let Ok((nodes, _)) = client.queue(key).await else { return };
    for node in nodes.iter().filter(|node| node.value.as_deref() == Some(nonce)) {
        let Ok(child) = node.key.parse() else { continue };
        if let Err(error) = client.remove_child(&child).await {
            tracing::debug!(%child, %error, "a place in a lock's queue stays until it expires");
        }
    }
}

/// What tells our keys from others'.
fn nonce() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::unsupported(format!("no random numbers: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
