//! A watch that nobody reads, beside calls and watches that go on.
//!
//! Alone in its program, whose memory it measures.

// Whoever asks for it is told what was measured.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use etcd_client::v3::{Update, WatchOptions};
use etcd_client::{Client, Error, KeyRange, Ttl};
use etcd_live::changes::next;
use etcd_live::etcd::{cluster_of, oldest_and_newest};
use etcd_live::members::Options;

const MIB: u64 = 1 << 20;
/// How much is written while the watch is not read.
const WRITTEN: u64 = 64 * MIB;
const VALUE: usize = 64 << 10;

/// The resident memory of this process, in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("/proc/self/statm");
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("a number of pages") * 4096
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unread_watch_costs_its_queue_and_holds_up_nobody() -> Result<(), Error> {
    for etcd in oldest_and_newest() {
        let cluster = cluster_of(&etcd, 1, &Options { in_memory: true, ..Options::default() });
        let client = Client::new(&cluster.endpoints()[0])?;
        let options = WatchOptions::new().queue(1000, MIB as usize);
        let mut unread = client.watch_with(KeyRange::prefix("/w/"), options);
        let mut read = client.watch("/other");
        let lease = client.lease().grant_and_keep(Ttl::from_seconds(5).unwrap()).await?;
        let from = unread.created().await.expect("it stands");
        read.created().await.expect("it stands");
        client.kv().put("/w/warm", vec![b'x'; VALUE]).await?;
        let (before, began, mut slowest) = (resident(), Instant::now(), Duration::ZERO);
        let (mut most, count) = (0, WRITTEN / VALUE as u64);
        for i in 0..count {
            let put = Instant::now();
            client.kv().put(format!("/w/{}", i % 100), vec![b'x'; VALUE]).await?;
            slowest = slowest.max(put.elapsed());
            if i % 50 == 0 {
                client.kv().put("/other", format!("{i}")).await?;
                assert!(matches!(next(&mut read).await, Update::Changes(_)));
                most = most.max(resident().saturating_sub(before));
            }
        }
        assert!(!unread.status().stands, "it was not let go of, and holds all");
        assert!(most < 9 * MIB, "etcd {}: {} MiB for a queue of one", etcd.version, most / MIB);
        assert!(lease.surely_held_for() > Duration::ZERO, "the lease was not renewed");
        // What overflowed is in the server's history: all of it comes, in order.
        let (mut told, mut last) = (0, from.0 - 1);
        while told < count + 1 {
            if let Update::Changes(changes) = next(&mut unread).await {
                for event in changes.events {
                    let revision = event.kv.expect("a key").mod_revision;
                    assert!(revision > last);
                    (told, last) = (told + 1, revision);
                }
            }
        }
        println!(
            "etcd {}: {} MiB unread for {:.1} s, {} KiB more memory, slowest put {slowest:.1?}",
            etcd.version,
            WRITTEN / MIB,
            began.elapsed().as_secs_f64(),
            most / 1024,
        );
    }
    Ok(())
}
