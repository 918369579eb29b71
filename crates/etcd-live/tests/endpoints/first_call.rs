//! A dead endpoint before the living one costs the very first call no more than half a second.

use std::time::Duration;

use etcd_client::v2::{Client, LockOptions, WatchOptions};
use etcd_client::{Error, Session, Ttl};
use etcd_live::blackhole::{Blackhole, refused};
use etcd_live::etcd;

use super::timed;

/// What the dead endpoints may add to any call …
const MOST: Duration = Duration::from_millis(500);
/// … in the best of so many tries: a busy machine is not late in each, a dead endpoint is.
const TRIES: usize = 8;
const CALLS: &[&str] = &["get", "set", "delete", "list", "leader", "lock and unlock", "watch"];

#[tokio::test]
async fn dead_endpoints_cost_a_new_client_little() -> Result<(), Error> {
    let most =
        compare(async |call, servers, number| by_client(call, servers, number).await).await?;
    println!("v2::Client: dead endpoints cost a first call {most:?} at most");
    Ok(())
}

#[tokio::test]
async fn dead_endpoints_cost_a_new_session_little() -> Result<(), Error> {
    let most =
        compare(async |call, servers, number| by_session(call, servers, number).await).await?;
    println!("Session: dead endpoints cost opening and a first call {most:?} at most");
    Ok(())
}

/// Makes each call with the living endpoint alone, and behind dead ones; answers with the most
/// that these cost.
async fn compare(
    call: impl AsyncFn(&str, &str, usize) -> Result<(), Error>,
) -> Result<Duration, Error> {
    let cluster = etcd::cluster(1);
    let live = etcd::servers(&cluster);
    let lost = Blackhole::never_connects().expect("a black hole");
    let deaf = Blackhole::never_answers().expect("a black hole");
    let nobody = refused().expect("a free port");
    let behind = [&lost, &deaf].map(|dead| format!("{nobody},{},{live}", dead.endpoint()));
    let client = Client::new(&live)?;
    client.set("/dir/there", "1").await?;
    let mut most = Duration::ZERO;
    for (name, servers) in CALLS.iter().flat_map(|name| behind.each_ref().map(|list| (name, list)))
    {
        let mut best = Duration::MAX;
        for number in 0..TRIES {
            client.set(&gone(2 * number), "1").await?;
            client.set(&gone(2 * number + 1), "1").await?;
            let (alone, done) = timed(call(name, &live, 2 * number)).await;
            done?;
            let (behind, done) = timed(call(name, servers, 2 * number + 1)).await;
            done?;
            best = best.min(behind.saturating_sub(alone));
            if best <= MOST {
                break;
            }
        }
        assert!(best <= MOST, "{name}: {best:?} more with {servers} than with {live} alone");
        most = most.max(best);
    }
    Ok(most)
}

/// A key that the call with this number removes.
fn gone(number: usize) -> String {
    format!("/gone/{number}")
}

async fn by_client(call: &str, servers: &str, number: usize) -> Result<(), Error> {
    let client = Client::new(servers)?;
    match call {
        "get" => drop(client.get("/dir/there").await?),
        "set" => drop(client.set("/set", "1").await?),
        "delete" => drop(client.delete(&gone(number)).await?),
        "list" => drop(client.list("/dir").await?),
        "leader" => drop(client.leader().await?),
        "lock and unlock" => {
            let options = LockOptions::new(ttl()).wait(Duration::ZERO);
            client.lock_with("/lock", &options).await?.unlock().await?;
        }
        _ => {
            let options = WatchOptions::new().from_index(1).recursive();
            client.watch("/dir", options)?.next().await.expect("an event")?;
        }
    }
    Ok(())
}

async fn by_session(call: &str, servers: &str, number: usize) -> Result<(), Error> {
    let session = Session::open_with(servers, etcd::v2()).await?;
    match call {
        "get" => drop(session.get("/dir/there").await?),
        "set" => drop(session.set("/set", "1").await?),
        "delete" => session.delete(&gone(number)).await?,
        "list" => drop(session.list("/dir").await?),
        "leader" => drop(session.leader().await?),
        "lock and unlock" => {
            let ticket = session.lock_within("/lock", ttl(), Some(Duration::ZERO)).await?;
            session.unlock("/lock", ticket.index).await?;
        }
        _ => {
            session.watch("/dir", Some(1))?.next().await.expect("an event")?;
        }
    }
    Ok(())
}

fn ttl() -> Ttl {
    Ttl::from_seconds(30).expect("half a minute")
}
