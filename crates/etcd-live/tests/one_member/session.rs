//! The ten calls of a session.

use std::time::Duration;

use etcd_client::session::{Api, ChangeKind, Event, SessionOptions, SetOptions};
use etcd_client::{Error, ErrorKind, Session};
use etcd_live::each::on_each_v2_server;
use etcd_live::etcd;
use etcd_live::members::Cluster;

use super::{PATIENCE, refusal, seconds};

async fn open() -> Result<(Cluster, Session), Error> {
    let cluster = etcd::cluster(1);
    let session = Session::open_with(&etcd::servers(&cluster), etcd::v2()).await?;
    Ok((cluster, session))
}

/// Runs a scenario with a session on each server.
fn on_each_session(scenario: impl AsyncFn(Session) -> Result<(), Error> + Sync) {
    on_each_v2_server(async |server| {
        scenario(Session::open_with(server.endpoint(), etcd::v2()).await?).await
    });
}

fn standing(value: &str) -> ErrorKind {
    ErrorKind::PreconditionFailed { current: Some(value.to_owned().into()) }
}

#[tokio::test]
async fn a_session_speaks_v2_here() -> Result<(), Error> {
    let (cluster, session) = open().await?;
    assert_eq!(session.api(), Api::V2);
    assert_eq!(session.endpoints().len(), 1);
    let asked = SessionOptions::new().api(Api::V3);
    let opened = Session::open_with(&etcd::servers(&cluster), asked).await;
    match etcd::etcd().version.serves_v3() {
        true => assert_eq!(opened?.api(), Api::V3),
        false => assert_eq!(refusal(opened), ErrorKind::Unsupported),
    }
    let none: [&str; 0] = [];
    assert_eq!(refusal(Session::open(none).await), ErrorKind::InvalidInput);
    assert_eq!(refusal(Session::open_str("host:0").await), ErrorKind::InvalidInput);
    session.close();
    Ok(())
}

#[test]
fn values_are_written_read_and_removed() {
    on_each_session(async |session| {
        assert_eq!(session.get_opt("/a").await?, None);
        let index = session.set("a", "1").await?;
        let entry = session.get("/a").await?;
        assert_eq!(
            (entry.key.to_str().unwrap(), &entry.value[..], entry.index),
            ("/a", &b"1"[..], index)
        );
        assert_eq!(entry.ttl, None);
        assert!(session.set("/a", "2").await? > index);
        session.delete("/a").await?;
        assert_eq!(refusal(session.get("/a").await), ErrorKind::KeyNotFound);
        assert_eq!(refusal(session.delete("/a").await), ErrorKind::KeyNotFound);
        session.set("/d/a", "1").await?;
        assert_eq!(refusal(session.get("/d").await), ErrorKind::IsDirectory);
        assert_eq!(refusal(session.set("/d", "1").await), ErrorKind::IsDirectory);
        assert_eq!(refusal(session.delete("/d").await), ErrorKind::IsDirectory);
        Ok(())
    });
}

#[test]
fn a_condition_that_fails_says_what_stands_there() {
    on_each_session(async |session| {
        let when = |previous: &str| SetOptions::new().previous(previous.to_owned());
        let first = session.set_with("/a", "1", &SetOptions::new().absent()).await?;
        let again = session.set_with("/a", "2", &SetOptions::new().absent()).await;
        assert_eq!(refusal(again), standing("1"));
        assert_eq!(refusal(session.set_with("/a", "2", &when("x")).await), standing("1"));
        assert_eq!(refusal(session.set_with("/a", "2", &when("")).await), standing("1"));
        session.set_with("/a", "", &when("1")).await?;
        session.set_with("/a", "3", &when("")).await?;
        let stale = SetOptions::new().previous_index(first);
        assert_eq!(refusal(session.set_with("/a", "4", &stale).await), standing("3"));
        assert_eq!(refusal(session.set_with("/b", "4", &when("x")).await), ErrorKind::KeyNotFound);

        assert_eq!(refusal(session.delete_if("/a", "x").await), standing("3"));
        assert_eq!(refusal(session.delete_if("/a", "").await), standing("3"));
        session.delete_if("/a", "3").await?;
        session.set("/a", "").await?;
        session.delete_if("/a", "").await?;
        assert_eq!(session.get_opt("/a").await?, None);
        Ok(())
    });
}

