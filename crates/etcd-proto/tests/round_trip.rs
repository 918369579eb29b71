//! Whatever a caller names or writes, a server reads exactly that, and not a parameter more.

// A helper of a test fails as the test does.
#![allow(clippy::unwrap_used)]

mod common;

use etcd_proto::call::{Exchange, MAX_TARGET, Outgoing, Streaming};
use etcd_proto::ids::{MemberId, Ttl};
use etcd_proto::tree::Path;
use etcd_proto::v2::*;
use http::Method;
use http::header::CONTENT_TYPE;
use proptest::prelude::*;
use serde_json::{Value, json};

use common::key;
use common::wire::{Asked, own};

/// Pieces that mean something to a URL, a form, a server or a terminal.
const PIECES: &[&str] = &[
    "&ttl=1",
    ";prevExist=true",
    "?wait=true",
    "#",
    "%",
    "%2e%2e",
    "%00",
    "+",
    " ",
    "=",
    "&",
    ";",
    "/",
    "//",
    ".",
    "..",
    "/../",
    "_",
    "\0",
    "\r\n",
    "\n",
    "\"",
    "'",
    "\\",
    "\u{1b}[2J",
    "\u{202e}",
    "\u{feff}",
    "é",
    "日本",
    "😀",
    "{",
    "<",
    ":",
    "@",
    "~",
];

/// Any text, rich in such pieces.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        proptest::sample::select(PIECES).prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
        "[a-z]{1,5}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// A text with the path that it is, and what the server must find below its prefix.
fn place() -> impl Strategy<Value = (Path, String)> {
    text().prop_filter_map("a segment of dots", |text| {
        let segments: Vec<_> = text.split('/').filter(|segment| !segment.is_empty()).collect();
        let dotted = segments.iter().any(|segment| matches!(*segment, "." | ".."));
        let path = text.parse::<Path>();
        assert_eq!(path.is_err(), dotted, "{text:?}");
        Some((path.ok()?, format!("/{}", segments.join("/"))))
    })
}

/// The request says this method, this path, and these parameters in the place where servers look.
fn assert_asks(request: Outgoing, method: Method, path: &str, parameters: &[(&str, &str)]) {
    let asked = Asked::read(&request);
    let parameters = parameters.iter().copied().map(own).collect();
    let (query, form) = match method {
        Method::PUT | Method::POST => (Vec::new(), parameters),
        _ => (parameters, Vec::new()),
    };
    assert_eq!(asked, Asked { method, path: path.to_owned(), query, form });
}

fn ttl() -> Ttl {
    Ttl::from_seconds(30).unwrap()
}

