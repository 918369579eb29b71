//! Part 1 of the exchanges: keys on etcd 3.4.23.

use etcd_proto::ids::Ttl;
use etcd_proto::v2::{Action, CreateInOrder, Delete, Get, KeyReply, Node, Refresh, Set, Watch};

use crate::common::key;
use crate::expect::{at, changed, dir, done, file, gone, refused, until};
use crate::{Row, cannot, says, watches};

pub(crate) fn rows() -> Vec<Row> {
    let values = [values(), conditions(), lives()];
    let directories = [queues(), directories(), removals(), places()];
    let odd = [odd_lives(), odd_watches(), texts()];
    values.into_iter().chain(directories).chain(odd).flatten().collect()
}

fn ttl(seconds: u64) -> Ttl {
    Ttl::from_seconds(seconds).unwrap()
}

/// A read as plain as `curl` makes it.
fn get(path: &str) -> Get {
    Get::new(key(path)).serializable()
}

fn a(value: &str, modified: u64, created: u64) -> Node {
    file("/a", value, modified, created)
}

fn set(value: &str) -> Set {
    Set::new(key("/a"), value)
}

fn values() -> Vec<Row> {
    vec![
        says("-XPUT /v2/keys/a -d value=1", set("1"), done(Action::Set, a("1", 6, 6), at(6, 7))),
        says(
            "-XPUT /v2/keys/a -d value=2",
            set("2"),
            changed(Action::Set, a("2", 7, 7), a("1", 6, 6), at(7, 8)),
        ),
        says(
            "-XPUT /v2/keys/a -d value=3 -d prevValue=9",
            set("3").if_value("9"),
            refused(412, 101, "[9 != 2]", 7),
        ),
        says("/v2/keys/a", Get::new(key("/a")), done(Action::Get, a("2", 7, 7), at(7, 9)))
            .also("quorum", "true"),
    ]
}

/// Conditions on values.
fn conditions() -> Vec<Row> {
    vec![
        says(
            "-XPUT /v2/keys/a?prevExist=false -d value=3",
            set("3").if_absent(),
            refused(412, 105, "/a", 7),
        ),
        says(
            "-XPUT /v2/keys/a?prevIndex=1 -d value=3",
            set("3").if_index(1),
            refused(412, 101, "[1 != 7]", 7),
        ),
        says(
            "-XPUT /v2/keys/nope?prevExist=true -d value=3",
            Set::new(key("nope"), "3").if_present(),
            refused(404, 100, "/nope", 7),
        ),
        says(
            "-XPUT /v2/keys/a?prevValue=2 -d value=3",
            set("3").if_value("2"),
            changed(Action::CompareAndSwap, a("3", 8, 7), a("2", 7, 7), at(8, 13)),
        ),
    ]
}

/// Times to live, and a reply without a value.
fn lives() -> Vec<Row> {
    let (long, short) = ("2026-11-22T14:11:15.345186487Z", "2026-11-22T14:10:25.356524711Z");
    vec![
        says(
            "-XPUT /v2/keys/a -d value=t -d ttl=100",
            set("t").ttl(ttl(100)),
            changed(Action::Set, until(long, 100, a("t", 9, 9)), a("3", 8, 7), at(9, 14)),
        ),
        says(
            "-XPUT /v2/keys/a -d ttl=50 -d refresh=true -d prevExist=true",
            Refresh::new(key("/a"), ttl(50)),
            changed(
                Action::Update,
                until(short, 50, a("t", 10, 9)),
                until(long, 100, a("t", 9, 9)),
                at(10, 15),
            ),
        ),
        says(
            "-XPUT /v2/keys/a?noValueOnSuccess=true -d value=zz",
            set("zz").no_value_on_success(),
            Ok(KeyReply { action: Action::Set, node: None, previous: None, headers: at(11, 16) }),
        ),
    ]
}

fn queues() -> Vec<Row> {
    let first = || file("/queue/00000000000000000012", "j1", 12, 12);
    let second = || file("/queue/00000000000000000013", "j2", 13, 13);
    vec![
        says(
            "-XPOST /v2/keys/queue -d value=j1",
            CreateInOrder::new(key("/queue"), "j1"),
            done(Action::Create, first(), at(12, 17)),
        ),
        says(
            "-XPOST /v2/keys/queue -d value=j2",
            CreateInOrder::new(key("/queue"), "j2"),
            done(Action::Create, second(), at(13, 18)),
        ),
        says(
            "/v2/keys/queue?recursive=true&sorted=true",
            Get::new(key("/queue")).recursive().sorted(),
            done(Action::Get, dir("/queue", 12, 12, [first(), second()]), at(13, 18)),
        )
        .also("quorum", "true"),
    ]
}

fn directories() -> Vec<Row> {
    let deep = || file("/d/x/y", "deep", 15, 15);
    vec![
        says(
            "-XPUT /v2/keys/d -d dir=true",
            Set::directory(key("/d")),
            done(Action::Set, dir("/d", 14, 14, []), at(14, 19)),
        ),
        says(
            "-XPUT /v2/keys/d/x/y -d value=deep",
            Set::new(key("/d/x/y"), "deep"),
            done(Action::Set, deep(), at(15, 20)),
        ),
        says(
            "-XPUT /v2/keys/d/_hid -d value=h",
            Set::new(key("/d/_hid"), "h"),
            done(Action::Set, file("/d/_hid", "h", 16, 16), at(16, 21)),
        ),
        says(
            "/v2/keys/d",
            get("/d"),
            done(Action::Get, dir("/d", 14, 14, [dir("/d/x", 15, 15, [])]), at(16, 21)),
        ),
        says(
            "/v2/keys/d?recursive=true",
            get("/d").recursive(),
            done(Action::Get, dir("/d", 14, 14, [dir("/d/x", 15, 15, [deep()])]), at(16, 21)),
        ),
    ]
}

