//! etcdctl on one server, over v2.

use std::process::{Command, Stdio};

use etcd_live::etcd::etcdctl_of;
use etcd_live::program::{Ended, Running, run, start};
use etcd_live::server::{Server, on_each_v2};

pub(crate) struct Ctl<'a>(&'a Server);

/// Runs a scenario with etcdctl on each server.
pub(crate) fn on_each_server(scenario: impl Fn(&Ctl<'_>)) {
    on_each_v2(|server| scenario(&Ctl(server)));
}

impl Ctl<'_> {
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let url = format!("http://{}", self.0.endpoint());
        let mut command = etcdctl_of("ETCDCTL_V2_BIN", &url);
        command.env("ETCDCTL_API", "2").args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts a command that goes on.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        start(self.command(args))
    }

    /// A command that succeeds, and all that it prints.
    #[track_caller]
    pub(crate) fn says(&self, args: &[&str], expected: &str) {
        assert_eq!(self.prints(args), expected, "{args:?}");
    }

    #[track_caller]
    pub(crate) fn prints(&self, args: &[&str]) -> String {
        let ended = run(self.command(args));
        assert_eq!(ended.status, 0, "{args:?}: {}", ended.stderr);
        ended.stdout
    }

    /// A command that fails: an error of etcd is status 4.
    #[track_caller]
    pub(crate) fn fails(&self, args: &[&str], status: i32, why: &str) {
        let Ended { status: found, stdout, stderr, .. } = run(self.command(args));
        let said = format!("{stdout}{stderr}");
        assert!(found == status && said.contains(why), "{args:?}: {found}, {said}");
    }

    /// Waits until there is no such key.
    pub(crate) fn until_gone(&self, key: &str) {
        let is_there = |_: &i32| run(self.command(&["get", key])).status == 0;
        assert!((0..1000).take_while(is_there).count() < 1000, "{key} does not go");
    }

    /// The index of the last change of a key.
    #[track_caller]
    pub(crate) fn index(&self, key: &str) -> u64 {
        let shown = self.prints(&["-o", "extended", "get", key]);
        let line = shown.lines().find_map(|line| line.strip_prefix("Modified-Index: "));
        line.and_then(|index| index.parse().ok()).expect("an index")
    }
}
