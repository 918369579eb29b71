//! How watches end: compaction, a drop, a user who may not; and what is told where history is gone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use etcd_client::v3::api::{CompactionRequest, DeleteRangeRequest, FilterType, WatchCreateRequest};
use etcd_client::v3::{Update, WatchOptions, Watcher};
use etcd_client::{Client, Error, ErrorKind, KeyRange};
use etcd_live::changes::next;
use etcd_live::each::try_on_each_server;
use etcd_live::etcd::{cluster_of, newest, oldest_and_newest};
use etcd_live::members::{Cluster, Options};
use etcd_live::proxy::{Cut, Mode, Proxy};

use super::writer::{Log, Writer, change, kept};

/// How long the server may take to notice.
const NOTICED: Duration = Duration::from_secs(20);

fn one(etcd: &etcd_live::members::Etcd) -> (Cluster, Proxy) {
    let cluster = cluster_of(etcd, 1, &Options { in_memory: true, ..Options::default() });
    let proxy = Proxy::to(&cluster.endpoints()[0]).expect("a proxy");
    (cluster, proxy)
}

/// How many watches a member has.
fn watchers(cluster: &Cluster) -> u64 {
    let (_, metrics) = cluster.members()[0].get("/metrics").expect("metrics");
    let line = metrics.lines().find(|line| line.starts_with("etcd_debugging_mvcc_watcher_total"));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).expect("a number of watchers")
}