/// Removals of keys and directories.
fn removals() -> Vec<Row> {
    let delete = || Delete::new(key("/d"));
    vec![
        says("-XDELETE /v2/keys/d", delete(), refused(403, 102, "/d", 16)),
        says("-XDELETE /v2/keys/d?dir=true", delete().directory(), refused(403, 108, "/d", 16)),
        says(
            "-XDELETE /v2/keys/d?recursive=true",
            delete().recursive(),
            changed(Action::Delete, dir("/d", 17, 14, []), dir("/d", 14, 14, []), at(17, 24)),
        ),
        says(
            "-XDELETE /v2/keys/a?prevValue=zz",
            Delete::new(key("/a")).if_value("zz"),
            changed(
                Action::CompareAndDelete,
                gone("/a", 18, 11),
                file("/a", "zz", 11, 11),
                at(18, 25),
            ),
        ),
        says("-XDELETE /v2/keys/a", Delete::new(key("/a")), refused(404, 100, "/a", 18)),
    ]
}

/// What stands where, and what cannot stand there.
fn places() -> Vec<Row> {
    vec![
        says(
            "/v2/keys/",
            get("/"),
            done(Action::Get, dir("/", 0, 0, [dir("/queue", 12, 12, [])]), at(18, 26)),
        ),
        says("-XPUT /v2/keys/ -d value=x", Set::new(key("/"), "x"), refused(400, 107, "/", 18)),
        says(
            "-XPUT /v2/keys/queue -d value=x",
            Set::new(key("/queue"), "x"),
            refused(403, 102, "/queue", 18),
        ),
        says(
            "-XPUT /v2/keys/b/c -d value=1",
            Set::new(key("/b/c"), "1"),
            done(Action::Set, file("/b/c", "1", 19, 19), at(19, 29)),
        ),
        says(
            "-XPUT /v2/keys/b/c/d -d value=1",
            Set::new(key("/b/c/d"), "1"),
            refused(400, 104, "/b/c", 19),
        ),
        says("-XPUT /v2/keys/b -d value=1", Set::new(key("/b"), "1"), refused(403, 102, "/b", 19)),
    ]
}

/// Times to live that servers refuse or take in an unexpected way.
fn odd_lives() -> Vec<Row> {
    let set = || Set::new(key("/t"), "1");
    vec![
        cannot(
            "-XPUT /v2/keys/t -d value=1 -d ttl=abc",
            "a Ttl is a number",
            set(),
            refused(400, 202, "invalid value for \"ttl\"", 0),
        ),
        cannot(
            "-XPUT /v2/keys/t -d value=1 -d ttl=-5",
            "a Ttl is not negative",
            set(),
            refused(400, 202, "invalid value for \"ttl\"", 0),
        ),
        cannot(
            "-XPUT /v2/keys/t -d value=1 -d ttl=0",
            "a Ttl is not zero: the key would expire at once",
            set(),
            done(
                Action::Set,
                until("2026-11-22T14:09:35.62255213Z", None, file("/t", "1", 20, 20)),
                at(20, 32),
            ),
        ),
    ]
}

/// Watches that servers refuse, or do not take for one.
fn odd_watches() -> Vec<Row> {
    let jobs = [
        file("/queue/00000000000000000012", "j1", 12, 12),
        file("/queue/00000000000000000013", "j2", 13, 13),
    ];
    vec![
        cannot(
            "/v2/keys/t?waitIndex=abc&wait=true",
            "an index is a number",
            get("/t"),
            refused(400, 203, "invalid value for \"waitIndex\"", 0),
        ),
        cannot(
            "/v2/keys/t?wait=maybe",
            "a watch always waits",
            get("/t"),
            refused(400, 209, "invalid value for \"wait\"", 0),
        ),
        cannot(
            "/v2/keys/queue?quorum=true&wait=true",
            "a watch never says quorum: servers answer at once and do not wait",
            get("/queue"),
            done(Action::Get, dir("/queue", 12, 12, jobs), at(20, 33)),
        ),
    ]
}

/// Encoding, empty values, and a life of one second.
fn texts() -> Vec<Row> {
    let brief = || until("2026-11-22T14:09:36.690625067Z", 1, file("/ttl1", "x", 23, 23));
    let escaped = || file("/e m/x", "a&b=c;d%", 21, 21);
    vec![
        says(
            "-XPUT /v2/keys/e%20m%2Fx --data-urlencode value=a&b=c;d%",
            Set::new(key("e m/x"), "a&b=c;d%"),
            done(Action::Set, escaped(), at(21, 34)),
        ),
        says("/v2/keys/e%20m%2Fx", get("e m/x"), done(Action::Get, escaped(), at(21, 34))),
        cannot(
            "-XPUT /v2/keys/nov",
            "a value is always given, if an empty one",
            Set::new(key("/nov"), ""),
            done(Action::Set, file("/nov", "", 22, 22), at(22, 35)),
        ),
        says(
            "-XPUT /v2/keys/ttl1 -d value=x -d ttl=1",
            Set::new(key("/ttl1"), "x").ttl(ttl(1)),
            done(Action::Set, brief(), at(23, 36)),
        ),
        says("/v2/keys/ttl1", get("/ttl1"), refused(404, 100, "/ttl1", 25)),
        watches(
            "/v2/keys/ttl1?wait=true&waitIndex=1",
            Watch::new(key("/ttl1")).from_index(1),
            Ok(vec![done(Action::Set, brief(), Default::default()).unwrap()]),
        ),
    ]
}
