//! Part 3: the lock and leader modules, and the rest of etcd 0.3.0.

use etcd_proto::ids::Ttl;
use etcd_proto::v2::*;

use crate::common::key;
use crate::expect::{at_v0, changed, dir, done, file, refused, until};
use crate::{Row, cannot, reads, says};

pub(crate) fn rows() -> Vec<Row> {
    [held(), renewals(), releases(), released(), named(), rest()].into_iter().flatten().collect()
}

fn ttl(seconds: u64) -> Ttl {
    Ttl::from_seconds(seconds).unwrap()
}

fn acquire(seconds: u64) -> LockAcquire {
    LockAcquire::new(key("/k"), ttl(seconds))
}

fn renew(index: u64) -> LockRenew {
    LockRenew::new(key("/k"), LockHolder::Index(index), ttl(20))
}

fn release(index: u64) -> LockRelease {
    LockRelease::new(key("/k"), LockHolder::Index(index))
}

fn holder(field: LockField) -> LockRead {
    LockRead::new(key("/k"), field)
}

fn held() -> Vec<Row> {
    vec![
        says("-XPOST /mod/v2/lock/k?ttl=30", acquire(30), Ok(2)),
        says("/mod/v2/lock/k", holder(LockField::Value), Ok(Some("-".into()))),
        says("/mod/v2/lock/k?field=index", holder(LockField::Index), Ok(Some("2".into()))),
        says("-XPOST /mod/v2/lock/k -d ttl=30", acquire(30), Ok(4)),
    ]
}

/// Renewals, and times to live that are missing.
fn renewals() -> Vec<Row> {
    vec![
        says(
            "-XPUT /mod/v2/lock/k -d ttl=20 -d index=9999",
            renew(9999),
            refused(500, 100, "/_etcd/mod/lock/k/9999", 6),
        ),
        says("-XPUT /mod/v2/lock/k -d ttl=20 -d index=4", renew(4), Ok(())),
        cannot(
            "-XPUT /mod/v2/lock/k -d ttl=20",
            "a renewal names the holder",
            renew(4),
            refused(400, 207, "Renew", 0),
        ),
        cannot(
            "-XPUT /mod/v2/lock/k -d index=4",
            "a renewal has a time to live",
            renew(4),
            refused(400, 202, "Renew", 0),
        ),
        cannot(
            "-XPOST /mod/v2/lock/k",
            "a lock has a time to live",
            acquire(30),
            refused(400, 202, "Acquire", 0),
        ),
    ]
}

/// Releases that are none, and the lock that stands as before.
fn releases() -> Vec<Row> {
    let stored =
        until("2026-11-22T14:12:06.245575527Z", 20, file("/_etcd/mod/lock/k/4", "-", 7, 4));
    vec![
        says(
            "-XDELETE /mod/v2/lock/k?index=9999",
            release(9999),
            refused(500, 100, "/_etcd/mod/lock/k/9999", 7),
        ),
        cannot(
            "-XDELETE /mod/v2/lock/k -d index=4",
            "the holder is named in the query: servers do not read the body",
            release(4),
            refused(400, 207, "Release", 0),
        ),
        says(
            "/v2/keys/_etcd/mod/lock/k?recursive=true",
            Get::new(key("/_etcd/mod/lock/k")).recursive(),
            done(Action::Get, dir("/_etcd/mod/lock/k", 2, 2, [stored]), at_v0(7, 17)),
        )
        .also("quorum", "true"),
    ]
}

fn released() -> Vec<Row> {
    vec![
        says("-XDELETE /mod/v2/lock/k?index=4", release(4), Ok(())),
        says("/mod/v2/lock/k", holder(LockField::Value), Ok(None)),
        says("/mod/v2/lock/k?field=index", holder(LockField::Index), Ok(None)),
    ]
}

/// Holders and leaders by name.
fn named() -> Vec<Row> {
    let (lock, leads) = (|| key("/v"), || key("/x"));
    vec![
        says(
            "-XPOST /mod/v2/lock/v?ttl=3 -d value=bar",
            LockAcquire::new(lock(), ttl(3)).value("bar"),
            Ok(9),
        ),
        says("/mod/v2/lock/v", LockRead::new(lock(), LockField::Value), Ok(Some("bar".into()))),
        says(
            "-XDELETE /mod/v2/lock/v?value=bar",
            LockRelease::new(lock(), LockHolder::Value("bar".into())),
            Ok(()),
        ),
        says(
            "-XPUT /mod/v2/leader/x?ttl=5 -d name=foo",
            LeaderAcquire::new(leads(), "foo", ttl(5)),
            Ok(12),
        ),
        says("/mod/v2/leader/x", LeaderRead::new(leads()), Ok(Some("foo".into()))),
        says("-XDELETE /mod/v2/leader/x?name=foo", LeaderRelease::new(leads(), "foo"), Ok(())),
    ]
}

fn rest() -> Vec<Row> {
    let get = |path| Get::new(key(path)).serializable();
    let a = |value, modified, created| file("/a", value, modified, created);
    vec![
        says("/v2/leader", PeerLeader, Ok("http://127.0.0.1:7101".into())),
        reads("/v2/stats/leader", StatsLeader, |read| {
            let stats = read.unwrap();
            assert_eq!((stats.leader.as_str(), stats.followers.len()), ("n1", 0));
        }),
        reads("/v2/stats/self", StatsSelf, |read| {
            let stats = read.unwrap();
            assert_eq!((stats.name.as_str(), stats.id.as_str()), ("n1", ""));
            assert_eq!(stats.state, "");
            assert_eq!(stats.leader_info.uptime, "2562047h47m16.854775807s");
        }),
        says("/v2/machines", Machines, Ok(vec!["http://127.0.0.1:4101".into()])),
        says(
            "/version",
            GetVersion,
            Ok(ServerVersion { server: Version::new(0, 3, 0), cluster: None }),
        ),
        says("/v2/keys/none", get("/none"), refused(404, 100, "/none", 14)),
        says(
            "-XPUT /v2/keys/a -d value=1",
            Set::new(key("/a"), "1"),
            done(Action::Set, a("1", 15, 15), at_v0(15, 25)),
        ),
        cannot(
            "-XPUT /v2/keys/a -d value=1;ttl=5",
            "a semicolon is always encoded: raw, it loses the value",
            Set::new(key("/a"), "1"),
            changed(Action::Set, a("", 16, 16), a("1", 15, 15), at_v0(16, 26)),
        ),
        says("/v2/keys/a", get("/a"), done(Action::Get, a("", 16, 16), at_v0(16, 26))),
    ]
}
