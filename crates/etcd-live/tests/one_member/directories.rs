//! Directories: listings, removals, in-order keys, hidden keys.

use std::time::Duration;

use etcd_client::v2::api::{Action, Node};
use etcd_client::v2::{Client, Event, WatchOptions};
use etcd_client::{Error, ErrorKind, Session};

use super::{conflict, on_each_client, one_member, refusal};

fn keys(nodes: &[Node]) -> Vec<&str> {
    nodes.iter().map(|node| node.key.as_str()).collect()
}

async fn set_all(client: &Client, keys: &[&str]) -> Result<(), Error> {
    for key in keys {
        client.set(key, key).await?;
    }
    Ok(())
}

#[test]
fn listings_are_sorted() {
    on_each_client(async |client| {
        set_all(&client, &["/d/b", "/d/c/z", "/d/c/y", "/d/a", "/d/10", "/d/9", "/d/_hidden/x"])
            .await?;
        client.create_directory("/d/empty").await?;
        let listed = client.list("/d").await?;
        assert_eq!(keys(&listed), ["/d/9", "/d/10", "/d/a", "/d/b", "/d/c", "/d/empty"]);
        assert!(listed[4].dir && listed[4].nodes.is_empty());
        let deep = client.list_recursive("/d").await?;
        assert_eq!(keys(&deep), keys(&listed));
        assert_eq!(keys(&deep[4].nodes), ["/d/c/y", "/d/c/z"]);
        assert_eq!(keys(&client.list_recursive("/").await?), ["/d"]);
        assert_eq!(client.list("/d/empty").await?, []);
        assert_eq!(refusal(client.list("/d/a").await), ErrorKind::NotADirectory);
        assert_eq!(refusal(client.list("/none").await), ErrorKind::KeyNotFound);
        Ok(())
    });
}

#[test]
fn hidden_keys_are_there_for_those_who_name_them() {
    on_each_client(async |client| {
        set_all(&client, &["/d/_secret", "/d/seen", "/_top/below"]).await?;
        assert_eq!(keys(&client.list("/d").await?), ["/d/seen"]);
        assert_eq!(keys(&client.list("/").await?), ["/d"]);
        assert_eq!(client.get("/d/_secret").await?.value.as_deref(), Some("/d/_secret"));
        assert_eq!(keys(&client.list("/_top").await?), ["/_top/below"]);
        Ok(())
    });
}

#[test]
fn a_directory_is_made_once_and_is_no_value() {
    on_each_client(async |client| {
        assert!(client.create_directory("/d").await?.dir);
        assert_eq!(refusal(client.create_directory("/d").await), conflict());
        assert_eq!(refusal(client.set("/d", "1").await), ErrorKind::IsDirectory);
        assert_eq!(refusal(client.delete("/d").await), ErrorKind::IsDirectory);
        assert_eq!(refusal(client.compare_and_delete("/d", 1).await), ErrorKind::IsDirectory);
        assert!(client.get("/d").await?.dir);
        Ok(())
    });
}

#[test]
fn removals_take_what_they_name() {
    on_each_client(async |client| {
        set_all(&client, &["/d/a", "/d/sub/b", "/e"]).await?;
        assert_eq!(refusal(client.delete_directory("/d").await), ErrorKind::DirectoryNotEmpty);
        assert_eq!(refusal(client.delete_directory("/none").await), ErrorKind::KeyNotFound);
        client.delete("/d/sub/b").await?;
        client.delete_directory("/d/sub").await?;
        let removed = client.delete_recursive("/d").await?;
        assert_eq!(removed.action, Action::Delete);
        assert!(removed.previous.is_some_and(|node| node.dir));
        client.delete_recursive("/e").await?;
        assert_eq!(client.list("/").await?, []);
        assert_eq!(refusal(client.delete_recursive("/d").await), ErrorKind::KeyNotFound);
        Ok(())
    });
}

#[test]
fn keys_in_order_come_in_order() {
    on_each_client(async |client| {
        let mut made = Vec::new();
        for value in 0..12 {
            let node = client.create_in_order("/queue", &value.to_string()).await?;
            assert_eq!(node.name().parse(), Ok(node.created_index), "{}", node.key);
            made.push(node);
        }
        assert_eq!(client.list("/queue").await?, made);
        client.set("/value", "1").await?;
        let below = client.create_in_order("/value", "2").await;
        assert_eq!(refusal(below), ErrorKind::NotADirectory);
        Ok(())
    });
}

/// Anyone who may write can make a key of so many segments: it must not stop those who read or
/// watch above it.
#[tokio::test]
async fn a_deep_key_is_listed_and_watched_from_above() -> Result<(), Error> {
    let (cluster, client) = one_member();
    let session =
        Session::open_with(&etcd_live::etcd::servers(&cluster), etcd_live::etcd::v2()).await?;
    let key = |depth: usize| "/deep".repeat(depth);
    for depth in [70, 300] {
        let index = client.set(&(key(depth) + "/v"), "1").await?.modified_index;
        let tree = session.tree("/").await?;
        assert!(tree.find(&(key(depth) + "/v")).is_some_and(|node| node.value.is_some()));
        let options = WatchOptions::new().recursive().from_index(index);
        let mut watcher = client.watch("/deep", options)?;
        let told = tokio::time::timeout(Duration::from_secs(30), watcher.next()).await;
        let Ok(Some(Ok(Event::Change(change)))) = told else { panic!("{told:?}") };
        assert_eq!((change.index, change.key), (index, key(depth) + "/v"));
    }
    let mut listed = client.list_recursive("/").await?;
    let mut values = Vec::new();
    while let Some(mut node) = listed.pop() {
        listed.append(&mut node.nodes);
        values.extend(node.value.map(|_| node.key));
    }
    values.sort_unstable_by_key(String::len);
    assert_eq!(values, [key(70) + "/v", key(300) + "/v"]);
    Ok(())
}
