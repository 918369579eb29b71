//! Times to live: expiry, refresh, and what watchers hear of them.

use std::time::{Duration, Instant};

use etcd_client::ErrorKind;
use etcd_client::v2::api::{Action, Set};
use etcd_client::v2::{Event, WatchOptions};

use super::{PATIENCE, on_each_client, refusal, seconds};

#[test]
fn a_key_expires_and_a_watcher_hears_it() {
    on_each_client(async |client| {
        let began = Instant::now();
        let set = client.set_with_ttl("/a", "1", seconds(1)).await?;
        assert_eq!(set.ttl, Some(1));
        assert!(set.expiration.is_some());
        let options = WatchOptions::new().from_index(set.modified_index + 1);
        let mut watcher = client.watch("/a", options)?;
        let event = tokio::time::timeout(PATIENCE, watcher.next()).await;
        let event = event.expect("it expires").expect("an event")?;
        let Event::Change(change) = event else { panic!("{event:?}") };
        assert_eq!((change.action, change.value), (Action::Expire, None));
        assert_eq!(change.previous.and_then(|node| node.value).as_deref(), Some("1"));
        // The server looks every half second.
        assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
        assert_eq!(client.get_opt("/a").await?, None);
        Ok(())
    });
}

#[test]
fn a_refresh_keeps_the_value_and_is_not_heard() {
    on_each_client(async |client| {
        assert_eq!(refusal(client.refresh("/a", seconds(60)).await), ErrorKind::KeyNotFound);
        let set = client.set_with_ttl("/a", "1", seconds(60)).await?;
        client.refresh("/a", seconds(600)).await?;
        let got = client.get("/a").await?;
        assert_eq!(got.value.as_deref(), Some("1"));
        assert!(got.ttl > Some(500), "{:?}", got.ttl);

        let after = client.set("/b", "1").await?;
        let options = WatchOptions::new().recursive().from_index(set.modified_index + 1);
        let event = client.watch("/", options)?.next().await.expect("an event")?;
        let Event::Change(change) = event else { panic!("{event:?}") };
        assert_eq!((change.key.as_str(), change.index), ("/b", after.modified_index));
        Ok(())
    });
}

#[test]
fn a_write_without_a_time_to_live_takes_it_away() {
    on_each_client(async |client| {
        for key in ["/set", "/update"] {
            client.set_with_ttl(key, "1", seconds(60)).await?;
        }
        client.set("/set", "2").await?;
        client.update("/update", "2").await?;
        for key in ["/set", "/update"] {
            assert_eq!(client.get(key).await?.ttl, None, "{key}");
        }
        Ok(())
    });
}

#[test]
fn a_directory_expires_with_what_it_holds() {
    on_each_client(async |client| {
        client.send(&Set::directory("/d".parse()?).ttl(seconds(60))).await?;
        client.set("/d/a", "1").await?;
        let brief = Set::directory("/d".parse()?).if_present().ttl(seconds(1));
        let index = client.send(&brief).await?.node.map(|node| node.modified_index + 1);
        let options = WatchOptions::new().recursive().from_index(index);
        let mut watcher = client.watch("/d", options)?;
        let mut told = Vec::new();
        while told.len() < 2 {
            let event = watcher.next().await.expect("an event")?;
            let Event::Change(change) = event else { panic!("{event:?}") };
            assert_eq!(change.action, Action::Expire);
            told.push((change.key, change.inferred));
        }
        assert_eq!(told, [("/d/a".to_owned(), true), ("/d".to_owned(), false)]);
        assert_eq!(client.get_opt("/d/a").await?, None);
        Ok(())
    });
}
