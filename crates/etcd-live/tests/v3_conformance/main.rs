//! Random requests of v3, to real etcds and to the test server: the replies have to be the same.

#![allow(clippy::print_stdout, reason = "what was tried is shown")]

mod draw;
mod play;
mod revisions;
mod shown;
mod watch;

use std::thread;

use draw::Step;
use etcd_live::conformance::{Dice, Extent, Figures, Replies, compare};
use etcd_live::etcd::{cluster_of, newest, oldest_and_newest, servers};
use etcd_live::members::{Cluster, Etcd, Options};
use etcd_test_server::fault::{Fault, Rule};
use etcd_test_server::{TestServer, Version};
use play::Side;
use tokio::runtime::Runtime;

/// A real etcd and a test server.
struct Pair {
    real: Side,
    ours: Side,
    server: TestServer,
    runtime: Runtime,
    cluster: Cluster,
}

/// What the test server calls a release; nothing for one that it does not imitate.
fn imitated(etcd: &Etcd) -> Option<Version> {
    let series = format!("{}.{}.", etcd.version.major, etcd.version.minor);
    let versions = Version::ALL.into_iter().filter(|version| version.has_v3());
    versions.into_iter().find(|version| version.number().starts_with(&series))
}

impl Pair {
    fn start(etcd: &Etcd, version: Version) -> Self {
        let options = Options { in_memory: true, ..Options::default() };
        let cluster = cluster_of(etcd, 1, &options);
        let runtime = Runtime::new().expect("a runtime");
        let start = TestServer::builder().version(version).start();
        let server = runtime.block_on(start).expect("a port");
        let answers_always = version < Version::V3_5;
        let real = Side::at(&servers(&cluster), answers_always);
        let ours = Side::at(&server.endpoint(), answers_always);
        Self { real, ours, server, runtime, cluster }
    }

    /// Plays a sequence to both, from the same revision on.
    fn play(&mut self, steps: &[Step]) -> Replies {
        let replies = self.runtime.block_on(async {
            let (real, ours) = tokio::join!(self.real.clear(), self.ours.clear());
            let to = real.max(ours);
            let (first, second) =
                tokio::join!(self.real.forward(real, to), self.ours.forward(ours, to));
            tokio::join!(self.real.play(first, steps), self.ours.play(second, steps))
        });
        if let Ok(Some(end)) = self.cluster.first_dead() {
            let steps: Vec<_> = steps.iter().map(|step| format!("{step:.4000?}")).collect();
            panic!("{end}\nIt was asked for\n{}", steps.join("\n"));
        }
        replies
    }
}

fn random_requests(etcd: &Etcd, version: Version, extent: Extent) -> Figures {
    let mut pair = Pair::start(etcd, version);
    let draw = |dice: &mut Dice| draw::sequence(dice, version);
    let played = compare(extent, draw, |_, steps| pair.play(steps));
    let of = etcd.version;
    played.unwrap_or_else(|found| panic!("etcd {of}, seed {}: {found}", extent.seed))
}

#[test]
fn random_requests_of_v3_are_answered_alike() {
    let extent = Extent::from_environment();
    let etcds = oldest_and_newest();
    let pairs: Vec<_> = etcds.iter().filter_map(|etcd| Some((etcd, imitated(etcd)?))).collect();
    assert!(!pairs.is_empty(), "no etcd of a release that the test server imitates: {etcds:?}");
    thread::scope(|scope| {
        for (etcd, version) in pairs {
            scope.spawn(move || {
                let figures = random_requests(etcd, version, extent);
                println!("v3 on etcd {}: {figures:?}, no difference", etcd.version);
            });
        }
    });
}

#[test]
fn a_reply_that_is_false_once_is_found() {
    let newest = newest();
    let version = imitated(&newest).expect("a release that is imitated");
    let mut pair = Pair::start(&newest, version);
    let refusal = Fault::Http(412, String::new());
    let path = "/etcdserverpb.KV/Txn";
    pair.server.faults().add(Rule::new(refusal).path(path).skip(40).times(100));
    let extent = Extent { seed: 1, sequences: 200 };
    let draw = |dice: &mut Dice| draw::sequence(dice, version);
    let played = compare(extent, draw, |_, steps| pair.play(steps));
    let found = played.expect_err("a difference");
    assert!(found.replies.iter().any(|(_, ours)| ours.contains("412")), "{found}");
}
