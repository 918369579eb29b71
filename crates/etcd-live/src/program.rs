//! Runs the programs under test, and tells what they said and how they ended.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use etcd_client::blocking::Session;
use etcd_client::session::{Api, SessionOptions};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::etcd::program;

/// How long a program may take for a line, or until it ends.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether a program has ended.
const LOOK: Duration = Duration::from_millis(2);

/// `etcd-test` on certain servers.
#[derive(Clone, Debug)]
pub struct EtcdTest {
    servers: String,
    api: Api,
}

impl EtcdTest {
    /// On a list of servers as a client takes it, over v2.
    pub fn on(servers: impl Into<String>) -> Self {
        Self { servers: servers.into(), api: Api::V2 }
    }

    /// The same over another API.
    pub fn over(self, api: Api) -> Self {
        Self { api, ..self }
    }

    /// The servers.
    pub fn servers(&self) -> &str {
        &self.servers
    }

    /// A session with the same servers.
    ///
    /// # Panics
    ///
    /// When they cannot be reached.
    pub fn session(&self) -> Session {
        let options = SessionOptions::new().api(self.api);
        Session::open_with(&self.servers, options).expect("a session")
    }

    /// `etcd-test` with these arguments and, in the environment, the servers.
    pub fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = command("ETCD_TEST_BIN", args);
        command.env("ETCD_SERVERS", &self.servers).env("ETCD_API", word(self.api));
        command
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// As for [`start`].
    pub fn start<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Running {
        start(self.command(args))
    }

    /// Runs it to its end.
    ///
    /// # Panics
    ///
    /// As for [`run`].
    pub fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Ended {
        run(self.command(args))
    }

    /// What it prints when it succeeds.
    ///
    /// # Panics
    ///
    /// When it does not succeed, or has something to say on standard error.
    pub fn prints<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> String {
        let ended = self.run(args);
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
        ended.stdout
    }

    /// What it says on standard error when it fails with this status.
    ///
    /// # Panics
    ///
    /// When it ends with another status, says nothing, or prints anything on standard output.
    pub fn fails<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>, status: i32) -> String {
        let ended = self.run(args);
        assert_eq!((ended.status, ended.stdout.as_str()), (status, ""), "{}", ended.stderr);
        assert!(!ended.stderr.is_empty(), "status {status} without a word");
        ended.stderr
    }
}

/// `leader-demo` with these arguments, and no servers from the environment, over v2.
pub fn leader_demo<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = command("LEADER_DEMO_BIN", args);
    command.env("ETCD_API", word(Api::V2));
    command
}

/// An API, as programs are told of it.
fn word(api: Api) -> &'static str {
    match api {
        Api::V2 => "v2",
        Api::V3 => "v3",
        _ => "auto",
    }
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status; as a shell has it, 128 and the signal for one that was killed.
    pub status: i32,
    /// All that it printed.
    pub stdout: String,
    /// All that it said on standard error.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

/// A line of standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it came.
    pub at: Instant,
    /// The line without its end.
    pub text: String,
}

/// A program that runs, killed with all that it started when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    began: Instant,
    lines: Receiver<Line>,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

/// Starts a program in a process group of its own.
///
/// # Panics
///
/// When it cannot be started.
pub fn start(mut command: Command) -> Running {
    let began = Instant::now();
    let mut child = command.process_group(0).spawn().expect("the program starts");
    let (send, lines) = mpsc::channel();
    let stdout = child.stdout.take().map(|out| thread::spawn(|| read_lines(out, send)));
    let stderr = child.stderr.take().map(|err| thread::spawn(|| read_all(err)));
    Running { child, began, lines, stdout, stderr }
}

/// Runs a program to its end.
///
/// # Panics
///
/// When it cannot be started, or has not ended after a minute.
pub fn run(command: Command) -> Ended {
    start(command).wait()
}

