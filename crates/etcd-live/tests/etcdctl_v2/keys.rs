//! `get`, `set`, `update`, `mk`, `rm`.

use std::io::Write as _;
use std::process::Stdio;

use etcd_live::program::start;

use crate::ctl::on_each_server;

#[test]
fn etcdctl_v2_writes_and_reads_keys() {
    on_each_server(|ctl| {
        ctl.says(&["set", "/dir/k", "v"], "v\n");
        for options in
            [&["get", "/dir/k"][..], &["get", "--quorum", "/dir/k"], &["get", "--sort", "/dir/k"]]
        {
            ctl.says(options, "v\n");
        }
        let index = ctl.index("/dir/k");
        let json = ctl.prints(&["-o", "json", "get", "/dir/k"]);
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json["node"]["modifiedIndex"].as_u64(), Some(index), "{json}");
        ctl.says(&["update", "/dir/k", "w"], "w\n");
        ctl.says(&["set", "--", "/dash", "-v"], "-v\n");
        ctl.fails(&["get", "/none"], 4, "100: Key not found (/none)");
        ctl.fails(&["update", "/none", "x"], 4, "100: Key not found (/none)");
        ctl.fails(&["get", "/dir"], 1, "/dir: is a directory");
        ctl.fails(&["set", "/dir", "x"], 4, "102: Not a file (/dir)");

        let mut setting = ctl.command(&["set", "/stdin"]);
        setting.stdin(Stdio::piped());
        let mut setting = start(setting);
        setting.stdin().write_all(b"from standard input").expect("it reads its input");
        assert_eq!(setting.wait().status, 0);
        ctl.says(&["get", "/stdin"], "from standard input\n");
    });
}

#[test]
fn etcdctl_v2_swaps_what_it_expects_alone() {
    on_each_server(|ctl| {
        ctl.says(&["set", "/k", "1"], "1\n");
        ctl.says(&["set", "/k", "2", "--swap-with-value", "1"], "2\n");
        ctl.fails(
            &["set", "/k", "3", "--swap-with-value", "1"],
            4,
            "101: Compare failed ([1 != 2])",
        );
        let index = ctl.index("/k").to_string();
        ctl.says(&["set", "/k", "3", "--swap-with-index", &index], "3\n");
        ctl.fails(&["set", "/k", "4", "--swap-with-index", &index], 4, "101: Compare failed");
        ctl.says(&["get", "/k"], "3\n");
    });
}

#[test]
fn etcdctl_v2_makes_keys_once_and_in_order() {
    on_each_server(|ctl| {
        ctl.says(&["mk", "/k", "1"], "1\n");
        ctl.fails(&["mk", "/k", "2"], 4, "105: Key already exists (/k)");
        for value in ["first", "second"] {
            ctl.says(&["mk", "--in-order", "/queue", value], &format!("{value}\n"));
        }
        let queue = ctl.prints(&["ls", "--sort", "/queue"]);
        let values: Vec<_> = queue.lines().map(|key| ctl.prints(&["get", key])).collect();
        assert_eq!(values, ["first\n", "second\n"]);
    });
}

#[test]
fn etcdctl_v2_removes_keys() {
    on_each_server(|ctl| {
        ctl.says(&["set", "/k", "1"], "1\n");
        ctl.fails(&["rm", "--with-value", "2", "/k"], 4, "101: Compare failed ([2 != 1])");
        ctl.fails(&["rm", "--with-index", "99", "/k"], 4, "101: Compare failed");
        ctl.says(&["rm", "/k"], "PrevNode.Value: 1\n");
        ctl.fails(&["rm", "/k"], 4, "100: Key not found (/k)");
        ctl.says(&["set", "/k", "2"], "2\n");
        ctl.prints(&["rm", "--with-value", "2", "/k"]);
        ctl.fails(&["get", "/k"], 4, "100: Key not found (/k)");
    });
}

#[test]
fn etcdctl_v2_gives_keys_a_time_to_live() {
    on_each_server(|ctl| {
        ctl.says(&["set", "/k", "1", "--ttl", "100"], "1\n");
        let shown = ctl.prints(&["-o", "extended", "get", "/k"]);
        assert!(shown.contains("TTL: 100\n") || shown.contains("TTL: 99\n"), "{shown}");
        ctl.says(&["update", "/k", "2"], "2\n");
        assert!(ctl.prints(&["-o", "extended", "get", "/k"]).contains("TTL: 0\n"));
        ctl.says(&["set", "/brief", "1", "--ttl", "1"], "1\n");
        let index = ctl.index("/brief").to_string();
        ctl.says(&["watch", "--after-index", &index, "/brief"], "\n");
        ctl.fails(&["get", "/brief"], 4, "100: Key not found (/brief)");
    });
}
