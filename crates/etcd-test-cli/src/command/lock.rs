//! `lock`: takes or renews a lock, or runs a command under one.

use std::time::Duration;

use anyhow::Context as _;
use etcd_client::Session;
use etcd_client::session::Ticket;
use serde_json::json;

use super::child;
use super::requests::Requests;
use crate::args::Lock;
use crate::exit::Exit;
use crate::output::Output;

pub(crate) async fn run(session: &Session, args: &Lock, output: &Output) -> anyhow::Result<Exit> {
    let what = || format!("lock {:?}", args.key);
    if let Some(index) = args.index {
        let ticket = session.renew(&args.key, index, args.ttl).await.with_context(what)?;
        return show(&ticket, output);
    }
    let mut requests = Requests::listen()?;
    let mut asked = None;
    let stop = async {
        tokio::select! {
            () = waited(args.wait) => {}
            signal = requests.next() => asked = Some(signal),
        }
    };
    // A place in the queue is given up before the program ends.
    let ticket = match (session.lock_unless(&args.key, args.ttl, stop).await, asked) {
        (Err(_), Some(signal)) => return Ok(Exit::of_signal(signal)),
        (taken, _) => taken.with_context(what)?,
    };
    if let Some(signal) = requests.seen().await {
        unlock(session, &ticket, args).await?;
        return Ok(Exit::of_signal(signal));
    }
    match args.command.is_empty() {
        true => show(&ticket, output),
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
    let json = json!({ "key": ticket.key, "index": ticket.index, "ttl": ticket.ttl.seconds() });
    output.line(&json, || ticket.index.to_string())?;
    Ok(Exit::Done)
}

/// Runs the command while the lock is held, and gives the lock up afterwards.
async fn under(
    session: &Session,
    mut ticket: Ticket,
    args: &Lock,
    requests: &mut Requests,
) -> anyhow::Result<Exit> {
    let environment =
        [("ETCD_LOCK_KEY", ticket.key.clone()), ("ETCD_LOCK_INDEX", ticket.index.to_string())];
    let mut child = match child::start(&args.command, environment) {
        Ok(child) => child,
        Err(error) => {
            unlock(session, &ticket, args).await?;
            return Err(error);
        }
    };
    match session.hold(&mut ticket, child::ended(&mut child, requests)).await {
        Ok(ended) => {
            let exit = ended?;
            unlock(session, &ticket, args).await?;
            Ok(exit)
        }
        Err(lost) => {
            child::end(&mut child).await?;
            Err(lost).context("the command was ended")
        }
    }
}

async fn unlock(session: &Session, ticket: &Ticket, args: &Lock) -> anyhow::Result<()> {
    let unlocked = session.unlock(&args.key, ticket.index).await;
    unlocked.with_context(|| format!("unlock {:?}", args.key))
}
