//! `watch`.

use std::time::Duration;

use etcd_live::program::{EtcdTest, Running};
use nix::sys::signal::Signal;
use serde_json::json as object;

use crate::{index, json, one_member};

#[test]
fn history_is_told_a_line_a_change() {
    let (_cluster, etcd_test) = one_member();
    let first = index(&etcd_test.prints(["set", "dir/a", "one value"]));
    etcd_test.prints(["set", "dir/b", ""]);
    etcd_test.prints(["delete", "dir/a"]);
    etcd_test.prints(["set", "elsewhere", "x"]);
    etcd_test.prints(["set", "-t", "1", "dir/b", "brief"]);

    let from = first.to_string();
    let told = etcd_test.prints(["watch", "-i", &from, "--count", "5", "dir"]);
    let told: Vec<_> = told.lines().collect();
    assert_eq!(told[0], format!("{first} set /dir/a one value"));
    assert_eq!(told[1], format!("{} set /dir/b ", first + 1));
    assert_eq!(told[2], format!("{} delete /dir/a", first + 2));
    assert_eq!(told[3], format!("{} set /dir/b brief", first + 4));
    let (at, expired) = told[4].split_once(' ').expect("an index and more");
    assert!(at.parse::<u64>().expect("an index") > first + 4);
    assert_eq!(expired, "expire /dir/b");
    assert_eq!(told.len(), 5);

    let from = (first + 2).to_string();
    let told = etcd_test.prints(["-o", "json", "watch", "-i", &from, "--count", "2"]);
    let delete = object!({ "index": first + 2, "kind": "delete", "key": "/dir/a" });
    let set = object!({ "index": first + 3, "kind": "set", "key": "/elsewhere", "value": "x" });
    assert_eq!(json(&told), [delete, set]);
}

#[test]
fn a_watch_from_now_tells_each_change_at_once_until_it_is_interrupted() {
    let (_cluster, etcd_test) = one_member();
    etcd_test.prints(["set", "before", "x"]);
    let mut watch = etcd_test.start(["watch", "/"]);
    let seen = until_it_watches(&etcd_test, &watch);
    let at = index(&etcd_test.prints(["set", "after", "1"]));
    // A poll that had to be made anew for it would come after 10 s.
    let mut line = watch.line_within(Duration::from_secs(9)).expect("told at once").text;
    while line.contains("/probe") {
        line = watch.line();
    }
    assert_eq!(line, format!("{at} set /after 1"));
    assert!(!seen.contains("before"), "{seen}");

    assert!(watch.is_running());
    watch.signal(Signal::SIGINT);
    let ended = watch.wait();
    assert_eq!((ended.status, ended.stderr.as_str()), (130, ""));
    assert!(ended.stdout.ends_with(&format!("{at} set /after 1\n")), "{}", ended.stdout);
}

/// A watch from now begins when it does: keys are set until it tells of one.
fn until_it_watches(etcd_test: &EtcdTest, watch: &Running) -> String {
    for _ in 0..100 {
        etcd_test.prints(["set", "probe", "x"]);
        if let Some(line) = watch.line_within(Duration::from_millis(50)) {
            return line.text;
        }
    }
    panic!("it tells of nothing")
}
