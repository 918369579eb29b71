//! What writes report when members and connections are struck, held against what the store holds;
//! and how soon a client goes on elsewhere.

mod failover;
mod strike;
mod writes;

use std::collections::BTreeMap;

use etcd_client::{Client, Config};
use etcd_live::each::run;
use etcd_live::etcd::{cluster_of, oldest_and_newest, servers};
use etcd_live::members::{Cluster, Options};

use self::strike::{Fault, Struck};
use self::writes::{Counts, Log};

/// How many trials there are of each fault: a thousand in all where `ETCD_LIVE_FULL` is set.
fn trials(fault: Fault) -> usize {
    match (std::env::var_os("ETCD_LIVE_FULL").is_some(), fault.is_quick()) {
        (true, _) => 200,
        (false, true) => 10,
        (false, false) => 2,
    }
}

#[test]
fn no_write_that_was_reported_as_not_applied_is_there() {
    for etcd in oldest_and_newest() {
        let options = Options { in_memory: true, ..Options::default() };
        let mut struck = Struck::new(cluster_of(&etcd, 3, &options));
        for (fault, (trials, counts)) in run(all(&mut struck)) {
            println!("etcd {}, {fault:?}: {trials} trials, {counts}", etcd.version);
            counts.assert_plausible(fault);
        }
    }
}

/// All trials of all faults; what was written is looked at after each, and again at the end.
async fn all(struck: &mut Struck) -> BTreeMap<Fault, (usize, Counts)> {
    let witness = witness(struck.cluster());
    let mut logs = BTreeMap::new();
    for fault in Fault::ALL {
        let mut log = Log::default();
        for number in 0..trials(fault) {
            let trial = struck.trial(fault, number, &witness).await;
            trial.check(&witness).await;
            log.append(trial);
        }
        logs.insert(fault, (trials(fault), log));
    }
    let mut counts = BTreeMap::new();
    for (fault, (trials, log)) in logs {
        counts.insert(fault, (trials, log.check(&witness).await));
    }
    counts
}

/// Asks the members themselves, and has time.
fn witness(cluster: &Cluster) -> Client {
    let config = Config::default().deadline(etcd_live::each::PATIENCE);
    Client::with_config(&servers(cluster), config).expect("a list of servers")
}
