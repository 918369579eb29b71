//! Watches of keys whose names servers confuse with others, or that were something else before.

use std::time::Duration;

use etcd_client::v2::api::Set;
use etcd_client::v2::{Change, Client, WatchOptions, Watcher};
use etcd_client::{Error, Ttl};
use etcd_live::etcd;

use super::next_change;

/// Servers find the removal of `/a` in their history for a watch of `/ab`, again and again.
#[tokio::test]
async fn a_removed_directory_is_not_taken_for_one_whose_name_it_begins() -> Result<(), Error> {
    let cluster = etcd::cluster(1);
    let client = Client::new(&etcd::servers(&cluster))?;
    let first = client.set("/a/k", "1").await?.modified_index;
    client.delete_recursive("/a").await?;
    let wanted = client.set("/ab/k", "2").await?.modified_index;
    let before = client.counters().attempts;
    let options = WatchOptions::new().from_index(first);
    for options in [options.clone().recursive(), options] {
        let key = if options.recursive { "/ab" } else { "/ab/k" };
        let change = next_change(&mut client.watch(key, options)?).await;
        assert_eq!((change.index, change.key.as_str()), (wanted, "/ab/k"));
    }
    let attempts = client.counters().attempts - before;
    assert!(attempts < 20, "{attempts} requests for two changes");
    Ok(())
}

/// The same with a directory whose time to live was over.
#[tokio::test]
async fn nor_is_one_that_expired() -> Result<(), Error> {
    let cluster = etcd::cluster(1);
    let client = Client::new(&etcd::servers(&cluster))?;
    let short = Ttl::from_seconds(1).expect("a second");
    let made = client.send(&Set::directory("/a".parse()?).ttl(short)).await?;
    let first = made.node.map_or(0, |node| node.modified_index);
    while client.get_opt("/a").await?.is_some() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let wanted = client.set("/ab/k", "2").await?.modified_index;
    let options = WatchOptions::new().recursive().from_index(first);
    assert_eq!(next_change(&mut client.watch("/ab", options)?).await.index, wanted);
    Ok(())
}

/// What lay below a key before a value stood there is history too.
#[tokio::test]
async fn a_value_that_was_a_directory_is_watched_with_its_past() -> Result<(), Error> {
    let cluster = etcd::cluster(1);
    let client = Client::new(&etcd::servers(&cluster))?;
    let below = client.set("/d/x", "1").await?.modified_index;
    client.delete_recursive("/d").await?;
    client.set("/d", "2").await?;
    client.delete("/d").await?;
    client.set("/d/y", "3").await?;
    client.delete_recursive("/d").await?;
    let last = client.set("/d", "4").await?.modified_index;
    assert_eq!(last, below + 6);

    let options = WatchOptions::new().recursive().from_index(below);
    let told = until(client.watch("/d", options)?, last).await;
    let told: Vec<_> = told.iter().map(|change| (change.index, change.key.as_str())).collect();
    let keys = ["/d/x", "/d", "/d", "/d", "/d/y", "/d", "/d"];
    assert_eq!(told, (below..).zip(keys).collect::<Vec<_>>());
    Ok(())
}

/// What a watch tells up to an index, without what it infers.
async fn until(mut watcher: Watcher, last: u64) -> Vec<Change> {
    let mut told = Vec::new();
    loop {
        let change = next_change(&mut watcher).await;
        let is_last = change.index == last;
        if !change.inferred {
            told.push(change);
        }
        if is_last {
            return told;
        }
    }
}
