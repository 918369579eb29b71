//! `watch` and `exec-watch`: for one change, and for ever.

use etcd_live::program::Running;
use nix::sys::signal::Signal;

use crate::ctl::{Ctl, on_each_server};

/// The line that comes next, when it is about no probe.
fn line(watch: &Running) -> String {
    loop {
        let line = watch.line();
        if !line.contains("probe") {
            return line;
        }
    }
}

/// A watch from now begins when it does: keys are set until it tells of one.
fn until_it_tells(ctl: &Ctl<'_>, watch: &Running, key: &str) {
    for _ in 0..1000 {
        ctl.says(&["set", key, "probe"], "probe\n");
        if watch.line_within(std::time::Duration::from_millis(50)).is_some() {
            return;
        }
    }
    panic!("it tells of nothing");
}

#[test]
fn etcdctl_v2_watches_history() {
    on_each_server(|ctl| {
        ctl.says(&["set", "/d/k", "1"], "1\n");
        let first = ctl.index("/d/k").to_string();
        ctl.says(&["set", "/d/k", "2", "--swap-with-value", "1"], "2\n");
        let second = ctl.index("/d/k").to_string();
        ctl.says(&["rm", "/d/k"], "PrevNode.Value: 2\n");
        ctl.says(&["watch", "--after-index", &first, "/d/k"], "2\n");
        let told = "[compareAndSwap] /d/k\n2\n";
        ctl.says(&["watch", "--recursive", "--after-index", &first, "/"], told);
        let told = "[delete] /d/k\nPrevNode.Value: 2\n";
        ctl.says(&["watch", "--recursive", "--after-index", &second, "/d"], told);
    });
}

#[test]
fn etcdctl_v2_watches_for_ever() {
    on_each_server(|ctl| {
        let watch = ctl.start(&["watch", "--forever", "--recursive", "/d"]);
        until_it_tells(ctl, &watch, "/d/probe");
        for value in ["1", "2"] {
            ctl.says(&["set", "/d/k", value], &format!("{value}\n"));
            assert_eq!([line(&watch), line(&watch)], ["[set] /d/k", value]);
        }
        ctl.says(&["set", "/elsewhere", "1"], "1\n");
        ctl.says(&["rm", "/d/k"], "PrevNode.Value: 2\n");
        assert_eq!([line(&watch), line(&watch)], ["[delete] /d/k", "PrevNode.Value: 2"]);
        watch.signal(Signal::SIGINT);
        watch.wait();
    });
}

#[test]
fn etcdctl_v2_runs_a_program_for_each_change() {
    on_each_server(|ctl| {
        let told =
            "echo $ETCD_WATCH_ACTION $ETCD_WATCH_KEY $ETCD_WATCH_VALUE $ETCD_WATCH_MODIFIED_INDEX";
        let watch = ctl.start(&["exec-watch", "--recursive", "/d", "--", "/bin/sh", "-c", told]);
        until_it_tells(ctl, &watch, "/d/probe");
        for value in ["1", "2"] {
            ctl.says(&["set", "/d/k", value], &format!("{value}\n"));
            let index = ctl.index("/d/k");
            assert_eq!(line(&watch), format!("set /d/k {value} {index}"));
        }
        ctl.says(&["rm", "/d/k"], "PrevNode.Value: 2\n");
        assert!(line(&watch).starts_with("delete /d/k "));
        watch.signal(Signal::SIGKILL);
        watch.wait();
    });
}
