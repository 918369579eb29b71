//! Parts 2, 4 and 5: history, statistics, members and auth on 3.4.23; followers of 0.3 and 3.4.

use std::collections::BTreeMap;

use etcd_proto::ids::{MemberId, Ttl};
use etcd_proto::v2::*;
use http::StatusCode;

use crate::common::key;
use crate::expect::{at, changed, done, file, gone, other, refused, until};
use crate::{Row, Said, cannot, reads, says, watches};

/// Part 2.
pub(crate) fn rows() -> Vec<Row> {
    [history(), statistics(), members_and_auth(), streams()].into_iter().flatten().collect()
}

const END: &str = "2026-11-22T14:09:54.87452527Z";

fn history() -> Vec<Row> {
    let second = Ttl::from_seconds(1);
    vec![
        says(
            "-XPUT /v2/keys/exp/k -d value=x -d ttl=1",
            Set::new(key("/exp/k"), "x").ttl(second),
            done(Action::Set, until(END, 1, file("/exp/k", "x", 26, 26)), at(26, 40)),
        ),
        says(
            "-XPUT /v2/keys/exp/k2 -d value=y",
            Set::new(key("/exp/k2"), "y"),
            done(Action::Set, file("/exp/k2", "y", 27, 27), at(27, 41)),
        ),
        says(
            "-XDELETE /v2/keys/exp/k2",
            Delete::new(key("/exp/k2")),
            changed(
                Action::Delete,
                gone("/exp/k2", 28, 27),
                file("/exp/k2", "y", 27, 27),
                at(28, 42),
            ),
        ),
        watches(
            "/v2/keys/exp?wait=true&waitIndex=3&recursive=true",
            Watch::new(key("/exp")).from_index(3).recursive(),
            refused(400, 401, "the requested history has been cleared [130/3]", 1129),
        ),
    ]
}

fn statistics() -> Vec<Row> {
    vec![
        reads("/v2/stats/self", StatsSelf, |read| {
            let stats = read.unwrap();
            assert_eq!((stats.name, stats.id), ("default".into(), "8e9e05c52164694d".into()));
            assert_eq!(stats.state, "StateLeader");
            assert_eq!(stats.start_time, "2026-11-22T14:02:07.0712078Z");
            assert_eq!(stats.leader_info.leader, "8e9e05c52164694d");
            assert_eq!(stats.leader_info.uptime, "7m50.161674408s");
            assert_eq!(stats.leader_info.start_time, "2026-11-22T14:02:07.572970252Z");
        }),
        reads("/v2/stats/leader", StatsLeader, |read| {
            let stats = read.unwrap();
            assert_eq!(
                (stats.leader.as_str(), stats.followers),
                ("8e9e05c52164694d", BTreeMap::new())
            );
        }),
        reads("/v2/stats/store", StatsStore, |read| {
            let stats = read.unwrap();
            assert_eq!((stats.gets_success, stats.gets_fail), (8, 1149));
            assert_eq!((stats.sets_success, stats.sets_fail), (1117, 4));
            assert_eq!((stats.delete_success, stats.delete_fail), (3, 3));
            assert_eq!((stats.update_success, stats.update_fail), (1, 1));
            assert_eq!((stats.create_success, stats.create_fail), (3, 1));
            assert_eq!((stats.compare_and_swap_success, stats.compare_and_swap_fail), (1, 2));
            assert_eq!((stats.compare_and_delete_success, stats.compare_and_delete_fail), (1, 0));
            assert_eq!((stats.expire_count, stats.watchers), (3, 2));
        }),
    ]
}

fn member(id: u64, name: &str, peer_url: &str, client_url: &str) -> Member {
    let (peer_urls, client_urls) = (vec![peer_url.to_owned()], vec![client_url.to_owned()]);
    Member { id: MemberId(id), name: name.to_owned(), peer_urls, client_urls }
}

fn members_and_auth() -> Vec<Row> {
    let only = || {
        member(0x8e9e_05c5_2164_694d, "default", "http://localhost:2380", "http://127.0.0.1:2379")
    };
    let version =
        ServerVersion { server: Version::new(3, 4, 23), cluster: Some(Version::new(3, 4, 0)) };
    vec![
        says("/v2/members", MemberList, Ok(vec![only()])),
        says("/v2/members/leader", Leader, Ok(only())),
        says("/v2/machines", Machines, Ok(vec!["http://127.0.0.1:2379".into()])),
        says("/health", GetHealth::new(), Ok(Health { healthy: true, reason: String::new() })),
        says("/version", GetVersion, Ok(version)),
        says("/v2/auth/enable", AuthStatus, Ok(false)),
        says("/v2/auth/users", UserList, Ok(Vec::new())),
        reads("/v2/auth/roles", RoleList, |read| {
            let [root] = read.unwrap().try_into().unwrap();
            let all = || vec!["/*".to_owned()];
            let kv = KeyPermissions { read: all(), write: all() };
            assert_eq!((root.name.as_str(), root.permissions), ("root", Some(Permissions { kv })));
        }),
        cannot(
            "/v2/nonsense",
            "no type names a resource that no etcd has",
            AuthStatus,
            other(StatusCode::NOT_FOUND, "\"404 page not found\""),
        ),
        cannot(
            "-XPATCH /v2/keys/a",
            "no type uses a method that no etcd takes",
            Get::new(key("/a")),
            other(StatusCode::METHOD_NOT_ALLOWED, "\"Method Not Allowed\""),
        ),
        cannot(
            "-XPUT /v2/keys/big -d value=x -H Content-Type: text/plain",
            "a form is always sent as one: servers take another for no value",
            Set::new(key("/big"), "x"),
            done(Action::Set, file("/big", "", 1130, 1130), at(1130, 1147)),
        ),
    ]
}

