//! Commands of several processes under a lock: signals reach them all, and so does its loss.

use std::fs;
use std::io::Write;
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use etcd_live::program::{Ended, EtcdTest, Running, start};
use etcd_live::queue::{queued, until_queued};
use nix::sys::signal::Signal;

use crate::{one_member, shell};

/// Less than the commands take that are ended, and more than anything else may.
const ENDED: Duration = Duration::from_secs(60);
const CTRL_C: u8 = 3;
const CTRL_Z: u8 = 26;
/// How often ^C is pressed: two signals at a time may count as one.
const TIMES: usize = 10;

/// Each says where it is. All their processes have standard output open, which is read to its end:
/// no single one may be left.
const SEVERAL: [&str; 5] = [
    "echo in; sleep 120 | cat",
    "(sleep 120; echo out) & (sleep 120 | cat) & echo in; wait",
    "echo in; sh -c 'sleep 120; echo out'; echo out",
    "trap '' TERM; (sleep 120; echo out) & echo in; sleep 120; echo out",
    "(trap '' TERM; sleep 120; echo out) & echo in; exec sleep 120",
];

#[test]
fn all_processes_of_a_command_end_when_its_lock_is_lost() {
    let (_cluster, etcd_test) = one_member();
    for (script, ttl) in SEVERAL.iter().flat_map(|script| [(script, "3"), (script, "6")]) {
        let running = under_lock(&etcd_test, ttl, script);
        let keys = etcd_test.prints(["list", "/_locks/k"]);
        etcd_test.prints(["delete", keys.trim()]);
        let ended = ended_with_all(running);
        assert_eq!(
            (ended.status, ended.stdout.as_str()),
            (4, "in\n"),
            "{script}: {}",
            ended.stderr
        );
        assert!(ended.stderr.contains("the command was ended: the lock on"), "{}", ended.stderr);
    }
}

#[test]
fn all_processes_of_a_command_end_when_the_lock_cannot_be_renewed() {
    let (cluster, etcd_test) = one_member();
    for script in SEVERAL {
        let running = under_lock(&etcd_test, "3", script);
        cluster.pause(0).expect("the member is there");
        let ended = ended_with_all(running);
        cluster.resume(0).expect("the member is there");
        assert_eq!(
            (ended.status, ended.stdout.as_str()),
            (4, "in\n"),
            "{script}: {}",
            ended.stderr
        );
        until_queued(&etcd_test.session(), "k", 0);
    }
}

