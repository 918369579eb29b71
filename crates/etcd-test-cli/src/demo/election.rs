//! An election: who stands, who leads, who follows.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use etcd_client::v3::{Leaders, Leadership};
use etcd_client::{Error, Ttl};
use tokio::time::timeout;

use super::place::Place;
use super::wording::Wording;

/// How long a change of leaders may take to be seen, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn show(place: &Place, says: &Wording<'_>) -> anyhow::Result<()> {
    let ttl = Ttl::from_seconds(10).context("ten seconds are a time to live")?;
    let election = place.client()?.election(place.key("captain"));
    let mut leaders = election.observe();
    let cleo = election.campaign("Cleo", ttl).await?;
    sees(&mut leaders, "Cleo").await?;
    says.saw("Cleo stands, and leads")?;
    let stands = timeout(PATIENCE, election.campaign("Dora", ttl));
    let (dora, ()) = tokio::try_join!(won(stands), resigns(cleo, says))?;
    sees(&mut leaders, "Dora").await?;
    says.saw("Dora, who stood behind, leads, and whoever observes is told")?;
    dora.resign().await?;
    let nobody = election.leader().await?;
    ensure!(nobody.is_none(), "all resigned, and {nobody:?} leads");
    Ok(())
}

async fn won(
    stands: impl Future<Output = Result<Result<Leadership, Error>, tokio::time::error::Elapsed>>,
) -> anyhow::Result<Leadership> {
    Ok(stands.await.context("nobody leads, and who stands was not chosen")??)
}

async fn resigns(leader: Leadership, says: &Wording<'_>) -> anyhow::Result<()> {
    tokio::time::sleep(Duration::from_millis(300)).await;
    says.saw("Cleo resigns")?;
    Ok(leader.resign().await?)
}

async fn sees(leaders: &mut Leaders, who: &str) -> anyhow::Result<()> {
    let seen = timeout(PATIENCE, leaders.next()).await;
    let seen = seen.with_context(|| format!("nobody was told that {who} leads"))?;
    let leader = seen.context("the election can be observed no longer")??;
    ensure!(leader.value == who, "{:?} leads, and it ought to be {who}", leader.value);
    Ok(())
}