#[test]
fn a_value_lives_as_long_as_it_was_given() {
    on_each_session(async |session| {
        session.set_with("/a", "1", &SetOptions::new().ttl(seconds(60))).await?;
        assert!(session.get("/a").await?.ttl.is_some_and(|ttl| ttl <= Duration::from_secs(60)));
        let index = session.set_with("/a", "2", &SetOptions::new().ttl(seconds(1))).await?;
        let mut watcher = session.watch("/", Some(index + 1))?;
        let event = tokio::time::timeout(PATIENCE, watcher.next()).await;
        let event = event.expect("it expires").expect("an event")?;
        let Event::Change(change) = event else { panic!("{event:?}") };
        assert_eq!((change.kind, change.key.to_str().unwrap()), (ChangeKind::Expire, "/a"));
        assert!(change.index > index);
        assert_eq!(session.get_opt("/a").await?, None);
        Ok(())
    });
}

#[test]
fn a_directory_is_listed_and_drawn() {
    on_each_session(async |session| {
        for key in ["/d/b/x", "/d/a", "/d/b/y/z"] {
            session.set(key, key).await?;
        }
        let listed = session.list("/d").await?;
        let seen: Vec<_> =
            listed.iter().map(|entry| (entry.key.to_str().unwrap(), entry.directory)).collect();
        assert_eq!(seen, [("/d/a", false), ("/d/b", true)]);
        assert_eq!(listed[0].value.as_deref(), Some(&b"/d/a"[..]));
        assert_eq!(refusal(session.list("/d/a").await), ErrorKind::NotADirectory);
        assert_eq!(refusal(session.list("/none").await), ErrorKind::KeyNotFound);

        let tree = session.tree("/d").await?;
        let paths: Vec<_> = tree.walk().map(|visit| visit.path).collect();
        assert_eq!(paths, ["a", "b", "b/x", "b/y", "b/y/z"]);
        let leaf = tree.find("b/y/z").and_then(|node| node.value.as_ref()).expect("a value");
        assert_eq!((leaf.key.to_str().unwrap(), &leaf.value[..]), ("/d/b/y/z", &b"/d/b/y/z"[..]));
        Ok(())
    });
}

#[test]
fn changes_are_told_from_an_index_on() {
    on_each_session(async |session| {
        let first = session.set("/w/a", "1").await?;
        session.set("/other", "1").await?;
        session.set("/w/a", "2").await?;
        session.delete("/w/a").await?;
        let mut watcher = session.watch("/w", Some(first))?;
        let mut told = Vec::new();
        while told.len() < 3 {
            let event = watcher.next().await.expect("an event")?;
            let Event::Change(change) = event else { panic!("{event:?}") };
            told.push((change.index - first, change.kind, change.value));
        }
        let expected = [
            (0, ChangeKind::Set, Some("1".into())),
            (2, ChangeKind::Set, Some("2".into())),
            (3, ChangeKind::Delete, None),
        ];
        assert_eq!(told, expected);
        Ok(())
    });
}

#[test]
fn a_lock_is_held_renewed_and_given_up() {
    on_each_session(async |session| {
        let mut ticket = session.lock("/l", seconds(5)).await?;
        let done = session.hold(&mut ticket, tokio::time::sleep(Duration::from_secs(6))).await;
        done.expect("held longer than its time to live");
        let renewed = session.renew("/l", ticket.index, seconds(60)).await?;
        assert!(renewed.deadline > ticket.deadline);
        session.unlock("/l", ticket.index).await?;
        assert_eq!(refusal(session.unlock("/l", ticket.index).await), ErrorKind::LockLost);
        let late = session.renew("/l", ticket.index, seconds(60)).await;
        assert_eq!(refusal(late), ErrorKind::LockLost);
        let next = session.lock_within("/l", seconds(60), Some(Duration::ZERO)).await?;
        assert!(next.index > ticket.index);
        Ok(())
    });
}
