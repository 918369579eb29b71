//! A server that lives, in the company of some that do not.

use std::time::{Duration, Instant};

use etcd_live::blackhole::{Blackhole, refused};
use etcd_live::etcd::{cluster, servers};
use etcd_live::program::EtcdTest;

/// How much longer a command may take …
const LONGER: Duration = Duration::from_millis(500);
/// … in the best of so many tries: a busy machine is not late in each, a dead server is.
const TRIES: usize = 8;

/// A command, and what has to stand before it so that it can be done again.
type Case = (&'static [&'static str], fn(&EtcdTest) -> Vec<String>);

const CASES: [Case; 11] = [
    (&["set", "dir/k", "v"], nothing),
    (&["get", "dir/k"], nothing),
    (&["list", "dir"], nothing),
    (&["tree"], nothing),
    (&["leader"], nothing),
    (&["watch", "-i", "1", "--count", "1"], nothing),
    (&["set", "-p", "v", "dir/k", "v"], nothing),
    (&["delete", "gone"], a_key),
    (&["lock", "-t", "5", "l", "--", "true"], nothing),
    (&["lock", "-t", "60", "free"], unlocked),
    (&["unlock", "held", "-i"], locked),
];

#[test]
fn each_command_is_answered_nearly_as_fast_as_by_a_live_server_alone() {
    let cluster = cluster(1);
    let live = servers(&cluster);
    let refused = refused().expect("a free port");
    let (unconnected, silent) = (Blackhole::never_connects(), Blackhole::never_answers());
    let holes = [unconnected.expect("a black hole"), silent.expect("a black hole")];
    let alone = EtcdTest::on(&live);
    for hole in &holes {
        let together = EtcdTest::on(format!("{refused},{},{live}", hole.endpoint()));
        for case in &CASES {
            let (quick, slow) = compare(&alone, &together, case);
            println!("{:?} took {quick:.1?} alone, {slow:.1?} in company", case.0);
        }
    }
}

/// The best times alone and in company, when they are as near to each other as they must be.
fn compare(alone: &EtcdTest, together: &EtcdTest, (args, before): &Case) -> (Duration, Duration) {
    let took = |etcd_test: &EtcdTest| {
        let more = before(alone);
        let more = more.iter().map(String::as_str);
        let began = Instant::now();
        etcd_test.prints(args.iter().copied().chain(more));
        began.elapsed()
    };
    let (mut quick, mut slow) = (Duration::MAX, Duration::MAX);
    for _ in 0..TRIES {
        (quick, slow) = (took(alone).min(quick), took(together).min(slow));
        if slow < quick + LONGER {
            return (quick, slow);
        }
    }
    panic!("{args:?}: {quick:?} alone, {slow:?} in company");
}

fn nothing(_: &EtcdTest) -> Vec<String> {
    Vec::new()
}

fn a_key(etcd_test: &EtcdTest) -> Vec<String> {
    etcd_test.prints(["set", "gone", "v"]);
    Vec::new()
}

/// Nobody holds the lock `free`.
fn unlocked(etcd_test: &EtcdTest) -> Vec<String> {
    for place in etcd_test.session().list("/_locks/free").unwrap_or_default() {
        etcd_test.prints(["delete", &place.key.to_string()]);
    }
    Vec::new()
}

/// The index that holds the lock `held`.
fn locked(etcd_test: &EtcdTest) -> Vec<String> {
    vec![etcd_test.prints(["lock", "-t", "600", "held"]).trim().to_owned()]
}
