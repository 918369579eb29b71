//! A lock that passes from one holder to the next.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use etcd_client::session::Api;
use etcd_client::{ErrorKind, Ttl};
use tokio::time::timeout;

use super::place::Place;
use super::wording::Wording;

/// How long a lock that is free may take to be had, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn show(place: &Place, says: &Wording<'_>) -> anyhow::Result<()> {
    let (ttl, key) = (ttl()?, place.key("door"));
    let (anne, ben) = (&place.session, place.another_session().await?);
    let first = anne.lock(&key, ttl).await?;
    says.saw(&format!("Anne has the lock {key}: token {}", first.index))?;
    let Err(busy) = ben.lock_within(&key, ttl, Some(Duration::ZERO)).await else {
        bail!("Ben took a lock that Anne has");
    };
    let ErrorKind::LockBusy = busy.kind() else { return Err(busy.into()) };
    says.saw(&format!("Ben asks for it and does not wait: {busy}"))?;
    let waits = timeout(PATIENCE, ben.lock(&key, ttl));
    let gives_up = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        anne.unlock(&key, first.index).await
    };
    let (second, given_up) = tokio::join!(waits, gives_up);
    given_up.context("Anne could not give the lock up")?;
    let second = second.context("Ben did not get a lock that was given up")??;
    ensure!(second.index > first.index, "token {} came after {}", second.index, first.index);
    says.saw(&format!("Ben waits, Anne gives it up, and Ben has it: token {}", second.index))?;
    let Err(lost) = anne.renew(&key, first.index, ttl).await else {
        bail!("Anne renewed a lock that Ben has");
    };
    let ErrorKind::LockLost = lost.kind() else { return Err(lost.into()) };
    says.saw(&format!("Anne would renew hers: {lost}"))?;
    ben.unlock(&key, second.index).await?;
    match anne.api() {
        Api::V3 => fence(place, says).await,
        _ => Ok(()),
    }
}

/// A holder that wakes up late, whose write is refused by etcd itself.
async fn fence(place: &Place, says: &Wording<'_>) -> anyhow::Result<()> {
    let (client, name, till) = (place.client()?, place.key("till"), place.key("money"));
    let late = client.lock(name.clone(), ttl()?).await?;
    late.put(till.clone(), "10").await?;
    // What the server does to the lease of a holder that was stopped for too long.
    client.lease().revoke(late.lease().id()).await?;
    let next = timeout(PATIENCE, client.lock(name, ttl()?)).await;
    let next = next.context("a lock whose holder is gone was not to be had")??;
    next.put(till.clone(), "20").await?;
    let Err(refused) = late.put(till.clone(), "11").await else {
        bail!("a holder whose lock was lost could still write under it");
    };
    let ErrorKind::LockLost = refused.kind() else { return Err(refused.into()) };
    says.saw(&format!("a holder that slept too long would write under its lock: {refused}"))?;
    let value = place.session.get(&till).await?.value;
    ensure!(value == "20", "{till} holds {value:?}, where the one who has the lock wrote \"20\"");
    next.release().await?;
    Ok(())
}

fn ttl() -> anyhow::Result<Ttl> {
    Ttl::from_seconds(10).context("ten seconds are a time to live")
}
