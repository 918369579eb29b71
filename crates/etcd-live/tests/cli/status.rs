//! The exit statuses that another chapter does not show.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use etcd_live::blackhole::{Blackhole, refused};
use etcd_live::program::{EtcdTest, start};

use crate::one_member;

/// Longer than a command takes that was given 2 s, however busy the machine is.
const LONG: Duration = Duration::from_secs(30);
/// A time is kept in the best of so many tries.
const TRIES: usize = 5;

#[test]
fn each_failure_has_its_status_and_names_what_was_given() {
    let (_cluster, etcd_test) = one_member();
    etcd_test.prints(["set", "dir/k", "v"]);
    let cases: [(&[&str], i32, &[&str]); 14] = [
        (&["get", "nowhere"], 3, &["get \"nowhere\"", "no such key"]),
        (&["get", "--raw", "nowhere", "-o", "json"], 3, &["no such key"]),
        (&["list", "nowhere"], 3, &["list \"nowhere\""]),
        (&["tree", "nowhere"], 3, &["tree \"nowhere\""]),
        (&["delete", "nowhere"], 3, &["delete \"nowhere\""]),
        (&["get", "dir"], 1, &["get \"dir\"", "a directory", "list it"]),
        (&["set", "dir", "v"], 1, &["set \"dir\"", "a directory"]),
        (&["delete", "dir"], 1, &["delete \"dir\"", "a directory"]),
        (&["list", "dir/k"], 1, &["list \"dir/k\"", "not a directory"]),
        (&["set", "dir/k/below", "v"], 1, &["set \"dir/k/below\"", "not a directory"]),
        (&["--api", "v3", "get", "k"], 3, &["get \"k\"", "there is no key"]),
        (&["get", "k", "k"], 2, &["'k'", "Usage: etcd-test get"]),
        (&["fetch", "k"], 2, &["'fetch'"]),
        (&[], 2, &["get", "Usage"]),
    ];
    for (args, status, said) in cases {
        let stderr = etcd_test.fails(args, status);
        for fragment in said {
            assert!(stderr.contains(fragment), "{args:?}: {fragment:?} in {stderr}");
        }
    }
}

#[test]
fn help_and_version_are_no_failures() {
    let etcd_test = EtcdTest::on("127.0.0.1:1");
    for args in [["-h"].as_slice(), &["--help"], &["help"], &["LOCK", "-h"], &["help", "watch"]] {
        assert!(etcd_test.prints(args).contains("Usage: etcd-test"), "{args:?}");
    }
    assert!(etcd_test.prints(["-V"]).starts_with("etcd-test "));
    for word in ["3 key not found", "6 no server could be reached", "ETCD_SERVERS"] {
        assert!(etcd_test.prints(["-h"]).contains(word), "{word}");
    }
    for help in ["-h", "--help"] {
        let said = EtcdTest::on("http://root:hunter2@host").prints([help]);
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn the_demo_holds_on_a_member_and_leaves_nothing_there() {
    let (_cluster, etcd_test) = one_member();
    let said = etcd_test.prints(["demo"]);
    assert!(said.contains("\n4 of 6 steps shown in "), "{said}");
    assert_eq!(etcd_test.prints(["list"]), "");
}

#[test]
fn a_write_into_a_member_that_freezes_has_an_unknown_outcome() {
    let (cluster, etcd_test) = one_member();
    let mut command = etcd_test.command(["set", "k", "-", "--timeout", "2"]);
    command.stdin(Stdio::piped());
    let mut setting = start(command);
    let mut input = setting.stdin();
    // More than a pipe holds: when all is written, the session is open and the value is being read.
    input.write_all(&[b'x'; 100_000]).expect("it reads its input");
    cluster.pause(0).expect("the member is there");
    drop(input);
    let ended = setting.wait();
    assert_eq!((ended.status, ended.stdout.as_str()), (5, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("may have taken effect"), "{}", ended.stderr);
    assert!(ended.took < LONG, "{:?}", ended.took);

    let ended = etcd_test.run(["set", "k", "v", "--timeout", "1"]);
    assert_eq!(ended.status, 6, "nothing was sent: {}", ended.stderr);
    cluster.resume(0).expect("the member is there");
    etcd_test.prints(["set", "k", "v"]);
}

#[test]
fn no_server_at_all_is_said_in_time() {
    let (refused, silent) = (refused().expect("a port"), Blackhole::never_answers().expect("one"));
    let unconnected = Blackhole::never_connects().expect("one");
    let etcd_test = EtcdTest::on(
        [&refused, &silent.endpoint(), &unconnected.endpoint()].map(String::as_str).join(" ; "),
    );
    for args in [["get", "k"].as_slice(), &["set", "k", "v"], &["lock", "-t", "5", "k"], &["watch"]]
    {
        let took = |timeout: &str| {
            let ended = etcd_test.run([&["--timeout", timeout], args].concat());
            let said = (ended.status, ended.stdout.as_str());
            assert_eq!(said, (6, ""), "{args:?}: {}", ended.stderr);
            assert!(ended.stderr.contains(&refused), "{args:?}: {}", ended.stderr);
            ended.took
        };
        let best = (0..TRIES).map(|_| took("1")).find(|took| *took < Duration::from_secs(2));
        assert!(best.is_some(), "{args:?}: never within 2 s");
    }
}