async fn until_watchers(cluster: &Cluster, wanted: u64) {
    let began = Instant::now();
    while watchers(cluster) != wanted {
        assert!(began.elapsed() < NOTICED, "{} watches, not {wanted}", watchers(cluster));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn dropping_a_watch_ends_it_on_the_server() -> Result<(), Error> {
    for etcd in oldest_and_newest() {
        let (cluster, _) = one(&etcd);
        let client = Client::new(&cluster.endpoints()[0])?;
        let mut all: Vec<Watcher> = (0..50).map(|i| client.watch(format!("/k/{i}"))).collect();
        for watcher in &mut all {
            assert!(watcher.created().await.is_some());
        }
        assert_eq!(watchers(&cluster), 50);
        all.truncate(20);
        until_watchers(&cluster, 20).await;
        // Those that are left still hear.
        client.kv().put("/k/3", "a").await?;
        assert!(matches!(next(&mut all[3]).await, Update::Changes(_)));
        drop(all);
        until_watchers(&cluster, 0).await;
        let mut again = client.watch("/k/1");
        assert!(again.created().await.is_some());
        drop((client, again));
        until_watchers(&cluster, 0).await;
    }
    Ok(())
}

#[test]
fn a_watch_whose_history_is_gone_ends_with_what_is_kept() {
    try_on_each_server(async |_, client| {
        let mut revision = 0;
        for i in 0..10 {
            revision = client.kv().put("/k", format!("{i}")).await?.revision().0;
        }
        client.kv().compact(CompactionRequest::new(revision - 2)).await?;
        let mut watcher = client.watch(WatchCreateRequest::new("/k").start_revision(revision - 5));
        let error = watcher.next().await.unwrap().unwrap_err();
        let kept = ErrorKind::Compacted { revision: (revision - 2).into() };
        assert_eq!(error.kind(), &kept, "{error}");
        assert!(watcher.next().await.is_none());
        Ok(())
    });
}

/// While the watch is cut off, history is compacted beyond it: the difference is what changed.
#[test]
fn what_was_missed_is_told_as_a_difference_where_that_is_asked_for() {
    try_on_each_server(async |server, client| {
        let proxy = Proxy::to(server.endpoint()).expect("a proxy");
        let (writing, watching) = (client, Client::new(&proxy.endpoint())?);
        let mut writer = Writer::new(&writing);
        for _ in 0..30 {
            writer.change().await?;
        }
        let options = WatchOptions::new().relist();
        let mut watcher = watching.watch_with(KeyRange::prefix("/w/"), options);
        let from = watcher.created().await.expect("it stands").0;
        let mut state = state_before(&writer, from);
        for round in 0..3 {
            for _ in 0..5 {
                writer.change().await?;
            }
            if round == 1 {
                proxy.mode(Mode::Refuse).expect("refusing");
                proxy.cut(Cut::Reset).expect("a cut");
                for _ in 0..40 {
                    writer.change().await?;
                }
                writing.kv().delete(DeleteRangeRequest::new("/w/00")).await?;
                let revision = writing.kv().put("/x/end", "").await?.revision();
                writing.kv().compact(CompactionRequest::new(revision)).await?;
                proxy.mode(Mode::Pass).expect("passing");
            }
        }
        writer.last().await?;
        let (mut gaps, mut after_gap) = (0, false);
        while !state.contains_key("/w/last") {
            match next(&mut watcher).await {
                Update::Gap(gap) => {
                    assert!(gap.first <= gap.last, "{gap:?}");
                    (gaps, after_gap) = (gaps + 1, true);
                }
                Update::Changes(changes) => {
                    assert_eq!(changes.inferred, std::mem::take(&mut after_gap));
                    for (_, (key, value)) in changes.events.iter().map(change) {
                        match value {
                            Some(value) => state.insert(key, value),
                            None => state.remove(&key),
                        };
                    }
                }
                _ => {}
            }
        }
        assert_eq!(gaps, 1);
        assert_eq!(state, stored(&writing).await?);
        Ok(())
    });
}

fn state_before(writer: &Writer, revision: i64) -> BTreeMap<String, Vec<u8>> {
    let mut state = BTreeMap::new();
    for (key, value) in writer.log.range(..revision).flat_map(|(_, changes)| changes.clone()) {
        match value {
            Some(value) => state.insert(key, value),
            None => state.remove(&key),
        };
    }
    state
}

async fn stored(client: &Client) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let found = client.kv().range(KeyRange::prefix("/w/")).await?.kvs;
    let entry = |entry: &etcd_client::v3::api::KeyValue| {
        (entry.key_str().expect("text").to_owned(), kept(&entry.value))
    };
    Ok(found.iter().map(entry).collect())
}

#[test]
fn options_are_the_server_s() {
    try_on_each_server(async |_, client| {
        let client = client.namespace("/n");
        let first = client.kv().put("/k/a", "1").await?.revision();
        client.kv().put("/k/a", "2").await?;
        client.kv().delete("/k/a").await?;
        let range = || WatchCreateRequest::new(KeyRange::prefix("/k/")).start_revision(first);
        let mut puts = client.watch(range().filter(FilterType::NODELETE).prev_kv());
        let mut deletes = client.watch(range().filter(FilterType::NOPUT));
        let (mut seen, mut gone) = (Vec::new(), Vec::new());
        while seen.len() < 2 || gone.is_empty() {
            let (watcher, into) = match gone.is_empty() {
                true => (&mut deletes, &mut gone),
                false => (&mut puts, &mut seen),
            };
            if let Update::Changes(changes) = next(watcher).await {
                into.extend(changes.events);
            }
        }
        assert!(
            seen.iter().all(|event| event.is_put()) && gone.iter().all(|event| event.is_delete())
        );
        let before = seen[1].prev_kv.as_ref().expect("the value before");
        assert_eq!((&before.key[..], &before.value[..]), (&b"/k/a"[..], &b"1"[..]));
        // A revision that is yet to come.
        let mut later = client.watch(WatchCreateRequest::new("/k/b").start_revision(first.0 + 5));
        client.kv().put("/k/b", "1").await?;
        client.kv().put("/k/b", "2").await?;
        client.kv().put("/k/b", "3").await?;
        let Update::Changes(changes) = next(&mut later).await else { panic!("no change") };
        assert_eq!(change(&changes.events[0]).0, first.0 + 5);
        let mut quiet = client.watch("/k/quiet");
        quiet.created().await.expect("it stands");
        quiet.request_progress();
        assert!(matches!(next(&mut quiet).await, Update::Progress(_)));
        Ok(())
    });
}

#[tokio::test]
async fn patience_ends_a_watch_that_no_member_will_have() -> Result<(), Error> {
    let (cluster, proxy) = one(&newest());
    let client = Client::new(&proxy.endpoint())?;
    let options = WatchOptions::new().patience(Duration::from_secs(1));
    let mut watcher = client.watch_with("/k", options);
    watcher.created().await.expect("it stands");
    drop(cluster);
    let error = watcher.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Unreachable, "{error}");
    Ok(())
}

