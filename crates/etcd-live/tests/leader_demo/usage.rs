//! The command line, standard error, and keys that hold something else.

use std::process::Stdio;

use etcd_client::blocking::Session;
use etcd_live::blackhole::refused;
use etcd_live::etcd::{cluster, servers};
use etcd_live::program::{leader_demo, run, start};
use nix::sys::signal::Signal;

const DEPRECATED: &str = "leader-demo: leader-demo is deprecated";

#[test]
fn what_cannot_be_used_is_named_with_status_2() {
    let cases: [(&[&str], &str); 11] = [
        (&[], "--servers"),
        (&["-s", ""], "the list is empty"),
        (&["-s", "host:0"], "\"0\" is no port"),
        (&["-s", "host:70000"], "\"70000\" is no port"),
        (&["-s", "a:1", "-f", "high"], "'high'"),
        (&["-s", "a:1", "-f", "9223372036854775808"], "9223372036854775808"),
        (&["-s", "a:1", "-k", ""], "--key"),
        (&["-s", "a:1", "-k", "a/../b"], "\"a/../b\""),
        (&["-s", "a:1", "-n", "a,b"], "','"),
        (&["-s", "a:1", "-n", "a\nb"], "'\\n'"),
        (&["-s", "a:1", "lead"], "'lead'"),
    ];
    for (args, named) in cases {
        let ended = run(leader_demo(args));
        assert_eq!((ended.status, ended.stdout.as_str()), (2, ""), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(named), "{args:?}: {named:?} in {}", ended.stderr);
    }
}

#[test]
fn help_is_asked_for_and_says_that_it_is_deprecated() {
    for option in ["-h", "--help"] {
        let ended = run(leader_demo([option]));
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
        for text in ["--fitness <N>", "--key <KEY>", "--nodename <NAME>", "--servers <LIST>"] {
            assert!(ended.stdout.contains(text), "{text} in {}", ended.stdout);
        }
        assert!(ended.stdout.contains("Deprecated example"), "{}", ended.stdout);
    }
}

#[test]
fn it_leads_alone_says_that_it_is_deprecated_and_ends_when_asked() {
    let cluster = cluster(1);
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut command = leader_demo(["-n", "me"]);
        command.env("ETCD_SERVERS", servers(&cluster));
        let running = start(command);
        assert_eq!(running.line(), "I lead (me)");
        let session =
            Session::open_with(&servers(&cluster), etcd_live::etcd::v2()).expect("a session");
        assert_eq!(session.get("nsr").expect("a vote").value, "me,2,42");
        running.signal(signal);
        let ended = running.wait();
        assert_eq!((ended.status, ended.stdout.lines().count()), (0, 2), "{}", ended.stdout);
        assert!(ended.stderr.starts_with(DEPRECATED), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
}

#[test]
fn nobody_listening_ends_it_well() {
    let cluster = cluster(1);
    let mut command = leader_demo(["-s", &servers(&cluster), "-n", "me"]);
    command.stdout(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(0));
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert!(stderr.starts_with(DEPRECATED) && stderr.lines().count() == 1, "{stderr}");
}

#[test]
fn trouble_is_told_once_and_outlived() {
    let cluster = cluster(1);
    let session = Session::open_with(&servers(&cluster), etcd_live::etcd::v2()).expect("a session");
    session.set("nsr", "\u{1b}[2J,2,1").expect("it is set");
    let both = format!("{},{}", refused().expect("a port"), servers(&cluster));
    let running = start(leader_demo(["-s", &both, "-n", "me"]));
    // It looks at each second of them.
    let nothing = running.line_within(std::time::Duration::from_secs(5));
    assert_eq!(nothing, None, "somebody else's value is no vote");
    session.delete("nsr").expect("it is there");
    assert_eq!(running.line(), "I lead (me)");
    running.signal(Signal::SIGTERM);
    let ended = running.wait();
    let trouble: Vec<_> = ended.stderr.lines().skip(1).collect();
    let [line] = trouble[..] else { panic!("{}", ended.stderr) };
    assert!(line.starts_with("leader-demo: key \"nsr\": malformed vote"), "{line}");
    assert!(!line.contains('\u{1b}'), "{line:?}");
}
