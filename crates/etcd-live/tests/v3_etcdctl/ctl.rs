//! etcdctl on one server.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use etcd_live::etcd::etcdctl_of;
use etcd_live::program::{Running, start};
use etcd_live::server::{Server, on_each_v3};

pub(crate) struct Ctl<'a> {
    program: &'static str,
    pub(crate) server: &'a Server,
    user: Option<&'static str>,
}

/// Runs a scenario with the etcdctl that a variable names.
pub(crate) fn on_each_server(program: &'static str, scenario: impl Fn(&Ctl<'_>)) {
    on_each_v3(|server| scenario(&Ctl { program, server, user: None }));
}

impl<'a> Ctl<'a> {
    /// The same as a user: `--user=NAME:PASSWORD`.
    pub(crate) fn by(&self, user: &'static str) -> Self {
        Self { user: Some(user), ..*self }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = etcdctl_of(self.program, self.server.endpoint());
        command.args(self.user).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts a command that goes on.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        start(self.command(args))
    }

    fn output(&self, args: &[&str], input: &str) -> Output {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().expect("etcdctl starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A command that reads nothing may be over already.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().expect("etcdctl ends")
    }

    /// What a command prints that succeeds.
    #[track_caller]
    pub(crate) fn prints(&self, args: &[&str]) -> String {
        self.prints_for("", args)
    }

    #[track_caller]
    fn prints_for(&self, input: &str, args: &[&str]) -> String {
        let output = self.output(args, input);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {complaint}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    #[track_caller]
    pub(crate) fn says(&self, args: &[&str], expected: &str) {
        self.says_for("", args, expected);
    }

    /// The same with something on standard input.
    #[track_caller]
    pub(crate) fn says_for(&self, input: &str, args: &[&str], expected: &str) {
        assert_eq!(self.prints_for(input, args), expected, "{args:?}");
    }

    /// A command that fails, and why.
    #[track_caller]
    pub(crate) fn fails(&self, args: &[&str], why: &str) {
        let output = self.output(args, "");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && complaint.contains(why), "{args:?}: {complaint}");
    }

    /// The revision of the store.
    pub(crate) fn revision(&self) -> i64 {
        let reply = self.prints(&["get", "any", "--write-out=json"]);
        let reply: serde_json::Value = serde_json::from_str(&reply).expect("JSON");
        reply["header"]["revision"].as_i64().expect("a revision")
    }
}

/// The lines that come next.
#[track_caller]
pub(crate) fn lines(running: &Running, expected: &[&str]) {
    let told: Vec<_> = expected.iter().map(|_| running.line()).collect();
    assert_eq!(told, expected);
}