fn streams() -> Vec<Row> {
    let event = |action, node| done(action, node, Headers::default()).unwrap();
    let removal = |action, node, before| changed(action, node, before, Headers::default()).unwrap();
    let events = vec![
        event(Action::Set, until(END, 1, file("/exp/k", "x", 26, 26))),
        event(Action::Set, file("/exp/k2", "y", 27, 27)),
        removal(Action::Delete, gone("/exp/k2", 28, 27), file("/exp/k2", "y", 27, 27)),
        removal(
            Action::Expire,
            gone("/exp/k", 29, 26),
            until(END, None, file("/exp/k", "x", 26, 26)),
        ),
    ];
    let alone = Said::Cannot("the file has the reply alone, without its request");
    vec![
        Row {
            line: "--- long-poll (directory not watched recursively)",
            said: Said::Cannot("nothing was heard, so that there is no reply"),
            check: Box::new(|reply| assert!(reply.is_none())),
        },
        Row {
            said: alone,
            ..watches("--- stream", Watch::new(key("/exp")).recursive().stream(), Ok(events))
        },
    ]
}

/// Parts 4 and 5.
pub(crate) fn follower_rows() -> Vec<Row> {
    [redirected(), answered(), others()].into_iter().flatten().collect()
}

/// What a follower of 0.3 sends on to its leader, and a read that it does not.
fn redirected() -> Vec<Row> {
    let redirected = StatusCode::TEMPORARY_REDIRECT;
    vec![
        says(
            "-XPUT http://127.0.0.1:4102/v2/keys/a?prevExist=false -d value=1",
            Set::new(key("/a"), "1").if_absent(),
            other(redirected, "an empty body"),
        ),
        says(
            "http://127.0.0.1:4102/v2/keys/a",
            Get::new(key("/a")).serializable(),
            refused(404, 100, "/a", 2),
        ),
        says(
            "http://127.0.0.1:4102/v2/keys/a?consistent=true",
            Get::new(key("/a")).serializable().consistent(),
            other(
                redirected,
                r#""<a href=\"http://127.0.0.1:4101/v2/keys/a?consistent=true\">Temporary Redirect</a>.""#,
            ),
        ),
        says(
            "http://127.0.0.1:4102/v2/stats/leader",
            StatsLeader,
            other(
                redirected,
                r#""<a href=\"http://127.0.0.1:4101/v2/stats/leader\">Temporary Redirect</a>.""#,
            ),
        ),
    ]
}

/// What a follower of 0.3 answers itself.
fn answered() -> Vec<Row> {
    let lock = || key("/k");
    vec![
        reads("http://127.0.0.1:4102/v2/stats/self", StatsSelf, |read| {
            let stats = read.unwrap();
            assert_eq!((stats.name.as_str(), stats.state.as_str()), ("n2", "follower"));
            assert_eq!((stats.recv_append_request_cnt, stats.send_append_request_cnt), (61, 0));
            assert_eq!(stats.recv_pkg_rate, 20.338_973_635_807_147);
            assert_eq!(stats.recv_bandwidth_rate, 540.816_643_234_085_2);
            assert_eq!((stats.leader_info.leader.as_str(), stats.send_pkg_rate), ("n1", 0.0));
        }),
        says(
            "-XPOST http://127.0.0.1:4102/mod/v2/lock/k?ttl=30",
            LockAcquire::new(lock(), Ttl::from_seconds(30).unwrap()),
            Ok(3),
        ),
        says(
            "http://127.0.0.1:4102/mod/v2/lock/k?field=index",
            LockRead::new(lock(), LockField::Index),
            Ok(Some("3".into())),
        ),
        says(
            "http://127.0.0.1:4102/v2/machines",
            Machines,
            Ok(vec!["http://127.0.0.1:4101".into(), "http://127.0.0.1:4102".into()]),
        ),
    ]
}

/// A follower of 3.4.
fn others() -> Vec<Row> {
    vec![
        says(
            "/v2/stats/leader",
            StatsLeader,
            Err(Error::Message {
                status: StatusCode::FORBIDDEN,
                message: "not current leader".into(),
            }),
        ),
        says(
            "/v2/members/leader",
            Leader,
            Ok(member(
                0xb4df_3d9a_6db2_e60f,
                "m3",
                "http://127.0.0.1:24303",
                "http://127.0.0.1:24203",
            )),
        ),
    ]
}