proptest! {
    #[test]
    fn keys_survive((path, clean) in place()) {
        let at = format!("/v2/keys{clean}");
        let quorum = [("quorum", "true")];
        let refresh = [("ttl", "30"), ("refresh", "true"), ("prevExist", "true")];
        assert_asks(Get::new(path.clone()).request().unwrap(), Method::GET, &at, &quorum);
        assert_asks(Head::new(path.clone()).request().unwrap(), Method::HEAD, &at, &quorum);
        assert_asks(Refresh::new(path.clone(), ttl()).request().unwrap(), Method::PUT, &at, &refresh);
        assert_asks(Delete::new(path.clone()).request().unwrap(), Method::DELETE, &at, &[]);
        assert_asks(Watch::new(path).request().unwrap(), Method::GET, &at, &[("wait", "true")]);
    }

    #[test]
    fn values_survive((path, clean) in place(), value in text()) {
        let at = format!("/v2/keys{clean}");
        let set = Set::new(path.clone(), &*value);
        assert_asks(set.request().unwrap(), Method::PUT, &at, &[("value", &value)]);
        let timed = [("value", &*value), ("ttl", "30")];
        assert_asks(set.ttl(ttl()).request().unwrap(), Method::PUT, &at, &timed);
        let queued = CreateInOrder::new(path, &*value).ttl(ttl());
        assert_asks(queued.request().unwrap(), Method::POST, &at, &timed);
    }

    #[test]
    fn previous_values_survive(value in text(), previous in text(), index in 1_u64..) {
        let set = Set::new(key("/k"), &*value);
        let delete = Delete::new(key("/k")).if_value(&*previous);
        let both = Condition::ValueAndIndex(previous.clone(), index);
        if previous.is_empty() {
            for request in [set.clone().if_value("").request(), set.condition(both).request(), delete.request()] {
                prop_assert_eq!(request.unwrap_err().field, "previous value");
            }
            return Ok(());
        }
        let compared = [("value", &*value), ("prevValue", &*previous)];
        assert_asks(set.clone().if_value(&*previous).request().unwrap(), Method::PUT, "/v2/keys/k", &compared);
        let index = index.to_string();
        let compared = [("value", &*value), ("prevValue", &*previous), ("prevIndex", &*index)];
        assert_asks(set.condition(both).request().unwrap(), Method::PUT, "/v2/keys/k", &compared);
        assert_asks(delete.request().unwrap(), Method::DELETE, "/v2/keys/k", &[("prevValue", &previous)]);
    }

    #[test]
    fn locks_and_their_holders_survive((path, clean) in place(), value in text()) {
        let at = format!("/mod/v2/lock{clean}");
        let holder = || LockHolder::Value(value.clone());
        let acquire = LockAcquire::new(path.clone(), ttl()).value(&*value);
        let renew = LockRenew::new(path.clone(), holder(), ttl());
        let release = LockRelease::new(path.clone(), holder());
        let read = LockRead::new(path, LockField::Index);
        let timed = [("ttl", "30"), ("value", &*value)];
        assert_asks(acquire.request().unwrap(), Method::POST, &at, &timed);
        assert_asks(renew.request().unwrap(), Method::PUT, &at, &timed);
        assert_asks(release.request().unwrap(), Method::DELETE, &at, &[("value", &value)]);
        assert_asks(read.request().unwrap(), Method::GET, &at, &[("field", "index")]);
    }

    #[test]
    fn names_of_leaders_survive((path, clean) in place(), name in text()) {
        let at = format!("/mod/v2/leader{clean}");
        let acquire = LeaderAcquire::new(path.clone(), &*name, ttl());
        let release = LeaderRelease::new(path.clone(), &*name);
        assert_asks(acquire.request().unwrap(), Method::PUT, &at, &[("name", &name), ("ttl", "30")]);
        assert_asks(release.request().unwrap(), Method::DELETE, &at, &[("name", &name)]);
        assert_asks(LeaderRead::new(path).request().unwrap(), Method::GET, &at, &[]);
    }

    #[test]
    fn names_of_users_and_roles_survive_or_are_refused(name in text(), password in text()) {
        let leads_elsewhere = matches!(&*name, "" | "." | "..") || name.contains('/');
        let user = UserPut::new(&*name).password(&*password).grant([&*name]);
        let role = RolePut::new(&*name).permissions(KeyPermissions { read: vec![name.clone()], write: vec![] });
        let kv = json!({"kv": {"read": [&name], "write": []}});
        let mut said = json!({"user": &name, "password": &password, "grant": [&name]});
        if password.is_empty() {
            said.as_object_mut().unwrap().remove("password");
        }
        let requests = [
            ("users", Method::GET, UserGet::new(&*name).request(), None),
            ("users", Method::DELETE, UserDelete::new(&*name).request(), None),
            ("users", Method::PUT, user.request(), Some(said)),
            ("roles", Method::GET, RoleGet::new(&*name).request(), None),
            ("roles", Method::DELETE, RoleDelete::new(&*name).request(), None),
            ("roles", Method::PUT, role.request(), Some(json!({"role": &name, "permissions": kv}))),
        ];
        for (kind, method, request, body) in requests {
            match request {
                Ok(request) => {
                    prop_assert_eq!(json_body(&request), body);
                    prop_assert_eq!(request.target.as_str().matches('/').count(), 4);
                    assert_asks(request, method, &format!("/v2/auth/{kind}/{name}"), &[]);
                    prop_assert!(!leads_elsewhere);
                }
                Err(error) => prop_assert!(leads_elsewhere && error.field == "name", "{error}"),
            }
        }
    }

    #[test]
    fn urls_of_members_survive(id: u64, url in text()) {
        let add = MemberAdd::new([&*url]).request().unwrap();
        let update = MemberUpdate::new(MemberId(id), [&*url]).request().unwrap();
        for request in [&add, &update] {
            prop_assert_eq!(json_body(request), Some(json!({"peerURLs": [&url]})));
        }
        let remove = MemberRemove::new(MemberId(id)).request().unwrap();
        let at = format!("/v2/members/{id:x}");
        assert_asks(add, Method::POST, "/v2/members", &[]);
        assert_asks(update, Method::PUT, &at, &[]);
        assert_asks(remove, Method::DELETE, &at, &[]);
    }
}

/// The body, when the request says that it is JSON.
fn json_body(request: &Outgoing) -> Option<Value> {
    let kind = request.headers.get(CONTENT_TYPE)?;
    assert_eq!(kind, "application/json");
    Some(serde_json::from_slice(&request.body).unwrap())
}

#[test]
fn an_index_that_no_change_has_is_refused() {
    // Servers take prevIndex=0 for no condition at all.
    let requests = [
        Set::new(key("/k"), "v").if_index(0).request(),
        Set::new(key("/k"), "v").condition(Condition::ValueAndIndex("v".into(), 0)).request(),
        Delete::new(key("/k")).if_index(0).request(),
        Refresh::new(key("/k"), ttl()).if_index(0).request(),
    ];
    for request in requests {
        assert_eq!(request.unwrap_err().field, "previous index");
    }
    let watch = Watch::new(key("/k")).from_index(0).request().unwrap();
    assert_eq!(watch.target, "/v2/keys/k?wait=true&waitIndex=1");
}

#[test]
fn a_key_too_long_for_a_target_is_refused() {
    let longest = MAX_TARGET - "/v2/keys/?quorum=true".len();
    let get = |length| Get::new(key(&"k".repeat(length))).request();
    assert_eq!(get(longest).unwrap().target.as_str().len(), MAX_TARGET);
    for length in [longest + 1, 1 << 20] {
        let error = get(length).unwrap_err();
        assert_eq!(error.field, "key");
        assert!(error.reason.contains(&MAX_TARGET.to_string()), "{error}");
    }
}

#[test]
fn a_lock_of_one_second_is_refused() {
    let second = Ttl::from_seconds(1).unwrap();
    assert_eq!(LockAcquire::new(key("/k"), second).request().unwrap_err().field, "ttl");
}

#[test]
fn a_password_is_never_shown() {
    let user = UserPut::new("ada").password("hunter2");
    let shown = format!("{user:?}");
    assert!(shown.contains("ada") && !shown.contains("hunter2"), "{shown}");
}
