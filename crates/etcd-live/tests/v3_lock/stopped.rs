//! Holders whose process is stopped: none may think that it holds a lock whose key is gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use etcd_client::v3::Update;
use etcd_client::{Client, KeyRange};
use etcd_live::each::{PATIENCE, on_each};
use etcd_live::etcd::servers;
use nix::sys::signal::Signal;
use nix::time::{ClockId, clock_gettime};

use crate::worker::{Dice, trials, worker};

const TTL: Duration = Duration::from_secs(2);
/// How many are stopped at the same time.
const AT_ONCE: usize = 20;
/// After so long without being lost, a lock that was held on is taken for kept.
const SETTLED: Duration = Duration::from_millis(1500);

/// When keys were seen to be removed, by the clock that all processes share.
type Removals = Arc<Mutex<HashMap<String, Duration>>>;

/// What became of a holder that was stopped for a while.
#[derive(Debug)]
struct Trial {
    stopped: Duration,
    lost: bool,
    /// How long after it thought to hold the lock the key was seen to be removed, in nanoseconds.
    spare: i128,
}

#[test]
fn no_holder_that_was_stopped_thinks_to_hold_what_the_server_has_removed() {
    on_each(async |cluster, client| {
        let servers = servers(cluster);
        let removals = Removals::default();
        let watching = tokio::spawn(note(client, Arc::clone(&removals)));
        let mut all = Vec::new();
        let total = trials(AT_ONCE, 300);
        while all.len() < total {
            let trials: Vec<_> = (all.len()..total.min(all.len() + AT_ONCE))
                .map(|number| {
                    let (servers, removals) = (servers.clone(), Arc::clone(&removals));
                    thread::spawn(move || trial(number, &servers, &removals))
                })
                .collect();
            all.extend(trials.into_iter().map(|trial| trial.join().expect("a trial")));
        }
        watching.abort();
        let violations: Vec<_> = all.iter().filter(|trial| trial.spare < 0).collect();
        let lost = all.iter().filter(|trial| trial.lost).count();
        let short = Duration::from_millis(500);
        let falsely = all.iter().filter(|trial| trial.lost && trial.stopped < short).count();
        let least = all.iter().map(|trial| trial.spare / 1_000_000).min();
        println!(
            "{total} holders stopped for 0 to {:?}: {lost} lost ({falsely} of them stopped for \
             less than {short:?}), {} thought to hold it too long; the closest {} ms before",
            3 * TTL,
            violations.len(),
            least.unwrap_or_default(),
        );
        assert!(violations.is_empty(), "{violations:#?}");
        // Else it was not tried at all.
        assert!(lost > 0 && lost < total, "{lost} of {total} were lost");
    });
}

/// Notes when keys are removed, for as long as it is polled.
async fn note(client: Client, removals: Removals) {
    let mut watcher = client.watch(KeyRange::prefix("stopped-"));
    while let Some(update) = watcher.next().await {
        let Update::Changes(changes) = update.expect("it goes on") else { continue };
        let now = now();
        for event in changes.events.into_iter().filter(|event| event.is_delete()) {
            let key = event.kv.expect("a key").key;
            let key = String::from_utf8_lossy(&key).into_owned();
            removals.lock().expect("nobody panics").entry(key).or_insert(now);
        }
    }
}

fn trial(number: usize, servers: &str, removals: &Removals) -> Trial {
    let mut dice = Dice(number as u64);
    let (name, ttl) = (format!("stopped-{number}"), TTL.as_secs().to_string());
    let mut holder = worker(["hold", servers, &name, &ttl]);
    let line = holder.line();
    let key = line.strip_prefix("held ").expect("it holds it").to_owned();

    thread::sleep(dice.up_to(TTL));
    holder.signal(Signal::SIGSTOP);
    let began = Instant::now();
    thread::sleep(dice.up_to(3 * TTL));
    let stopped = began.elapsed();
    holder.signal(Signal::SIGCONT);

    let line = match holder.line_within(SETTLED) {
        Some(line) => line.text,
        None => {
            drop(holder.stdin());
            holder.line()
        }
    };
    let (fate, until) = line.split_once(' ').expect("its fate, and until when");
    let until: u128 = until.split(' ').next().and_then(|nanos| nanos.parse().ok()).expect("nanos");
    let patience = Instant::now() + PATIENCE;
    // It ends without giving up what it holds.
    let removed = loop {
        let removed = removals.lock().expect("nobody panics").get(&key).copied();
        match removed {
            Some(removed) => break removed,
            None => assert!(Instant::now() < patience, "the key of {name} is never removed"),
        }
        thread::sleep(Duration::from_millis(5));
    };
    let spare = removed.as_nanos() as i128 - until as i128;
    Trial { stopped, lost: fate == "lost", spare }
}

fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every system has it").into()
}
