//! `demo`: what the library is for, shown in under a minute.

mod election;
mod expiry;
mod failover;
mod lock;
mod own_servers;
mod place;
mod values;
mod wording;

use anyhow::Context as _;
use etcd_client::session::Api;

use self::place::Place;
use self::wording::Wording;
use crate::args::Cli;
use crate::exit::Exit;
use crate::output::Output;

/// Shows one thing after another; the first that does not hold ends it.
pub(crate) async fn run(cli: &Cli, output: &Output) -> anyhow::Result<Exit> {
    let place = Place::new(cli).await?;
    let mut says = Wording::new(output);
    says.begin(&place)?;
    let shown = show(&place, &mut says).await;
    let tidied = place.tidy().await.context("what the demo wrote could not be removed");
    shown.and(tidied)?;
    says.end()?;
    Ok(Exit::Done)
}

async fn show(place: &Place, says: &mut Wording<'_>) -> anyhow::Result<()> {
    let v3 = place.session.api() == Api::V3;
    says.step("Values are written, read and listed")?;
    values::show(place, says).await.context("values")?;
    says.step("A write may have a condition, and is refused where that does not hold")?;
    values::condition(place, says).await.context("a conditional write")?;
    says.step("A value may have a time to live, and a watch tells of its end")?;
    expiry::show(place, says).await.context("a time to live under a watch")?;
    says.step("A lock passes from one holder to the next, with a token that only grows")?;
    lock::show(place, says).await.context("a lock")?;
    says.step("An election has one leader at a time")?;
    if v3 {
        election::show(place, says).await.context("an election")?;
    } else {
        says.not_shown("elections need the v3 API, and these servers speak v2")?;
    }
    says.step("A member dies, and calls go on")?;
    if place.can_lose_a_member() {
        failover::show(place, says).await.context("calls while a member dies")?;
    } else {
        says.not_shown("the servers are yours: without --servers and ETCD_SERVERS the demo has its own to stop")?;
    }
    Ok(())
}
