//! `watch`.

use nix::sys::signal::Signal;

use crate::ctl::{Ctl, lines};

pub(crate) fn a_watch_tells_history_and_then_what_happens(ctl: &Ctl<'_>) {
    ctl.says(&["put", "w/a", "1"], "OK");
    let from = format!("--rev={}", ctl.revision());
    let one = ctl.start(&["watch", "w/a", &from]);
    let all = ctl.start(&["watch", "w/", "--prefix", "--prev-kv", &from]);
    lines(&one, &["PUT", "w/a", "1"]);
    lines(&all, &["PUT", "w/a", "1"]);
    // Both stand: what is told from here on is told as it happens.
    ctl.says(&["put", "w/b", "2"], "OK");
    lines(&all, &["PUT", "w/b", "2"]);
    ctl.says(&["put", "w/a", "3"], "OK");
    lines(&one, &["PUT", "w/a", "3"]);
    lines(&all, &["PUT", "w/a", "1", "w/a", "3"]);
    ctl.says(&["put", "elsewhere", "4"], "OK");
    ctl.says(&["del", "w/", "--prefix"], "2");
    lines(&one, &["DELETE", "w/a", ""]);
    lines(&all, &["DELETE", "w/a", "3", "w/a", "", "DELETE", "w/b", "2", "w/b", ""]);
    for watch in [one, all] {
        watch.signal(Signal::SIGKILL);
        let ended = watch.wait();
        assert!(!ended.stdout.contains("elsewhere"), "{}", ended.stdout);
    }
}

pub(crate) fn a_watch_runs_a_program_for_each_change(ctl: &Ctl<'_>) {
    ctl.says(&["put", "k", "1"], "OK");
    let from = format!("--rev={}", ctl.revision());
    let told = "echo $ETCD_WATCH_REVISION $ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY $ETCD_WATCH_VALUE";
    let watch = ctl.start(&["watch", "k", &from, "--", "/bin/sh", "-c", told]);
    let revision = ctl.revision();
    lines(&watch, &["PUT", "k", "1", &format!(r#"{revision} "PUT" "k" "1""#)]);
    ctl.says(&["del", "k"], "1");
    lines(&watch, &["DELETE", "k", "", &format!(r#"{} "DELETE" "k" """#, revision + 1)]);
}

pub(crate) fn a_watch_of_what_is_compacted_is_canceled(ctl: &Ctl<'_>) {
    for value in ["1", "2"] {
        ctl.says(&["put", "k", value], "OK");
    }
    let kept = ctl.revision();
    ctl.prints(&["compact", &kept.to_string()]);
    let gone = format!("--rev={}", kept - 1);
    ctl.fails(&["watch", "k", &gone], "required revision has been compacted");
}
