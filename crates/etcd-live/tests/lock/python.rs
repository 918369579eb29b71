//! python-etcd's `Lock` and ours are one lock.

use std::io::Write;
use std::process::{ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

use etcd_client::ErrorKind;
use etcd_client::blocking::Session;
use etcd_live::etcd::{program, servers};
use etcd_live::program::{Running, start};
use etcd_live::queue::until_queued;
use etcd_live::section::{Passed, Section};

use crate::{one_member, seconds};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lock/python_etcd.py");
/// Sooner than any lock here ends by itself.
const AT_ONCE: Duration = Duration::from_secs(30);
const A_WHILE: Duration = Duration::from_millis(200);

#[test]
fn python_waits_for_us_and_we_for_python() {
    let (cluster, session, etcd_test) = one_member();
    let mut python = Python::start(&servers(&cluster), "shared");
    let ours = session.lock("shared", seconds(60)).expect("the lock is free");
    assert_eq!(python.says("try"), "busy");
    python.tell("wait");
    until_queued(&session, "shared", 2);
    assert_eq!(python.running.line_within(A_WHILE), None, "we hold it");
    session.unlock("shared", ours.index).expect("it is held");
    let theirs: u64 = python.answer().parse().expect("a sequence");
    assert!(theirs > ours.index);

    let busy = session.lock_within("shared", seconds(60), Some(Duration::ZERO));
    assert_eq!(busy.expect_err("python holds it").kind(), &ErrorKind::LockBusy);
    etcd_test.fails(["lock", "shared", "-t", "60", "--wait", "0"], 4);
    let waiting = etcd_test.start(["lock", "shared", "-t", "60"]);
    until_queued(&session, "shared", 2);
    assert_eq!(waiting.line_within(A_WHILE), None, "python holds it");
    assert_eq!(python.says("release"), "released");
    let next: u64 = waiting.wait().stdout.trim().parse().expect("an index");
    assert!(next > theirs);
    assert_eq!(python.says("try"), "busy");
    session.unlock("shared", next).expect("it is held");
}

#[test]
fn a_contest_with_python_has_one_holder_at_a_time() {
    let (cluster, _, _) = one_member();
    let servers = servers(&cluster);
    let (each, stays) = (25, 100);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut python = Python::start(&servers, "contest");
                let section = section(&servers);
                for _ in 0..each {
                    pass(&section, python.says("wait").parse().expect("a sequence"));
                    assert_eq!(python.says("release"), "released");
                }
            });
            scope.spawn(|| {
                let session =
                    Session::open_with(&servers, etcd_live::etcd::v2()).expect("a session");
                let section = section(&servers);
                for _ in 0..each {
                    let ticket = session.lock("contest", seconds(60)).expect("a turn");
                    pass(&section, ticket.index);
                    session.unlock("contest", ticket.index).expect("it is held");
                }
            });
        }
    });
    assert_eq!(section(&servers).count().expect("the store answers"), stays);
}

/// python-etcd, that does what it is told.
struct Python {
    running: Running,
    input: ChildStdin,
}

impl Python {
    fn start(server: &str, lock: &str) -> Self {
        let (host, port) = server.split_once(':').expect("host:port");
        let mut command = Command::new(program("PYTHON_ETCD"));
        command.args([SCRIPT, host, port, lock]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = start(command);
        let input = running.stdin();
        Self { running, input }
    }

    fn tell(&mut self, command: &str) {
        writeln!(self.input, "{command}").expect("python reads its input");
    }

    fn answer(&self) -> String {
        self.running.line_within(AT_ONCE).expect("an answer").text
    }

    fn says(&mut self, command: &str) -> String {
        self.tell(command);
        self.running.line()
    }
}

fn section(servers: &str) -> Section {
    Section::of(Session::open_with(servers, etcd_live::etcd::v2()).expect("a session"), "contest")
}

fn pass(section: &Section, token: u64) {
    let Passed { left_behind, .. } = section.pass(token, |_| {}).expect("nobody else is inside");
    assert_eq!(left_behind, None, "nobody dies");
}