/// A position is where another watch, of another client even, goes on with nothing missing.
#[tokio::test]
async fn another_watch_goes_on_from_a_position() -> Result<(), Error> {
    for etcd in oldest_and_newest() {
        let (cluster, _) = one(&etcd);
        let mut writer = Writer::new(&Client::new(&cluster.endpoints()[0])?);
        let (mut told, mut from) = (Log::new(), writer.change().await?);
        for _ in 0..60 {
            writer.change().await?;
        }
        let last = writer.last().await?;
        while from <= last {
            let client = Client::new(&cluster.endpoints()[0])?;
            let range = KeyRange::prefix("/w/");
            let mut watcher = client.watch(WatchCreateRequest::new(range).start_revision(from));
            assert_eq!(watcher.position(), Some(from.into()));
            let Update::Changes(changes) = next(&mut watcher).await else { continue };
            for (revision, change) in changes.events.iter().map(change) {
                told.entry(revision).or_default().push(change);
            }
            assert!(watcher.position() > Some(from.into()));
            from = watcher.position().expect("a position").0;
            watcher.cancel();
            assert!(watcher.next().await.is_none());
        }
        told.values_mut().for_each(|changes| changes.sort());
        assert_eq!(told, writer.log);
        until_watchers(&cluster, 0).await;
    }
    Ok(())
}

#[tokio::test]
async fn what_asks_for_nothing_is_refused_at_once() -> Result<(), Error> {
    let nowhere = Client::new("127.0.0.1:1")?;
    let before = WatchCreateRequest { start_revision: -1, ..WatchCreateRequest::new("/k") };
    let filtered = WatchCreateRequest::new("/k").filter(FilterType::NOPUT);
    for (request, options) in [
        (before, WatchOptions::new()),
        (WatchCreateRequest::new(KeyRange::between("b", "a")), WatchOptions::new()),
        (filtered, WatchOptions::new().relist()),
    ] {
        let mut watcher = nowhere.watch_with(request, options);
        assert_eq!(watcher.created().await, None);
        let error = watcher.next().await.expect("an end").expect_err("an error");
        assert_eq!(error.kind(), &ErrorKind::InvalidInput, "{error}");
        assert!(watcher.next().await.is_none());
    }
    Ok(())
}

/// A watch that lists again may begin before what is kept, and after what there is.
#[test]
fn a_difference_leads_from_any_start_to_what_there_is() {
    try_on_each_server(async |_, client| {
        let mut writer = Writer::new(&client);
        let first = writer.change().await?;
        for _ in 0..30 {
            writer.change().await?;
        }
        let (last, mut told) = (client.kv().put("/x/end", "").await?.revision().0, Log::new());
        let watch =
            |from: i64| WatchCreateRequest::new(KeyRange::prefix("/w/")).start_revision(from);
        let options = || WatchOptions::new().relist();
        let mut whole = client.watch_with(watch(1), options());
        while told.len() < writer.log.len() {
            let Update::Changes(changes) = next(&mut whole).await else { panic!("no change") };
            for (revision, change) in changes.events.iter().map(change) {
                told.entry(revision).or_default().push(change);
            }
        }
        told.values_mut().for_each(|changes| changes.sort());
        assert_eq!(told, writer.log);
        client.kv().compact(CompactionRequest::new(last)).await?;
        let mut early = client.watch_with(watch(first), options());
        let Update::Gap(gap) = next(&mut early).await else { panic!("no gap") };
        assert_eq!((gap.first.0, gap.last.0), (first, last));
        assert_eq!(early.position(), Some(first.into()), "the difference is still to come");
        let Update::Changes(changes) = next(&mut early).await else { panic!("no difference") };
        let state: BTreeMap<_, _> = changes
            .events
            .iter()
            .map(|event| change(event).1)
            .map(|(key, value)| (key, value.expect("nothing was known, so nothing is gone")))
            .collect();
        assert!(changes.inferred);
        assert_eq!(state, stored(&client).await?);
        assert_eq!(early.position(), Some((last + 1).into()));

        let mut later = client.watch_with(watch(last + 2), options());
        later.created().await.expect("it stands");
        for value in ["1", "2", "3"] {
            client.kv().put("/w/later", value).await?;
        }
        let Update::Changes(changes) = next(&mut later).await else { panic!("no change") };
        assert_eq!(change(&changes.events[0]).0, last + 2);
        Ok(())
    });
}
