//! A counter that processes add to under a lock, while they are stopped.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use etcd_client::v3::api::RangeRequest;
use etcd_client::{Client, KeyRange};
use etcd_live::each::{PATIENCE, on_each};
use etcd_live::etcd::servers;
use nix::sys::signal::Signal;

use crate::worker::{Dice, trials, worker};

const TTL: Duration = Duration::from_secs(2);
const WORKERS: usize = 4;

/// What a run came to.
#[derive(Debug)]
#[allow(dead_code, reason = "it is printed")]
struct Run {
    /// How many additions there were, by the keys that stand for each.
    additions: u64,
    /// What the counter says.
    counted: u64,
    stops: usize,
    took: Duration,
}

#[test]
fn under_a_fence_no_update_is_lost_and_without_one_some_are() {
    on_each(async |cluster, client| {
        let servers = servers(cluster);
        let wanted = trials(500, 20_000);
        let fenced =
            run(&client, &servers, "fenced", wanted, trials(40, 150), Duration::ZERO).await;
        println!("fenced: {fenced:?}");
        assert_eq!(fenced.counted, fenced.additions, "no update is lost");
        assert!(fenced.additions >= wanted as u64 && fenced.stops > 0);
        // Stopped for longer than a lease lasts without them: others have been there meanwhile.
        let control = run(&client, &servers, "unfenced", 200, 20, 2 * TTL).await;
        println!("control: {control:?}");
        assert!(control.counted < control.additions, "the stops do no harm: {control:?}");
    });
}

/// Has workers add until there were so many additions. Each stops itself between reading and
/// writing every `stop`-th time, and besides that all are stopped at any time.
async fn run(
    client: &Client,
    servers: &str,
    fenced: &str,
    wanted: usize,
    stop: usize,
    least: Duration,
) -> Run {
    let began = Instant::now();
    let (over, stops) = (AtomicBool::new(false), AtomicUsize::new(0));
    let counted = tokio::runtime::Handle::current();
    let stop = stop.to_string();
    tokio::task::block_in_place(|| {
        thread::scope(|scope| {
            let workers: Vec<_> = (0..WORKERS)
                .map(|number| {
                    let ttl = TTL.as_secs().to_string();
                    let worker = worker(["count", servers, fenced, &ttl, fenced, &stop]);
                    let (over, stops) = (&over, &stops);
                    scope.spawn(move || watch_over(worker, number as u64, least, over, stops))
                })
                .collect();
            while counted.block_on(additions(client, fenced)) < wanted as u64
                && workers.iter().all(|worker| !worker.is_finished())
            {
                thread::sleep(Duration::from_millis(50));
            }
            over.store(true, Ordering::SeqCst);
        });
    });
    let counter = client.kv().get(format!("counter/{fenced}")).await.expect("an answer");
    let counted = counter.expect("it was counted").value_str().expect("text").parse();
    Run {
        additions: additions(client, fenced).await,
        counted: counted.expect("a number"),
        stops: stops.into_inner(),
        took: began.elapsed(),
    }
}

/// Lets a worker go on that has stopped itself, stops it now and then, and ends it when all is over.
fn watch_over(
    mut worker: etcd_live::program::Running,
    seed: u64,
    least: Duration,
    over: &AtomicBool,
    stops: &AtomicUsize,
) {
    let mut dice = Dice(seed);
    let most = 3 * TTL;
    let mut next = Instant::now() + dice.up_to(5 * most);
    while !over.load(Ordering::SeqCst) && worker.is_running() {
        let itself = worker.line_within(Duration::from_millis(20)).is_some();
        if !itself && Instant::now() < next {
            continue;
        }
        if !itself {
            worker.signal(Signal::SIGSTOP);
        }
        stops.fetch_add(1, Ordering::SeqCst);
        let until = Instant::now() + least + dice.up_to(most - least);
        while Instant::now() < until && !over.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(10));
        }
        next = Instant::now() + dice.up_to(5 * most);
        worker.signal(Signal::SIGCONT);
    }
    drop(worker.stdin());
    // It may have printed that it stops, and not have done so yet.
    let patience = Instant::now() + PATIENCE;
    while worker.is_running() {
        assert!(Instant::now() < patience, "a worker goes on and on");
        worker.signal(Signal::SIGCONT);
        thread::sleep(Duration::from_millis(100));
    }
    let ended = worker.wait();
    assert_eq!(ended.status, 0, "{}", ended.stderr);
}

async fn additions(client: &Client, fenced: &str) -> u64 {
    let all = RangeRequest::new(KeyRange::prefix(format!("additions/{fenced}/"))).count_only();
    client.kv().range(all).await.expect("an answer").count as u64
}
