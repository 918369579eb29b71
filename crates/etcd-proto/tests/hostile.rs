//! No reply makes a decoder panic, and none that is not a reply passes for one.

mod common;

use std::iter::repeat_n;

use etcd_proto::call::{Exchange, Incoming};
use etcd_proto::v2::*;
use http::{HeaderName, HeaderValue, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};

use common::{captured, every, key};

fn ok(body: impl Into<bytes::Bytes>) -> Incoming {
    Incoming::new(StatusCode::OK, body)
}

/// Bodies of real replies.
fn bodies() -> Vec<bytes::Bytes> {
    captured::all().into_iter().filter_map(|captured| Some(captured.reply?.body)).collect()
}

proptest! {
    #[test]
    fn no_bytes_make_any_exchange_panic(body: Vec<u8>, status in 100_u16..600) {
        for (_, decode) in every::all() {
            let status = StatusCode::from_u16(status).unwrap();
            let read = decode(Incoming::new(status, body.clone()));
            let success = matches!(status.as_u16(), 200 | 201 | 204);
            prop_assert!(success || read.is_err());
        }
    }

    #[test]
    fn no_damage_to_a_real_body_makes_any_exchange_panic(
        body in proptest::sample::select(bodies()),
        at: proptest::sample::Index,
        bytes: [u8; 3],
    ) {
        let mut body = body.to_vec();
        let at = at.index(body.len() + 1);
        body.splice(at..(at + 1).min(body.len()), bytes);
        for (name, decode) in every::all() {
            if let Err(error) = decode(ok(body.clone())) {
                let shown = error.to_string();
                prop_assert!(!shown.is_empty() && shown.len() < 3000, "{name}: {shown}");
            }
        }
    }

    #[test]
    fn any_headers_are_read(index in "\\PC*", id in "\\PC*") {
        let mut reply = ok(r#"{"action":"get"}"#);
        for (name, value) in [("x-etcd-index", &index), ("x-etcd-cluster-id", &id)] {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                reply.headers.insert(HeaderName::from_static(name), value);
            }
        }
        let headers = Get::new(key("/k")).decode(reply).unwrap().headers;
        prop_assert_eq!(headers.etcd_index, index.parse().ok());
        prop_assert_eq!(headers.cluster_id, id.parse().ok());
    }

    #[test]
    fn any_names_are_sorted(names in proptest::collection::vec("[0-9]{1,3}a?|[a-c]{1,2}|0{18}[0-9]{2}", 0..60)) {
        let nodes = names.iter().map(|name| Node { key: format!("/q/{name}"), ..Node::default() });
        let mut queue = Node { dir: true, nodes: nodes.collect(), ..Node::default() };
        queue.sort();
        let numbers: Vec<_> = queue.nodes.iter().map_while(|node| node.name().parse::<u64>().ok()).collect();
        let words: Vec<_> = queue.nodes[numbers.len()..].iter().map(Node::name).collect();
        prop_assert!(numbers.is_sorted() && words.is_sorted());
        prop_assert!(words.iter().all(|word| word.parse::<u64>().is_err()));
        prop_assert_eq!(queue.nodes.len(), names.len());
    }
}

#[test]
fn no_part_of_a_json_reply_passes_for_the_whole() {
    let whole = |body: &bytes::Bytes| serde_json::from_slice::<Value>(body).is_ok();
    let mut readers = 0;
    for body in bodies().into_iter().filter(|body| body.starts_with(b"{") && whole(body)) {
        for (name, decode) in every::structured() {
            if decode(ok(body.clone())).is_err() {
                continue;
            }
            readers += 1;
            for length in 0..body.len() {
                let read = decode(ok(body.slice(..length)));
                assert!(read.is_err(), "{name}: {:?}", &body[..length]);
            }
        }
    }
    assert!(readers > 100, "only {readers} readings of whole replies");
}

#[test]
fn nothing_else_passes_for_a_reply() {
    let wrong = [
        "<!doctype html><title>Sign in</title>",
        "null",
        "true",
        "17.5",
        "\"text\"",
        "{}",
        "{\"message\":\"proxied\"}",
        "404 page not found\n",
        "\u{feff}{}",
        "\0",
    ];
    // Every field of statistics may be missing, as 0.x leaves most of them out.
    let lenient = |name: &str, body: &str| name.starts_with("Stats") && body.starts_with('{');
    for body in wrong {
        for (name, decode) in every::structured() {
            let read = decode(ok(body));
            assert_eq!(read.is_ok(), lenient(name, body), "{name}: {body}: {read:?}");
        }
    }
    for (name, decode) in every::structured() {
        assert!(decode(ok(&b"\xff\xfe{\"action\":\"get\"}"[..])).is_err(), "{name}: no UTF-8");
    }
}

#[test]
fn deep_nesting_is_refused_without_overflow() {
    let opening = [
        r#"{"action":"get","node":{"nodes":["#,
        r#"{"nodes":["#,
        "[",
        r#"{"a":"#,
        r#"{"members":["#,
        r#"{"users":[{"roles":["#,
    ];
    for opening in opening {
        let body: String = repeat_n(opening, 20_000).collect();
        for (name, decode) in every::structured() {
            assert!(decode(ok(body.clone())).is_err(), "{name}: {opening}");
        }
    }
}

