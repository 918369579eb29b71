//! A server that lives, in the company of some that do not.

use std::time::{Duration, Instant};

use etcd_live::blackhole::{Blackhole, refused};
use etcd_live::etcd::{cluster, servers};
use etcd_live::program::EtcdTest;

/// How much longer a command may take.
const LONGER: Duration = Duration::from_millis(500);
const TRIES: usize = 3;

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
        for args in commands() {
            let (quick, slow) = (best(&alone, &args), best(&together, &args));
            println!("{} took {quick:.1?} alone, {slow:.1?} in company", args[0]);
            assert!(slow < quick + LONGER, "{args:?}: {quick:?} alone, {slow:?} in company");
        }
    }
}

fn commands() -> [Vec<&'static str>; 8] {
    [
        vec!["set", "dir/k", "v"],
        vec!["get", "dir/k"],
        vec!["list", "dir"],
        vec!["tree"],
        vec!["leader"],
        vec!["watch", "-i", "1", "--count", "1"],
        vec!["lock", "-t", "5", "l", "--", "true"],
        vec!["set", "-p", "v", "dir/k", "v"],
    ]
}

/// The shortest of some tries.
fn best(etcd_test: &EtcdTest, args: &[&str]) -> Duration {
    let took = |_| {
        let began = Instant::now();
        etcd_test.prints(args);
        began.elapsed()
    };
    (0..TRIES).map(took).min().expect("some tries")
}
