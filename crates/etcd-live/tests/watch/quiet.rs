//! Watches that hear little, end, or see whole directories go.

use std::time::Duration;

use etcd_client::Error;
use etcd_client::v2::api::Action;
use etcd_client::v2::{Change, Client, Event, WatchOptions};
use etcd_live::etcd;
use etcd_live::members::Cluster;
use etcd_live::proxy::{Cut, Proxy};
use tokio::task::JoinHandle;

use super::{PATIENCE, next_change, watchers};

/// Three times as many changes elsewhere as the history holds, and a cut at the end: nothing is
/// missing, so nothing is said to be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_watch_has_no_gap() -> Result<(), Error> {
    let cluster = etcd::cluster(1);
    let writer = Client::new(&etcd::servers(&cluster))?;
    let (proxy, heard) = quiet_watch(&cluster)?;
    watchers(&writer, 1).await;
    for _ in 0..6 {
        others(&writer, 500).await?;
        // Two that stay quiet tell that nothing was before the first of them began.
        polls(&proxy, 3).await;
    }
    others(&writer, 500).await?;
    proxy.cut(Cut::Reset).expect("a cut");
    let set = writer.set("/quiet/a", "1").await?;
    let change = told(heard).await;
    assert_eq!((change.index, change.inferred), (set.modified_index, false));
    Ok(())
}

/// All at once, so that no poll could be made anew in time: the one that waits misses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_that_waits_through_a_burst_has_no_gap() -> Result<(), Error> {
    let cluster = etcd::cluster(1);
    let writer = Client::new(&etcd::servers(&cluster))?;
    let (proxy, heard) = quiet_watch(&cluster)?;
    watchers(&writer, 1).await;
    let parts: Vec<_> = (0..8)
        .map(|_| writer.clone())
        .map(|writer| tokio::spawn(async move { others(&writer, 400).await }))
        .collect();
    for part in parts {
        part.await.expect("a writer")?;
    }
    polls(&proxy, 1).await;
    let set = writer.set("/quiet/a", "1").await?;
    let change = told(heard).await;
    assert_eq!((change.index, change.inferred), (set.modified_index, false));
    Ok(())
}

/// What a watch told.
type Told = Option<Result<Event, Error>>;

/// A watch of `/quiet` through a proxy, which may stay quiet for as long as the changes elsewhere take.
fn quiet_watch(cluster: &Cluster) -> Result<(Proxy, JoinHandle<Told>), Error> {
    let proxy = Proxy::to(&cluster.endpoints()[0]).expect("a proxy");
    let client = Client::new(&proxy.endpoint())?;
    let mut watcher = client.watch("/quiet", WatchOptions::new().recursive())?;
    Ok((proxy, tokio::spawn(async move { watcher.next().await })))
}

/// The change that such a watch is to tell now.
async fn told(heard: JoinHandle<Told>) -> Change {
    let told = tokio::time::timeout(PATIENCE, heard).await.expect("the watch hears of it");
    match told.expect("the watch") {
        Some(Ok(Event::Change(change))) => change,
        other => panic!("the watch told {other:?}"),
    }
}

/// Waits until so many more connections were made, as each poll that takes another's place does.
async fn polls(proxy: &Proxy, more: usize) {
    let expected = proxy.accepted() + more;
    let made = async {
        while proxy.accepted() < expected {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, made).await.expect("a quiet poll is made anew");
}

async fn others(client: &Client, count: usize) -> Result<(), Error> {
    for number in 0..count {
        client.set(&format!("/other/{}", number % 10), &number.to_string()).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_a_watcher_ends_it_on_the_server() -> Result<(), Error> {
    let cluster = etcd::cluster(1);
    let client = Client::new(&etcd::servers(&cluster))?;
    watchers(&client, 0).await;
    let polls: Vec<_> = (0..20)
        .map(|number| {
            let mut watcher = client.watch(&format!("/w/{number}"), WatchOptions::new())?;
            Ok(tokio::spawn(async move { watcher.next().await }))
        })
        .collect::<Result<_, Error>>()?;
    watchers(&client, 20).await;
    for poll in polls {
        poll.abort();
    }
    watchers(&client, 0).await;
    Ok(())
}

#[tokio::test]
async fn cancelling_a_wait_for_an_event_loses_none() -> Result<(), Error> {
    let cluster = etcd::cluster(1);
    let client = Client::new(&etcd::servers(&cluster))?;
    let first = client.set("/w", "0").await?.modified_index;
    let mut watcher = client.watch("/w", WatchOptions::new().from_index(first))?;
    for number in 0..20 {
        let change = loop {
            let soon = Duration::from_micros(number * 50);
            if let Ok(change) = tokio::time::timeout(soon, next_change(&mut watcher)).await {
                break change;
            }
        };
        assert_eq!(change.value, Some(number.to_string()));
        client.set("/w", &(number + 1).to_string()).await?;
    }
    Ok(())
}

/// The server says only that the directory went.
#[tokio::test]
async fn what_a_removed_directory_held_is_told() -> Result<(), Error> {
    let cluster = etcd::cluster(1);
    let client = Client::new(&etcd::servers(&cluster))?;
    for key in ["/w/d/a", "/w/d/e/b", "/w/kept", "/w/dx"] {
        client.set(key, "1").await?;
    }
    let first = client.set("/w/d/c", "1").await?.modified_index;
    let options = WatchOptions::new().recursive().from_index(first);
    let mut watcher = client.watch("/w", options)?;
    assert_eq!(next_change(&mut watcher).await.index, first);
    let removed = client.delete_recursive("/w/d").await?;
    let index = removed.node.map(|node| node.modified_index);
    let mut told = Vec::new();
    while told.len() < 4 {
        let change = next_change(&mut watcher).await;
        assert_eq!((Some(change.index), change.action), (index, Action::Delete));
        told.push((change.key, change.directory, change.inferred));
    }
    let told: Vec<_> = told.iter().map(|(key, d, i)| (key.as_str(), *d, *i)).collect();
    let below = |key| (key, false, true);
    let expected = [below("/w/d/a"), below("/w/d/c"), below("/w/d/e/b"), ("/w/d", true, false)];
    assert_eq!(told, expected);

    client.delete_recursive("/w").await?;
    let mut rest = Vec::new();
    while rest.len() < 3 {
        rest.push(next_change(&mut watcher).await.key);
    }
    assert_eq!(rest, ["/w/dx", "/w/kept", "/w"]);
    Ok(())
}
