//! `lock`: takes or renews a lock, or runs a command under one.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use anyhow::{Context as _, bail};
use etcd_client::Session;
use etcd_client::session::Ticket;
use serde_json::json;

use super::child::Child;
use super::signals::{REQUESTS, Signals};
use crate::args::Lock;
use crate::exit::Exit;
use crate::output::{Output, put};

pub(crate) async fn run(session: &Session, args: &Lock, output: &Output) -> anyhow::Result<Exit> {
    let what = || format!("lock {:?}", args.key);
    if let Some(index) = args.index {
        let ticket =
            session.renew(args.key.as_bytes(), index, args.ttl).await.with_context(what)?;
        return show(&ticket, output);
    }
    let mut requests = Signals::listen(&REQUESTS)?;
    let mut asked = None;
    let stop = async {
        tokio::select! {
            () = waited(args.wait) => {}
            signal = requests.next() => asked = Some(signal),
        }
    };
    // A place in the queue is given up before the program ends.
    let ticket = match (session.lock_unless(args.key.as_bytes(), args.ttl, stop).await, asked) {
        (Err(_), Some(signal)) => return Ok(Exit::of_signal(signal)),
        (taken, _) => taken.with_context(what)?,
    };
    if let Some(signal) = requests.seen().await {
        unlock(session, &ticket, args).await?;
        return Ok(Exit::of_signal(signal));
    }
    match args.command.is_empty() {
        true => hand_over(session, &ticket, args, output).await,
        false => under(session, ticket, args, &mut requests).await,
    }
}

async fn waited(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

fn show(ticket: &Ticket, output: &Output) -> anyhow::Result<Exit> {
    let mut json = json!({ "index": ticket.index, "ttl": ticket.ttl.seconds() });
    put(&mut json, "key", ticket.key.as_bytes());
    output.line(&json, || ticket.index.to_string())?;
    Ok(Exit::Done)
}

/// Prints the index of a lock that was taken. One that nobody hears of is given up again: nobody
/// could renew it or give it up.
async fn hand_over(
    session: &Session,
    ticket: &Ticket,
    args: &Lock,
    output: &Output,
) -> anyhow::Result<Exit> {
    let Err(error) = show(ticket, output) else { return Ok(Exit::Done) };
    unlock(session, ticket, args).await?;
    bail!("lock {:?}: the index cannot be printed, and the lock was given up: {error:#}", args.key)
}

/// Runs the command while the lock is held, and gives the lock up afterwards.
async fn under(
    session: &Session,
    mut ticket: Ticket,
    args: &Lock,
    requests: &mut Signals,
) -> anyhow::Result<Exit> {
    let key = OsStr::from_bytes(ticket.key.as_bytes()).to_owned();
    let environment =
        [("ETCD_LOCK_KEY", key), ("ETCD_LOCK_INDEX", ticket.index.to_string().into())];
    let mut child = match Child::start(&args.command, environment) {
        Ok(child) => child,
        Err(error) => {
            unlock(session, &ticket, args).await?;
            return Err(error);
        }
    };
    match session.hold(&mut ticket, child.ended(requests)).await {
        Ok(ended) => {
            let exit = ended?;
            unlock(session, &ticket, args).await?;
            Ok(exit)
        }
        Err(lost) => match child.end(grace(ticket.ttl.duration())).await {
            Ok(()) => Err(lost).context("the command was ended"),
            Err(error) => {
                Err(lost).with_context(|| format!("the command cannot be ended ({error:#})"))
            }
        },
    }
}

/// How long a command may take to end when it is asked to. A lock is called lost a tenth of its
/// time before the server lets it go, and at least half a second or a quarter; half of that is left
/// for the system to kill in.
fn grace(ttl: Duration) -> Duration {
    let longest = Duration::from_millis(500);
    let margin = (ttl / 10).max(longest).min(ttl / 4);
    (margin / 2).min(longest)
}

async fn unlock(session: &Session, ticket: &Ticket, args: &Lock) -> anyhow::Result<()> {
    let unlocked = session.unlock(args.key.as_bytes(), ticket.index).await;
    unlocked.with_context(|| format!("unlock {:?}", args.key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_killed_before_the_server_lets_the_lock_go() {
        for (ttl, millis) in [(1, 125), (2, 250), (5, 250), (10, 500), (3600, 500)] {
            assert_eq!(grace(Duration::from_secs(ttl)), Duration::from_millis(millis), "{ttl} s");
        }
    }
}
