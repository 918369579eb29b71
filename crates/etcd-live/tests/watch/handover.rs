//! A watch on three members, when the one that it is connected to is lost.

use std::time::{Duration, Instant};

use etcd_client::session::Event;
use etcd_client::v2::Client;
use etcd_client::{Error, Session};
use etcd_live::etcd;
use etcd_live::members::Cluster;

/// What a stopped member may cost: a poll of ten seconds, and the time to notice its silence.
const MOST_AFTER_STOP: Duration = Duration::from_secs(60);
/// What a killed one may cost: the connection breaks at once, and no poll of ten seconds is waited for.
const MOST_AFTER_KILL: Duration = Duration::from_secs(9);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_member_is_left() -> Result<(), Error> {
    let mut took = Vec::new();
    for _ in 0..2 {
        took.push(hand_over(|cluster, member| cluster.kill(member), MOST_AFTER_KILL).await?);
    }
    println!("watch after SIGKILL of its member: event after {took:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_member_is_left() -> Result<(), Error> {
    let took = hand_over(|cluster, member| cluster.pause(member), MOST_AFTER_STOP).await?;
    println!("watch after SIGSTOP of its member: event after {took:?}");
    Ok(())
}

/// Loses the member that the watch is connected to; answers with how long after the beginning of
/// the write that followed the watch told of it.
async fn hand_over(
    lose: impl FnOnce(&mut Cluster, usize) -> std::io::Result<()>,
    most: Duration,
) -> Result<Duration, Error> {
    let mut cluster = etcd::cluster(3);
    let session = Session::open_with(&etcd::servers(&cluster), etcd::v2()).await?;
    let first = session.set("/w/before", "1").await?;
    let mut watcher = session.watch("/w", Some(first))?;
    let mut next = async move || watcher.next().await.expect("it goes on").map(key);
    assert_eq!(next().await?, "/w/before");
    let heard = tokio::spawn(async move { next().await });

    let member = watched(&cluster).await?;
    let writer = Client::new(&cluster.endpoints()[(member + 1) % 3])?;
    lose(&mut cluster, member).expect("a member can be lost");
    let mut began = Instant::now();
    while let Err(error) = writer.set("/w/after", "1").await {
        // The member that was lost may have led.
        assert!(error.is_transient() || error.is_outcome_unknown(), "{error:?}");
        began = Instant::now();
    }
    let heard = tokio::time::timeout(most, heard).await;
    let key = heard.unwrap_or_else(|_| panic!("nothing heard in {most:?}")).expect("the watch")?;
    assert_eq!(key, "/w/after");
    Ok(began.elapsed())
}

fn key(event: Event) -> String {
    match event {
        Event::Change(change) => change.key.to_string(),
        gap => panic!("there is nothing missing: {gap:?}"),
    }
}

/// The member that has a watcher.
async fn watched(cluster: &Cluster) -> Result<usize, Error> {
    let mut clients = Vec::new();
    for endpoint in cluster.endpoints() {
        clients.push(Client::new(&endpoint)?);
    }
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        for (member, client) in clients.iter().enumerate() {
            if client.stats_store().await?.watchers > 0 {
                return Ok(member);
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no member has a watcher");
}
