//! A time to live that ends, under a watch.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use etcd_client::Ttl;
use etcd_client::session::{Change, ChangeKind, Event, SetOptions, Watcher};
use tokio::time::timeout;

use super::place::Place;
use super::wording::Wording;

/// Servers look for what has expired at most this much later, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn show(place: &Place, says: &Wording<'_>) -> anyhow::Result<()> {
    let key = place.key("milk");
    let ttl = Ttl::from_seconds(1).context("a second is a time to live")?;
    let index = place.session.set_with(&key, "fresh", &SetOptions::new().ttl(ttl)).await?;
    says.saw(&format!("set {key} to \"fresh\" for {ttl} s: index {index}"))?;
    let set_at = Instant::now();
    let mut watcher = place.session.watch(&key, Some(index))?;
    let set = next(&mut watcher).await?;
    ensure!(set.kind == ChangeKind::Set && set.index == index, "the watch began with {set:?}");
    says.saw(&format!("the watch from index {index} on begins with that change"))?;
    let end = next(&mut watcher).await?;
    let kind = match end.kind {
        ChangeKind::Expire => "expire",
        // In v3 the lease expires, and takes the key along.
        ChangeKind::Delete => "delete",
        _ => bail!("the value should have expired, and the watch told {end:?}"),
    };
    let after = set_at.elapsed();
    says.saw(&format!("after {:.1} s it tells: {kind} {key}", after.as_secs_f64()))?;
    let left = place.session.get_opt(&key).await?;
    ensure!(left.is_none(), "{key} is still there: {left:?}");
    Ok(())
}

async fn next(watcher: &mut Watcher) -> anyhow::Result<Change> {
    let event = timeout(PATIENCE, watcher.next()).await;
    let event = event.with_context(|| format!("the watch told nothing for {PATIENCE:?}"))?;
    match event.context("the watch ended")?? {
        Event::Change(change) => Ok(change),
        other => bail!("no change was to be missed, and the watch told {other:?}"),
    }
}
