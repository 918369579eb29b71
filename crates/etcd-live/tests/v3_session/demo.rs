//! `leader-demo` on v3: the leader dies, and another leads.

use std::time::{Duration, Instant};

use etcd_live::etcd::{cluster_of, oldest_and_newest};
use etcd_live::members::Options;
use etcd_live::program::{Running, leader_demo, start};

/// The votes' time to live, and what may come on top of it.
const FOLLOWED: Duration = Duration::from_secs(8);

/// When one said that it leads; nothing yet.
fn leads(candidate: &mut Running, name: &str) -> Option<Instant> {
    let said = std::iter::from_fn(|| candidate.line_within(Duration::ZERO));
    said.into_iter().find(|line| line.text == format!("I lead ({name})")).map(|line| line.at)
}

#[test]
fn a_leader_that_is_killed_is_followed_by_another() {
    for etcd in oldest_and_newest() {
        let cluster = cluster_of(&etcd, 3, &Options { in_memory: true, ..Options::default() });
        let servers = cluster.endpoints().join(",");
        let enter = |name: &str| {
            let mut command = leader_demo(["-s", &servers, "-n", name]);
            command.env("ETCD_API", "auto");
            (name.to_owned(), start(command))
        };
        let mut candidates: Vec<_> = ["one", "two", "three"].into_iter().map(enter).collect();
        let mut killed: Option<Instant> = None;
        for _ in 0..2 {
            let began = killed.unwrap_or_else(Instant::now);
            let (at, led) = loop {
                let mut found = candidates
                    .iter_mut()
                    .enumerate()
                    .filter_map(|(at, (name, one))| leads(one, name).map(|led| (at, led)));
                if let Some(found) = found.next() {
                    break found;
                }
                assert!(began.elapsed() < FOLLOWED * 2, "etcd {}: nobody leads", etcd.version);
                std::thread::sleep(Duration::from_millis(5));
            };
            if let Some(killed) = killed {
                assert!(led - killed < FOLLOWED, "etcd {}: {:?}", etcd.version, led - killed);
            }
            let (_, leader) = candidates.remove(at);
            leader.signal(nix::sys::signal::Signal::SIGKILL);
            killed = Some(Instant::now());
        }
    }
}
