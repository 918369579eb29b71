//! A watch that loses its connection and its member again and again while changes go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use etcd_client::v3::api::WatchCreateRequest;
use etcd_client::v3::{Update, Watcher};
use etcd_client::{Client, Error, KeyRange};
use etcd_live::etcd::{cluster_of, oldest_and_newest};
use etcd_live::members::{Cluster, Etcd, Options};
use etcd_live::proxy::{Cut, Fuse, Mode, Proxy};

use super::next;
use super::writer::{Log, Writer, change};

/// How far the writer may run ahead of the watch, in revisions.
const AHEAD: i64 = 2000;

/// How much is done: for every run, or as long as `V3_WATCH_LONG` says.
struct Size {
    reconnects: usize,
    events: usize,
}

fn size() -> Size {
    match std::env::var_os("V3_WATCH_LONG") {
        Some(_) => Size { reconnects: 2000, events: 200_000 },
        None => Size { reconnects: 150, events: 12_000 },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_comes_once_through_all_that_can_be_cut() -> Result<(), Error> {
    for etcd in oldest_and_newest() {
        run(&etcd, size()).await?;
    }
    Ok(())
}

async fn run(etcd: &Etcd, Size { reconnects, events }: Size) -> Result<(), Error> {
    let options = Options { in_memory: true, ..Options::default() };
    let mut cluster = cluster_of(etcd, 3, &options);
    let proxies: Vec<_> =
        cluster.endpoints().iter().map(|member| Proxy::to(member).expect("a proxy")).collect();
    let through = proxies.iter().map(Proxy::endpoint).collect::<Vec<_>>().join(",");
    let writing = Client::new(&cluster.endpoints().join(","))?;
    let watching = Client::new(&through)?;

    let mut writer = Writer::new(&writing);
    let first = writer.change().await?;
    let watch = WatchCreateRequest::new(KeyRange::prefix("/w/")).start_revision(first);
    let seen = Arc::new(AtomicI64::new(0));
    let collecting = tokio::spawn(collect(watching.watch(watch), Arc::clone(&seen)));

    let began = Instant::now();
    let mut faults = 0;
    while writer.events < events || faults < reconnects {
        let revision = writer.change().await?;
        while revision > seen.load(Ordering::SeqCst) + AHEAD {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if writer.events * reconnects >= faults * events {
            disturb(faults, &proxies, &mut cluster).await;
            faults += 1;
        }
    }
    proxies.iter().for_each(|proxy| {
        proxy.mode(Mode::Pass).expect("passing");
        proxy.clear_fuse();
    });
    writer.last().await?;
    let (log, resumes) = collecting.await.expect("the watch");
    check(&log, &writer.log);
    println!(
        "etcd {}: {} events in {} revisions, {faults} faults, {resumes} resumes, {} connections, \
         {:.1} s: none lost, doubled, out of order or apart",
        etcd.version,
        writer.events,
        writer.log.len(),
        proxies.iter().map(Proxy::accepted).sum::<usize>(),
        began.elapsed().as_secs_f64(),
    );
    assert!(resumes as usize * 4 > faults, "the faults did not touch the watch");
    Ok(())
}

/// Every kind of fault in turn; now and then a member dies and comes back.
async fn disturb(turn: usize, proxies: &[Proxy], cluster: &mut Cluster) {
    let each = |act: &dyn Fn(&Proxy)| proxies.iter().for_each(act);
    match turn % 8 {
        0 | 4 => each(&|proxy| proxy.cut(Cut::Reset).expect("a cut")),
        1 | 5 => each(&|proxy| proxy.cut(Cut::Finish).expect("a cut")),
        // Within a reply, and so within a frame or between fragments.
        2 | 6 => each(&|proxy| {
            proxy.set_fuse(Fuse::in_reply(1 + turn as u64 * 977 % 50_000, Cut::Reset))
        }),
        // Whichever member has the watch: it moves to another.
        3 => {
            let busy = proxies.iter().max_by_key(|proxy| proxy.open()).expect("a proxy");
            busy.mode(Mode::Refuse).expect("refusing");
            busy.cut(Cut::Reset).expect("a cut");
            tokio::time::sleep(Duration::from_millis(20)).await;
            busy.mode(Mode::Pass).expect("passing");
        }
        _ if turn % 40 == 7 => {
            let member = turn / 40 % 3;
            cluster.kill(member).expect("a member can be killed");
            cluster.start_again(member).expect("a member starts again");
            cluster.wait_healthy().expect("a member gets well");
        }
        _ => each(&|proxy| proxy.set_fuse(Fuse::before_request(9 + turn as u64 % 40))),
    }
}

/// All that a watch tells, up to the last key.
async fn collect(mut watcher: Watcher, seen: Arc<AtomicI64>) -> (Log, u64) {
    let mut log = Log::new();
    loop {
        let Update::Changes(changes) = next(&mut watcher).await else { continue };
        assert!(!changes.inferred);
        let before = log.last_key_value().map_or(0, |(revision, _)| *revision);
        let mut last = false;
        for (revision, change) in changes.events.iter().map(change) {
            assert!(revision > before, "revision {revision} came after {before}, or in two parts");
            assert!(log.last_key_value().is_none_or(|(last, _)| *last <= revision), "out of order");
            last |= change.0 == "/w/last";
            log.entry(revision).or_default().push(change);
        }
        seen.store(changes.revision().0, Ordering::SeqCst);
        if last {
            log.values_mut().for_each(|changes| changes.sort());
            return (log, watcher.status().resumes);
        }
    }
}

fn check(told: &Log, written: &Log) {
    let lost: Vec<_> = written.keys().filter(|revision| !told.contains_key(revision)).collect();
    assert!(lost.is_empty(), "revisions {lost:?} were not told");
    let strange: Vec<_> = told.keys().filter(|revision| !written.contains_key(revision)).collect();
    assert!(strange.is_empty(), "revisions {strange:?} were told, and nobody wrote them");
    for (revision, changes) in told {
        assert_eq!(Some(changes), written.get(revision), "revision {revision}");
    }
}