/// A directory in a directory and so on, with a value in the last.
fn deep_body(depth: usize) -> String {
    let key = |depth: usize| "/d".repeat(depth);
    let leaf = json!({"key": key(depth + 1), "value": "v"});
    let mut text = String::new();
    for depth in 1..=depth {
        text += &format!(r#"{{"key":"{}","dir":true,"nodes":["#, key(depth));
    }
    text += &leaf.to_string();
    format!(r#"{{"action":"get","node":{text}{}}}"#, "]}".repeat(depth))
}

/// Any writer can make a key of so many segments, and is not to stop all who read above it.
#[test]
fn a_deep_directory_is_read_walked_and_found() {
    for depth in [50, 70, 126, 127, 128, 400, 2000] {
        let node = Get::new(key("/d")).decode(ok(deep_body(depth))).unwrap().node.unwrap();
        let same = node.clone();
        assert!(format!("{node:?}").len() > depth && same == node);
        let tree = node.into_tree();
        let last = tree.walk().find(|visit| visit.node.value.is_some()).unwrap();
        assert_eq!(last.path, "d/".repeat(depth).trim_end_matches('/'));
        let found = tree.find(&last.path).and_then(|node| node.value.as_ref()).unwrap();
        assert_eq!(found.value.as_deref(), Some("v"));
        assert_eq!(tree.walk().count(), depth);
    }
}

#[test]
fn deep_directories_are_sorted_with_those_that_hold_others_first() {
    let mut node = Get::new(key("/d")).decode(ok(deep_body(140))).unwrap().node.unwrap();
    node.sort();
    while let [first, ..] = &node.nodes[..] {
        assert!(node.nodes.is_sorted_by_key(|node| node.key.len()));
        node = first.clone();
    }
}

/// Each field of a key reply with a value of a type that it never has.
#[test]
fn wrong_types_are_refused() {
    let good = json!({
        "action": "set",
        "node": {
            "key": "/k", "value": "v", "dir": false, "nodes": null, "ttl": 5,
            "createdIndex": 1, "modifiedIndex": 2, "expiration": "2026-11-22T14:09:54Z",
        },
        "prevNode": null,
    });
    let read = |body: &Value| Get::new(key("/k")).decode(ok(body.to_string()));
    assert!(read(&good).is_ok());
    let wrong = [
        ("/action", json!(1)),
        ("/action", json!(null)),
        ("/node", json!("/k")),
        ("/prevNode", json!(7)),
        ("/node/key", json!(null)),
        ("/node/value", json!(1)),
        ("/node/dir", json!("true")),
        ("/node/nodes", json!({})),
        ("/node/ttl", json!("5")),
        ("/node/createdIndex", json!(-1)),
        ("/node/modifiedIndex", json!(1.5)),
        ("/node/modifiedIndex", json!("2")),
        ("/node/expiration", json!(0)),
    ];
    for (field, value) in wrong {
        let mut body = good.clone();
        *body.pointer_mut(field).unwrap() = value;
        assert!(matches!(read(&body), Err(Error::Unreadable { .. })), "{field}: {body}");
    }
}

#[test]
fn unknown_fields_and_actions_survive() {
    let body = r#"{"action":"merge","shard":[{}],"node":{"key":"/k","value":"v","flags":{"a":1},"modifiedIndex":18446744073709551615}}"#;
    let reply = Get::new(key("/k")).decode(ok(body)).unwrap();
    assert_eq!(reply.action, Action::Other("merge".into()));
    assert!(!reply.action.is_removal());
    let node = reply.node.unwrap();
    assert_eq!((node.value.as_deref(), node.modified_index), (Some("v"), u64::MAX));
}

#[test]
fn lists_may_be_null_and_members_may_be_new() {
    let body = r#"{"members":[{"id":"1f","peerURLs":["http://h:2380"],"clientURLs":null}]}"#;
    let [member] = MemberList.decode(ok(body)).unwrap().try_into().unwrap();
    assert_eq!((member.id.0, member.name.as_str()), (0x1f, ""));
    assert!(member.client_urls.is_empty());
    assert!(MemberList.decode(ok(r#"{"members":null}"#)).unwrap().is_empty());
    assert!(MemberList.decode(ok(r#"{"members":[{"id":"not hexadecimal"}]}"#)).is_err());
    assert!(RoleList.decode(ok(r#"{"roles":null}"#)).unwrap().is_empty());
}

#[test]
fn users_read_from_both_shapes_of_listing() {
    let names = UserList.decode(ok(r#"{"users":["ada","bob"]}"#)).unwrap();
    assert_eq!(names.iter().map(|user| &*user.name).collect::<Vec<_>>(), ["ada", "bob"]);
    let body = r#"{"users":[{"user":"ada","roles":[{"role":"r","permissions":{"kv":{"read":["/a*"],"write":null}}}]}]}"#;
    let [ada] = UserList.decode(ok(body)).unwrap().try_into().unwrap();
    let permissions = ada.roles[0].permissions.as_ref().unwrap();
    assert_eq!(
        (ada.roles[0].name.as_str(), &permissions.kv.read[..]),
        ("r", &["/a*".to_owned()][..])
    );
    let ada = UserGet::new("ada").decode(ok(r#"{"user":"ada","roles":["r"]}"#)).unwrap();
    assert_eq!((ada.roles[0].name.as_str(), ada.roles[0].permissions.as_ref()), ("r", None));
}

#[test]
fn the_values_of_the_modules_are_taken_as_they_are() {
    let read = |body: &'static str| LockRead::new(key("/k"), LockField::Value).decode(ok(body));
    assert_eq!(read(" spaced\n"), Ok(Some(" spaced\n".into())));
    assert_eq!(read(" "), Ok(Some(" ".into())), "a blank holder is a holder");
    assert_eq!(read(""), Ok(None));
    assert_eq!(LeaderRead::new(key("/k")).decode(ok(" a ")), Ok(Some(" a ".into())));
}
