//! A watch that loses its connection and its member again and again while changes go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use etcd_client::v3::api::WatchCreateRequest;
use etcd_client::v3::{Update, Watcher};
use etcd_client::{Client, Error, KeyRange};
use etcd_live::changes::next;
use etcd_live::etcd::{cluster_of, oldest_and_newest, servers};
use etcd_live::members::{Cluster, Etcd, Options};
use etcd_live::proxy::{Cut, Fuse, Mode, Proxy, Way};
use tokio::sync::Mutex;

use super::writer::{Log, Writer, change};

/// How far the writer may run ahead of the watch, in revisions.
const AHEAD: i64 = 500;
/// How long a fault may take to touch the watch.
const TOUCHES: Duration = Duration::from_secs(2);
/// After so many faults all kinds of them have had their turn.
const ROUND: usize = 40;

/// How much is done on each etcd: for every run, or as much as `V3_WATCH_LONG` asks for.
#[derive(Clone, Copy)]
struct Size {
    reconnects: u64,
    events: usize,
}

fn size() -> Size {
    match std::env::var_os("V3_WATCH_LONG") {
        Some(_) => Size { reconnects: 2000, events: 200_000 },
        None => Size { reconnects: 50, events: 5000 },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_comes_once_through_all_that_can_be_cut() -> Result<(), Error> {
    for etcd in oldest_and_newest() {
        run(&etcd, size()).await?;
    }
    Ok(())
}

/// What the parts of a run know of each other.
#[derive(Debug, Default)]
struct Run {
    /// How far the watch is, how often it was resumed, and whether it stands.
    seen: AtomicI64,
    resumes: AtomicU64,
    stands: AtomicBool,
    written: AtomicUsize,
    /// The next revision is to be larger than a reply.
    large: AtomicBool,
    over: AtomicBool,
}

async fn run(etcd: &Etcd, size: Size) -> Result<(), Error> {
    let options = Options { in_memory: true, ..Options::default() };
    let mut cluster = cluster_of(etcd, 3, &options);
    let proxies: Vec<_> =
        cluster.endpoints().iter().map(|member| Proxy::to(member).expect("a proxy")).collect();
    let through = proxies.iter().map(Proxy::endpoint).collect::<Vec<_>>().join(",");
    let mut writer = Writer::new(&Client::new(&servers(&cluster))?);
    let first = writer.change().await?;
    let watch = WatchCreateRequest::new(KeyRange::prefix("/w/")).start_revision(first).prev_kv();
    let (run, writer) = (Arc::new(Run::default()), Arc::new(Mutex::new(writer)));
    let watcher = Client::new(&through)?.watch(watch);
    let collecting = tokio::spawn(collect(watcher, Arc::clone(&run)));
    let writing = tokio::spawn(write(Arc::clone(&writer), Arc::clone(&run), size));

    let (began, mut faults) = (Instant::now(), 0);
    loop {
        let resumes = run.resumes.load(Ordering::SeqCst);
        if resumes >= size.reconnects {
            break;
        }
        disturb(faults, &proxies, &mut cluster, &writer, &run).await;
        until_touched(&run, resumes).await;
        faults += 1;
    }
    let burnt: usize = proxies.iter().map(Proxy::burnt).sum();
    run.over.store(true, Ordering::SeqCst);
    writing.await.expect("the writer")?;
    let mut writer = writer.lock().await;
    writer.last().await?;
    let (log, resumes) = collecting.await.expect("the watch");
    check(&log, &writer.log);
    println!(
        "etcd {}: {} events in {} revisions, {faults} faults ({burnt} at a byte), {resumes} resumes, \
         {:.1} s: none lost, doubled, out of order or apart",
        etcd.version,
        writer.events,
        writer.log.len(),
        began.elapsed().as_secs_f64(),
    );
    assert!(faults < ROUND || burnt > 0, "no connection was cut at a byte");
    Ok(())
}

/// Makes changes until all faults are done and so many events written; about as many between each
/// two faults.
async fn write(writer: Arc<Mutex<Writer>>, run: Arc<Run>, size: Size) -> Result<(), Error> {
    let (over, written) =
        (|| run.over.load(Ordering::SeqCst), || run.written.load(Ordering::SeqCst));
    let share = size.events / size.reconnects as usize;
    let due = || (run.resumes.load(Ordering::SeqCst) as usize + 1) * share;
    while !over() || written() < size.events {
        let began = Instant::now();
        while !over() && written() >= due() && began.elapsed() < TOUCHES / 20 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut writer = writer.lock().await;
        let revision = match run.large.swap(false, Ordering::SeqCst) {
            true => writer.change_all().await?,
            false => writer.change().await?,
        };
        run.written.store(writer.events, Ordering::SeqCst);
        drop(writer);
        while revision > run.seen.load(Ordering::SeqCst) + AHEAD {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    Ok(())
}

/// Waits until the watch was resumed once more and told anything, or until the fault has not
/// touched it.
async fn until_touched(run: &Run, resumes: u64) {
    let began = Instant::now();
    let stands = || run.stands.load(Ordering::SeqCst);
    let resumed = || run.resumes.load(Ordering::SeqCst) > resumes;
    while !(resumed() && stands()) && began.elapsed() < TOUCHES {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let seen = run.seen.load(Ordering::SeqCst);
    while run.seen.load(Ordering::SeqCst) == seen && began.elapsed() < 2 * TOUCHES {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Every kind of fault in turn; now and then a member dies and comes back.
async fn disturb(
    turn: usize,
    proxies: &[Proxy],
    cluster: &mut Cluster,
    writer: &Mutex<Writer>,
    run: &Run,
) {
    let each = |act: &dyn Fn(&Proxy)| proxies.iter().for_each(act);
    each(&|proxy| proxy.clear_fuse());
    match turn % 8 {
        0 | 4 => each(&|proxy| proxy.cut(Cut::Reset).expect("a cut")),
        1 | 5 => each(&|proxy| proxy.cut(Cut::Finish).expect("a cut")),
        // Within a reply, and so within a frame.
        2 => each(&|proxy| {
            proxy.set_fuse(Fuse::in_reply(1 + turn as u64 * 977 % 5000, Cut::Reset));
        }),
        // Within or between the fragments of one revision.
        6 => {
            run.large.store(true, Ordering::SeqCst);
            let bytes = turn as u64 * 77_777 % (2 * Writer::LARGEST) as u64;
            each(&|proxy| proxy.set_fuse(Fuse::in_reply(bytes, Cut::Finish)));
        }
        // Whichever member has the watch: it moves to another.
        3 => {
            let busy = proxies.iter().max_by_key(|proxy| proxy.open()).expect("a proxy");
            busy.mode(Mode::Refuse).expect("refusing");
            busy.cut(Cut::Reset).expect("a cut");
            tokio::time::sleep(Duration::from_millis(20)).await;
            busy.mode(Mode::Pass).expect("passing");
        }
        _ if turn % ROUND == 7 => {
            // What a write without an answer has done is another test's.
            let _nobody_writes = writer.lock().await;
            let busy =
                proxies.iter().enumerate().max_by_key(|(_, proxy)| proxy.carried(Way::ToClient));
            let member = if turn.is_multiple_of(3) { busy.expect("a proxy").0 } else { turn % 3 };
            cluster.kill(member).expect("a member can be killed");
            cluster.start_again(member).expect("a member starts again");
            cluster.wait_healthy().expect("a member gets well");
        }
        _ => {
            each(&|proxy| proxy.set_fuse(Fuse::before_request(9 + turn as u64 % 40)));
            each(&|proxy| proxy.cut(Cut::Reset).expect("a cut"));
        }
    }
}

/// All that a watch tells, up to the last key.
async fn collect(mut watcher: Watcher, run: Arc<Run>) -> (Log, u64) {
    let mut log = Log::new();
    loop {
        let looking = tokio::time::timeout(Duration::from_millis(2), next(&mut watcher));
        let update = looking.await;
        let status = watcher.status();
        run.resumes.store(status.resumes, Ordering::SeqCst);
        run.stands.store(status.stands, Ordering::SeqCst);
        let Ok(Update::Changes(changes)) = update else { continue };
        assert!(!changes.inferred);
        let before = log.last_key_value().map_or(0, |(revision, _)| *revision);
        let mut last = false;
        for (revision, change) in changes.events.iter().map(change) {
            assert!(revision > before, "revision {revision} came after {before}, or in two parts");
            assert!(log.last_key_value().is_none_or(|(last, _)| *last <= revision), "out of order");
            last |= change.0 == "/w/last";
            log.entry(revision).or_default().push(change);
        }
        assert_eq!(watcher.position(), Some((changes.revision().0 + 1).into()));
        run.seen.store(changes.revision().0, Ordering::SeqCst);
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
        assert!(Some(changes) == written.get(revision), "revision {revision} came differently");
    }
}