impl Running {
    /// Its process id.
    ///
    /// # Panics
    ///
    /// When the system has ids that it does not document.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("a process id is an i32"))
    }

    /// Its standard input, where that is a pipe.
    ///
    /// # Panics
    ///
    /// Where it is none, or was taken.
    pub fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("standard input is a pipe")
    }

    /// The next line that it prints.
    ///
    /// # Panics
    ///
    /// When there comes none for a minute.
    pub fn line(&self) -> String {
        self.line_within(PATIENCE).expect("it prints a line").text
    }

    /// The next line, when it comes within this time.
    pub fn line_within(&self, most: Duration) -> Option<Line> {
        self.lines.recv_timeout(most).ok()
    }

    /// Sends a signal to it alone.
    ///
    /// # Panics
    ///
    /// When it is gone.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("the program is there");
    }

    /// Sends a signal to it and to the process groups that it started.
    ///
    /// # Panics
    ///
    /// When it is gone.
    pub fn signal_all(&self, signal: Signal) {
        let started = children(self.pid());
        killpg(self.pid(), signal).expect("the program is there");
        for child in started {
            // One that has no group of its own is reached already, and another may have ended.
            let _ = killpg(child, signal);
        }
    }

    /// Whether it still runs.
    ///
    /// # Panics
    ///
    /// When the system does not tell.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When it has not ended after a minute.
    pub fn wait(self) -> Ended {
        self.wait_within(PATIENCE)
    }

    /// Waits for its end no longer than this.
    ///
    /// # Panics
    ///
    /// When it has not ended then.
    pub fn wait_within(self, most: Duration) -> Ended {
        self.wait_while(most, |_| {})
    }

    /// Waits for its end, and tells the most memory that it had, in KiB.
    ///
    /// # Panics
    ///
    /// As for [`wait`](Self::wait), and where the system does not tell.
    pub fn wait_and_weigh(self) -> (Ended, u64) {
        let mut peak = 0;
        let ended = self.wait_while(PATIENCE, |pid| peak = peak_memory(pid).unwrap_or(0).max(peak));
        assert!(peak > 0, "/proc has the memory of each process");
        (ended, peak)
    }

    fn wait_while(mut self, most: Duration, mut look: impl FnMut(Pid)) -> Ended {
        let patience = Instant::now() + most;
        while self.is_running() {
            assert!(Instant::now() < patience, "it runs on and on");
            look(self.pid());
            thread::sleep(LOOK);
        }
        let took = self.began.elapsed();
        let status = self.child.wait().expect("a child can be waited for");
        let status = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
        let text = |output: Option<JoinHandle<Vec<u8>>>| {
            let bytes = output.map(|thread| thread.join().expect("output is read to its end"));
            String::from_utf8(bytes.unwrap_or_default()).expect("what programs say is UTF-8")
        };
        Ended {
            status: status.expect("a program that ended has a status"),
            stdout: text(self.stdout.take()),
            stderr: text(self.stderr.take()),
            took,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_running() {
            let started = children(self.pid());
            for group in [self.pid()].into_iter().chain(started) {
                // It may end by itself just now.
                let _ = killpg(group, Signal::SIGKILL);
            }
            let _ = self.child.wait();
        }
    }
}

fn command<A: AsRef<OsStr>>(variable: &str, args: impl IntoIterator<Item = A>) -> Command {
    // Under `nohup` the tests have signals ignored that the program is to hear.
    let mut command = Command::new("env");
    command.arg("--default-signal").arg(program(variable)).args(args);
    command.env_remove("ETCD_SERVERS").env_remove("ETCD_API");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn read_lines(from: impl Read, lines: Sender<Line>) -> Vec<u8> {
    let (mut from, mut all) = (BufReader::new(from), Vec::new());
    loop {
        let start = all.len();
        match from.read_until(b'\n', &mut all) {
            Ok(0) | Err(_) => return all,
            Ok(_) => {
                let text = String::from_utf8_lossy(&all[start..]).trim_end_matches('\n').to_owned();
                // Nobody has to listen to each line.
                let _ = lines.send(Line { at: Instant::now(), text });
            }
        }
    }
}

fn read_all(mut from: impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    // What was read until an error is what was said.
    let _ = from.read_to_end(&mut all);
    all
}

/// The most memory that a process had so far, in KiB.
fn peak_memory(pid: Pid) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// The processes that a process has started, where the system tells.
fn children(parent: Pid) -> Vec<Pid> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let listed = fs::read_to_string(path).unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| pid.parse().ok().map(Pid::from_raw)).collect()
}
