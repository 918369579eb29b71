//! Runs the program, without what the environment would tell it.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

/// Longer than anything takes on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// As a shell has it: 128 and the signal, where it was killed.
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_etcd-test"));
    command.args(args).env_clear().kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) async fn run(args: &[&str]) -> Ended {
    end(args, command(args).spawn().expect("it runs")).await
}

/// Runs a program that is stopped for some time, some time after its start.
pub(crate) async fn run_with_a_stop(args: &[&str], goes: Duration, stopped: Duration) -> Ended {
    let child = command(args).spawn().expect("it runs");
    for (time, sign) in [(goes, Signal::SIGSTOP), (stopped, Signal::SIGCONT)] {
        sleep(time).await;
        kill(pid(&child), sign).expect("it is there");
    }
    end(args, child).await
}

async fn end(args: &[&str], child: Child) -> Ended {
    let output = timeout(PATIENCE, child.wait_with_output()).await;
    let output = output.unwrap_or_else(|_| panic!("{args:?} goes on and on")).expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ended {
        status: status(output.status),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

fn pid(child: &Child) -> Pid {
    let pid = child.id().expect("it runs");
    Pid::from_raw(pid.try_into().expect("a process id is an i32"))
}

fn status(ended: ExitStatus) -> i32 {
    let killed = ended.signal().map(|signal| 128 + signal);
    ended.code().or(killed).expect("a program that ended has a status")
}

/// A program that goes on, and has printed a line.
pub(crate) struct Serving {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it said.
    pub(crate) said: String,
}

impl Serving {
    pub(crate) async fn start(args: &[&str]) -> Self {
        let mut child = command(args).spawn().expect("it runs");
        let stdout = child.stdout.take().expect("a pipe");
        let mut lines = BufReader::new(stdout).lines();
        let said = timeout(PATIENCE, lines.next_line()).await.expect("it says that it is ready");
        let Some(said) = said.expect("text") else {
            let mut why = String::new();
            let mut stderr = child.stderr.take().expect("a pipe");
            stderr.read_to_string(&mut why).await.expect("text");
            panic!("{args:?}: {why}");
        };
        Self { child, lines, said }
    }

    /// Its address, as the line for people tells it.
    pub(crate) fn endpoint(&self) -> &str {
        self.said.rsplit_once(' ').expect("words").1
    }

    pub(crate) fn pid(&self) -> Pid {
        pid(&self.child)
    }

    /// Waits until it says something.
    pub(crate) async fn until(&mut self, said: &str) {
        while !self.said.contains(said) {
            let line = timeout(PATIENCE, self.lines.next_line()).await.expect("it says more");
            self.said = line.expect("text").unwrap_or_else(|| panic!("it ended without {said:?}"));
        }
    }

    /// Its status and what else it printed.
    pub(crate) async fn wait(mut self) -> (i32, Option<String>) {
        let ended = timeout(PATIENCE, self.child.wait()).await.expect("it ends");
        let more = self.lines.next_line().await.expect("text");
        (status(ended.expect("a child")), more)
    }
}
