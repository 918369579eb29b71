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
use crate::command::signals::{REQUESTS, Signals};
use crate::exit::Exit;
use crate::output::Output;

/// Shows one thing after another; the first that does not hold ends it, and so does a signal.
pub(crate) async fn run(cli: &Cli, output: &Output) -> anyhow::Result<Exit> {
    let mut signals = Signals::listen(&REQUESTS)?;
    let place = match signals.during(Place::new(cli)).await {
        Ok(place) => place?,
        Err(signal) => return Ok(Exit::of_signal(signal)),
    };
    let mut says = Wording::new(output);
    says.begin(&place)?;
    let shown = signals.during(show(&place, &mut says)).await;
    let tidied = match signals.during(place.tidy()).await {
        Ok(tidied) => tidied.context("what the demo wrote could not be removed"),
        Err(again) => return Ok(Exit::of_signal(again)),
    };
    match shown {
        Ok(shown) => shown.and(tidied)?,
        Err(signal) => return tidied.map(|()| Exit::of_signal(signal)),
    }
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