#[test]
fn all_processes_of_a_command_hear_requests_to_end() {
    let (_cluster, etcd_test) = one_member();
    for (signal, status) in [(Signal::SIGHUP, 129), (Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let running = under_lock(&etcd_test, "60", "(sh -c 'echo in; sleep 120') | cat");
        running.signal(signal);
        let ended = ended_with_all(running);
        assert_eq!((ended.status, ended.stderr.as_str()), (status, ""), "{signal}");
        assert_eq!(queued(&etcd_test.session(), "k"), 0, "{signal}");
    }
}

#[test]
fn under_nohup_the_end_of_a_terminal_is_not_heard() {
    let (_cluster, etcd_test) = one_member();
    let line = r#"trap '' HUP; exec "$ETCD_TEST_BIN" lock k -t 60 -- sh -c 'echo in; read -r x; echo out'"#;
    let mut command = Command::new("sh");
    command.args(["-c", line]).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.env("ETCD_SERVERS", etcd_test.servers());
    let mut running = start(command);
    assert_eq!(running.line(), "in");
    running.signal_all(Signal::SIGHUP);
    running.stdin().write_all(b"go on\n").expect("it reads its input");
    assert_eq!((running.line().as_str(), running.wait().status), ("out", 0));
}

/// Without a shell above it `etcd-test` itself goes on meanwhile; with one it is stopped too.
#[test]
fn a_command_can_be_stopped_and_goes_on() {
    let (_cluster, etcd_test) = one_member();
    let running =
        under_lock(&etcd_test, "60", "echo in; echo $$; (while :; do sleep 0.05; done) & wait");
    let leader = running.line();
    running.signal(Signal::SIGTSTP);
    until_state(&leader, |state| state == 'T');
    running.signal(Signal::SIGCONT);
    until_state(&leader, |state| state != 'T');
    running.signal(Signal::SIGTSTP);
    until_state(&leader, |state| state == 'T');
    // What is stopped is woken to hear this.
    running.signal_all(Signal::SIGCONT);
    running.signal(Signal::SIGTERM);
    assert_eq!(ended_with_all(running).status, 143);
}

#[test]
fn a_keyboard_interrupts_the_command_once() {
    let (_cluster, etcd_test) = one_member();
    // A signal may end `read`, which is tried again then.
    let counts = "trap 'echo interrupted' INT; echo in; \
        until read -r line && [ \"$line\" = done ]; do echo \"read $line\"; done; exit 5";
    let (running, mut keyboard) =
        on_terminal(&etcd_test, r#"exec "$ETCD_TEST_BIN" lock k -t 60 -- sh -c "$SCRIPT""#, counts);
    for _ in 0..TIMES {
        press(&mut keyboard, &[CTRL_C]);
        until_it_says(&running, "interrupted\r");
        // A second interrupt would come before this is read.
        press(&mut keyboard, b"on\n");
        until_it_says(&running, "read on\r");
    }
    press(&mut keyboard, b"done\n");
    let ended = running.wait();
    assert_eq!(ended.status, 5, "{}", ended.stdout);
    assert_eq!(ended.stdout.matches("interrupted").count(), TIMES, "{}", ended.stdout);
    assert_eq!(queued(&etcd_test.session(), "k"), 0);
}

/// In a pipeline too, whose others have the keyboard at first.
#[test]
fn a_keyboard_stops_the_command_and_a_shell_lets_it_go_on() {
    let (_cluster, etcd_test) = one_member();
    for pipe in ["", "| cat"] {
        let jobs = format!(
            r#"set -m; "$ETCD_TEST_BIN" lock k -t 600 -- sh -c "$SCRIPT" {pipe}; echo shell; fg; echo end"#
        );
        let reads = "echo in; read -r line; echo \"read $line\"; sleep 0.1; exit 5";
        let (running, mut keyboard) = on_terminal(&etcd_test, &jobs, reads);
        press(&mut keyboard, &[CTRL_Z]);
        until_it_says(&running, "shell\r");
        press(&mut keyboard, b"more\n");
        until_it_says(&running, "read more\r");
        until_it_says(&running, "end\r");
        running.wait();
        assert_eq!(queued(&etcd_test.session(), "k"), 0);
    }
}

/// It is not renewed meanwhile, and the command does nothing more before it is ended.
#[test]
fn a_command_whose_lock_was_lost_while_it_was_stopped_is_ended() {
    let (_cluster, etcd_test) = one_member();
    let jobs = r#"set -m; "$ETCD_TEST_BIN" lock k -t 2 -- sh -c "$SCRIPT"; echo shell; sleep 4
        echo now; fg; echo "status $?""#;
    // It starts nothing: a shell that is stopped while it does so only looks busy.
    let tells = "trap 'echo goes on' CONT; echo in; while :; do read -r line; done";
    let (running, mut keyboard) = on_terminal(&etcd_test, jobs, tells);
    press(&mut keyboard, &[CTRL_Z]);
    until_it_says(&running, "now\r");
    let ended = running.wait();
    let (_, after) = ended.stdout.split_once("now\r\n").expect("it says so");
    assert!(after.contains("status 4") && !after.contains("goes on"), "{after}");
    assert!(after.contains("the command was ended: the lock on"), "{after}");
}

/// Starts a script under the lock on `k`; it has said `in`.
fn under_lock(etcd_test: &EtcdTest, ttl: &str, script: &str) -> Running {
    let running = etcd_test.start([["lock", "k", "-t", ttl], shell(script)].concat());
    assert_eq!(running.line(), "in", "{script}");
    until_queued(&etcd_test.session(), "k", 1);
    running
}

/// Waits for the end of all processes that have its standard output open.
fn ended_with_all(running: Running) -> Ended {
    let began = Instant::now();
    let ended = running.wait();
    assert!(began.elapsed() < ENDED, "a process goes on: {ended:?}");
    ended
}

/// Starts a shell's line on a terminal, with a script in its environment that has said `in`.
fn on_terminal(etcd_test: &EtcdTest, line: &str, script: &str) -> (Running, ChildStdin) {
    let mut command = Command::new("script");
    command.args(["-qec", line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let environment = [("SHELL", "/bin/sh"), ("SCRIPT", script)];
    command.envs(environment).env("ETCD_SERVERS", etcd_test.servers());
    let mut running = start(command);
    until_it_says(&running, "in\r");
    let keyboard = running.stdin();
    (running, keyboard)
}

fn press(keyboard: &mut ChildStdin, keys: &[u8]) {
    keyboard.write_all(keys).expect("it reads its keyboard");
}

/// A terminal also shows what is typed.
fn until_it_says(running: &Running, wanted: &str) {
    while !running.line().ends_with(wanted) {}
}

/// Waits for the state of a process, as `/proc` has it: `T` is stopped.
fn until_state(pid: &str, is_reached: impl Fn(char) -> bool) {
    let patience = Instant::now() + ENDED;
    let state = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it is there");
        stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).expect("a state")
    };
    while !is_reached(state()) {
        assert!(Instant::now() < patience, "it stays in state {}", state());
        std::thread::sleep(Duration::from_millis(5));
    }
}
