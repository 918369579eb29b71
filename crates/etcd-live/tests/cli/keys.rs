//! `get`, `list`, `tree`, `set`, `delete`, `leader`, and where options may stand.

use std::io::Write;
use std::process::Stdio;

use etcd_live::blackhole::refused;
use etcd_live::etcd::servers;
use etcd_live::program::{run, start};
use serde_json::json as object;

use crate::{index, json, one_member, with};

#[test]
fn what_is_set_is_got_listed_drawn_and_deleted() {
    let (_cluster, etcd_test) = one_member();
    let first = index(&etcd_test.prints(["set", "a", "1"]));
    let second = index(&etcd_test.prints(["set", "/dir/sub/b", "two words"]));
    assert!(second > first);
    etcd_test.prints(["set", "dir/ü x", "3"]);

    assert_eq!(etcd_test.prints(["get", "/a"]), "1\n");
    assert_eq!(etcd_test.prints(["get", "dir/sub/b"]), "two words\n");
    assert_eq!(etcd_test.prints(["get", "--raw", "a"]), "1");
    assert_eq!(etcd_test.prints(["list"]), "/a\n/dir/\n");
    assert_eq!(etcd_test.prints(["list", "dir"]), "/dir/sub/\n/dir/ü x\n");
    assert_eq!(
        etcd_test.prints(["tree"]),
        "/\n├── a\n└── dir/\n    ├── sub/\n    │   └── b\n    └── ü x\n"
    );
    assert_eq!(etcd_test.prints(["tree", "dir/sub"]), "dir/sub\n└── b\n");

    assert_eq!(etcd_test.prints(["delete", "a"]), "");
    assert_eq!(etcd_test.prints(["list", "/"]), "/dir/\n");
}

#[test]
fn machines_read_an_object_a_line() {
    let (_cluster, etcd_test) = one_member();
    let printed = |args: &[&str]| json(&etcd_test.prints([&["-o", "json"], args].concat()));
    let set = printed(&["set", "-t", "100", "dir/a", "line\nline"]);
    let at = set[0]["index"].as_u64().expect("an index");
    assert_eq!(set, [object!({ "index": at })]);

    let got = printed(&["get", "dir/a"]);
    let ttl = got[0]["ttl"].as_u64().expect("seconds");
    assert!((90..=100).contains(&ttl), "{ttl}");
    let entry = object!({ "key": "/dir/a", "value": "line\nline", "index": at, "ttl": ttl });
    assert_eq!(got, [entry]);

    let key = object!({ "key": "/dir/a", "directory": false, "value": "line\nline", "index": at });
    assert_eq!(printed(&["list", "dir"]), [key]);
    let directory = object!({ "key": "/dir", "directory": true, "index": at });
    assert_eq!(printed(&["list"]), [directory]);
    let leaf = object!({ "name": "a", "value": "line\nline", "index": at });
    let tree = object!({ "name": "", "children": [{ "name": "dir", "children": [leaf] }] });
    assert_eq!(printed(&["tree"]), [tree]);

    assert_eq!(printed(&["delete", "dir/a"]), [object!({ "deleted": "dir/a" })]);
    assert!(printed(&["list", "dir"]).is_empty());
}

#[test]
fn a_value_may_come_from_standard_input_and_keeps_every_byte() {
    let (_cluster, etcd_test) = one_member();
    let long = "0123456789abcde\n".repeat(10_000);
    for value in ["no newline", "a newline\n", "\n\n", "", long.as_str()] {
        let mut command = etcd_test.command(["set", "in", "-"]);
        command.stdin(Stdio::piped());
        let mut setting = start(command);
        setting.stdin().write_all(value.as_bytes()).expect("it reads its input");
        let set = setting.wait();
        assert_eq!((set.status, set.stderr.as_str()), (0, ""));
        index(&set.stdout);

        assert_eq!(etcd_test.prints(["get", "in", "--raw"]), value);
        let newline = if value.ends_with('\n') { "" } else { "\n" };
        assert_eq!(etcd_test.prints(["get", "in"]), format!("{value}{newline}"));
    }
    etcd_test.prints(["set", "minus", "-5"]);
    assert_eq!(etcd_test.prints(["get", "minus"]), "-5\n");
}

#[test]
fn options_stand_anywhere_commands_in_any_case_and_servers_come_from_three_places() {
    let (cluster, etcd_test) = one_member();
    let (servers, nobody) = (servers(&cluster), refused().expect("a free port"));
    let command = |args: &[&str]| with(etcd_test.command(args), "ETCD_SERVERS", &nobody);
    let joined = format!("--servers={servers}");
    for args in [
        ["-s", &servers, "SET", "-t", "60", "k", "v"].as_slice(),
        &["set", "k", "v", "-t", "60", "-s", &servers],
        &["--ttl", "60", "Set", "k", "v", &joined],
        &["-t60", "set", "k", "--servers", &servers, "v"],
    ] {
        let ended = run(command(args));
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{args:?}");
        let got = json(&etcd_test.prints(["GET", "k", "-o", "json"]));
        assert!(got[0]["ttl"].as_u64() > Some(50), "{args:?}: {got:?}");
        etcd_test.prints(["rm", "k"]);
    }
    assert_eq!(etcd_test.prints(["LS"]), "");
    let ended = run(command(&["list"]));
    assert_eq!((ended.status, ended.stdout.as_str()), (6, ""));
    assert!(ended.stderr.contains(&nobody), "{}", ended.stderr);
}

#[test]
fn the_leader_is_the_one_that_the_members_know() {
    let (cluster, etcd_test) = one_member();
    let member = &cluster.members()[0];
    let (_, body) = member.get("/v2/members").expect("the member answers");
    let id = json(&body)[0]["members"][0]["id"].as_str().expect("an id").to_owned();
    let url = member.client_url();
    assert_eq!(etcd_test.prints(["leader"]), format!("{id} {} {url}\n", member.name));
    let leader = object!({ "id": id, "name": member.name, "client_urls": [url] });
    assert_eq!(json(&etcd_test.prints(["leader", "-o", "json"])), [leader]);
}
