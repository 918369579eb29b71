//! The calls of a session.

use std::time::{Duration, Instant};

use etcd_client::session::{Api, ChangeKind, Event, SessionOptions, SetOptions};
use etcd_client::v3::api::CompactionRequest;
use etcd_client::{Client, Error, ErrorKind, Session, Ttl, blocking};
use etcd_live::each::on_each_server;
use etcd_live::etcd::newest;

use super::on_each;

fn refusal<T: std::fmt::Debug>(answer: Result<T, Error>) -> ErrorKind {
    answer.expect_err("it should be refused").kind().clone()
}

fn standing(value: &str) -> ErrorKind {
    ErrorKind::PreconditionFailed { current: Some(value.to_owned().into()) }
}

#[test]
fn values_are_written_read_and_removed() {
    on_each(|_, session, _| {
        assert_eq!(session.get_opt("/a").unwrap(), None);
        let index = session.set("a", "1").unwrap();
        let entry = session.get("/a").unwrap();
        assert_eq!(
            (entry.key.to_str().unwrap(), &entry.value[..], entry.index),
            ("/a", &b"1"[..], index)
        );
        assert_eq!(entry.ttl, None);
        assert!(session.set("/a", [0, 0xff]).unwrap() > index, "any bytes are a value");
        assert_eq!(&session.get("/a").unwrap().value[..], [0, 0xff]);
        session.delete("/a").unwrap();
        assert_eq!(refusal(session.get("/a")), ErrorKind::KeyNotFound);
        assert_eq!(refusal(session.delete("/a")), ErrorKind::KeyNotFound);
        session.set("/d/a", "1").unwrap();
        assert_eq!(refusal(session.get("/d")), ErrorKind::IsDirectory);
        assert_eq!(refusal(session.delete("/d")), ErrorKind::IsDirectory);
        assert_eq!(refusal(session.get("/")), ErrorKind::IsDirectory);
        assert_eq!(refusal(session.set("/", "1")), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_condition_that_fails_says_what_stands_there() {
    on_each(|_, session, _| {
        let when = |previous: &str| SetOptions::new().previous(previous.to_owned());
        let first = session.set_with("/a", "1", &SetOptions::new().absent()).unwrap();
        assert_eq!(
            refusal(session.set_with("/a", "2", &SetOptions::new().absent())),
            standing("1")
        );
        assert_eq!(refusal(session.set_with("/a", "2", &when("0"))), standing("1"));
        let second = session.set_with("/a", "", &when("1")).unwrap();
        session.set_with("/a", "3", &when("")).unwrap();
        let stale = SetOptions::new().previous_index(second);
        assert_eq!(refusal(session.set_with("/a", "4", &stale)), standing("3"));
        assert_eq!(refusal(session.set_with("/none", "1", &when("0"))), ErrorKind::KeyNotFound);
        assert_eq!(refusal(session.delete_if("/a", "1")), standing("3"));
        session.delete_if("/a", "3").unwrap();
        assert!(first < second);
    });
}

#[test]
fn directories_are_listed_as_v2_lists_them() {
    on_each(|_, session, _| {
        for key in ["/a/b", "/a/c/d", "/a/c/e", "/a/_h/x", "/ab"] {
            session.set(key, key).unwrap();
        }
        let listed = |directory| -> Vec<(String, bool)> {
            let listed = session.list(directory).unwrap();
            listed.into_iter().map(|child| (child.key.to_string(), child.directory)).collect()
        };
        let is = |key: &str, directory| (key.to_owned(), directory);
        assert_eq!(listed("/a"), [is("/a/b", false), is("/a/c", true)]);
        assert_eq!(listed("/"), [is("/a", true), is("/ab", false)]);
        assert_eq!(refusal(session.list("/ab")), ErrorKind::NotADirectory);
        assert_eq!(refusal(session.list("/none")), ErrorKind::KeyNotFound);
        let tree = session.tree("/a").unwrap();
        assert_eq!(tree.walk().filter(|visit| visit.node.value.is_some()).count(), 3);
        assert!(tree.find("c/e").is_some_and(|node| node.value.is_some()));
    });
}

#[test]
fn keys_are_any_bytes() {
    on_each(|_, session, _| {
        let every: Vec<u8> = (0..=u8::MAX).filter(|&byte| byte != b'/').collect();
        let key = [b"/bytes/", &every[..]].concat();
        let index = session.set(&key, &every).unwrap();
        assert_eq!(session.get(&key).unwrap().key.as_bytes(), key);
        let listed = session.list("/bytes").unwrap().remove(0);
        assert_eq!((listed.key.as_bytes(), listed.key.to_str()), (&key[..], None));
        // Two keys that no text tells apart are two.
        session.set(b"/bytes/\xfe", "fe").unwrap();
        session.set(b"/bytes/\xff", "ff").unwrap();
        let tree = session.tree("/bytes").unwrap();
        assert_eq!(tree.children.len(), 3);
        assert_eq!(tree.find(r"\xff").unwrap().value.as_ref().unwrap().value, "ff");
        match session.watch(&key, Some(index)).unwrap().next().unwrap().unwrap() {
            Event::Change(change) => assert_eq!(change.key.as_bytes(), key),
            other => panic!("{other:?}"),
        }
        let ticket = session.lock(b"/\xff", Ttl::from_seconds(60).unwrap()).unwrap();
        session.unlock(&ticket.key, ticket.index).unwrap();
        session.delete(&listed.key).unwrap();
        assert_eq!(refusal(session.get(&key)), ErrorKind::KeyNotFound);
    });
}

#[test]
fn a_large_directory_lists_whole_and_skips_what_lies_deeper() {
    on_each(|_, session, _| {
        for i in 0..1500 {
            session.set(format!("/big/{i:04}"), "").unwrap();
            session.set(format!("/big/sub/{i:04}"), "").unwrap();
        }
        let listed = session.list("/big").unwrap();
        assert_eq!(listed.len(), 1501);
        assert_eq!(listed.iter().filter(|child| child.directory).count(), 1);
    });
}

#[test]
fn a_value_lives_as_long_as_it_was_told() {
    on_each(|_, session, _| {
        let ttl = Ttl::from_seconds(2).unwrap();
        session.set_with("/t", "1", &SetOptions::new().ttl(ttl)).unwrap();
        let left = session.get("/t").unwrap().ttl.expect("a time to live");
        assert!(left <= Duration::from_secs(2), "{left:?}");
        let began = Instant::now();
        while session.get_opt("/t").unwrap().is_some() {
            assert!(began.elapsed() < Duration::from_secs(30), "it never expires");
            std::thread::sleep(Duration::from_millis(50));
        }
        // A condition that fails leaves no lease behind.
        session.set("/t", "1").unwrap();
        let failing = SetOptions::new().previous("0").ttl(ttl);
        assert!(session.set_with("/t", "2", &failing).is_err());
    });
}

#[test]
fn no_lease_is_left_of_a_write_that_was_not_made() {
    on_each_server(async |server, client| {
        let session = Session::open([server.endpoint()]).await.expect("a session");
        session.set("/t", "1").await.expect("it is written");
        let failing = SetOptions::new().previous("0").ttl(Ttl::from_seconds(60));
        assert!(session.set_with("/t", "2", &failing).await.is_err());
        assert!(client.lease().list().await.expect("a list").leases.is_empty());
    });
}

#[test]
fn a_watch_tells_history_what_is_new_and_what_is_missing() {
    on_each(|server, session, _| {
        let first = session.set("/w/a", "1").unwrap();
        session.set("/w/b", "2").unwrap();
        session.set("/wb", "beside").unwrap();
        session.set("/w/_h/x", "hidden").unwrap();
        session.delete("/w/a").unwrap();
        let mut told = session.watch("/w", Some(first)).unwrap();
        let mut change = || match told.next().unwrap().unwrap() {
            Event::Change(change) => {
                (change.index, change.kind, change.key.to_string(), change.inferred)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(change(), (first, ChangeKind::Set, "/w/a".into(), false));
        assert_eq!(change(), (first + 1, ChangeKind::Set, "/w/b".into(), false));
        assert_eq!(change(), (first + 4, ChangeKind::Delete, "/w/a".into(), false));
        // History that is gone is a gap, and then what stands there.
        let last = session.set("/w/c", "3").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = Client::new(server.endpoint()).unwrap();
            let revision = i64::try_from(last).unwrap();
            client.kv().compact(CompactionRequest::new(revision)).await.unwrap();
        });
        let mut late = session.watch("/w", Some(first)).unwrap();
        let Event::Gap(gap) = late.next().unwrap().unwrap() else { panic!("no gap") };
        assert_eq!((gap.first, gap.last >= last), (first, true));
        let mut standing = Vec::new();
        while standing.len() < 2 {
            let Event::Change(change) = late.next().unwrap().unwrap() else { panic!("a gap") };
            assert!(change.inferred);
            standing.push(change.key);
        }
        standing.sort();
        assert_eq!(standing, ["/w/b", "/w/c"]);
    });
}

#[test]
fn the_leader_has_a_name_and_an_address() {
    on_each(|server, session, _| {
        let leader = session.leader().unwrap();
        assert_eq!(leader.name, "m1");
        assert_eq!(leader.client_urls, [format!("http://{}", server.endpoint())]);
    });
}

#[test]
fn an_api_that_a_server_lacks_is_named() {
    let cluster = etcd_live::etcd::cluster_of(&newest(), 1, &Default::default());
    let options = SessionOptions::new().api(Api::V2);
    let error = blocking::Session::open_with(&cluster.endpoints()[0], options).unwrap_err();
    match newest().version.serves_v2() {
        true => {}
        false => assert_eq!(error.kind(), &ErrorKind::Unsupported, "{error}"),
    }
}
