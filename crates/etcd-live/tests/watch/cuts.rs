//! A watch whose connections are cut again and again while changes go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use etcd_client::Error;
use etcd_client::v2::{Client, Event, Gap, WatchOptions, Watcher};
use etcd_live::etcd;
use etcd_live::proxy::{Cut, Mode, Proxy};

use super::model::{Map, Writer, Written};
use super::next;

/// Connections are cut so often, half of them by RST and half by FIN …
const CUTS: usize = 100;
/// … with so many changes from one to the next,
const BETWEEN: usize = 100;
/// and after these the server stays out of reach for more changes than its history holds …
const LONG_OUTAGES: [usize; 3] = [20, 50, 80];
const LONG: usize = 1500;
/// … or after these for fewer.
const SHORT_OUTAGES: [usize; 3] = [10, 40, 70];
const SHORT: usize = 500;
/// How far the writer may run ahead of the watch while nothing is wrong.
const AHEAD: u64 = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_once_and_in_order_through_a_hundred_cuts() -> Result<(), Error> {
    let cluster = etcd::cluster(1);
    let member = cluster.endpoints().remove(0);
    let proxy = Proxy::to(&member).expect("a proxy");
    let mut writer = Writer::new(Client::new(&member)?);
    writer.change().await?;
    let first = writer.log[0].index;

    let options = WatchOptions::new().recursive().from_index(first);
    let watcher = Client::new(&proxy.endpoint())?.watch("/w", options)?;
    let seen = Arc::new(AtomicU64::new(0));
    let events = tokio::spawn(collect(watcher, Arc::clone(&seen)));
    let began = Instant::now();
    for cut in 0..CUTS {
        change(&mut writer, BETWEEN, &seen).await?;
        disturb(cut, &proxy, &mut writer).await?;
    }
    let took = began.elapsed();
    let last = writer.end("/w/last").await?;
    let events = events.await.expect("the watch");

    let gaps = check(&events, &writer.log);
    assert_eq!(gaps.len(), LONG_OUTAGES.len(), "{gaps:?}");
    let mut map = Map::default();
    told(&events).for_each(|written| map.apply(&written));
    assert_eq!(map, Map::stored(&Client::new(&member)?, "/w").await?);
    assert_eq!(events.last().and_then(index), Some(last));

    let missing: u64 = gaps.iter().map(|gap| gap.last - gap.first + 1).sum();
    println!(
        "{} changes, {CUTS} cuts, {} connections, {:.1} s: none lost, doubled or out of order",
        writer.log.len(),
        proxy.accepted(),
        took.as_secs_f64()
    );
    println!("{} gaps announced over {missing} indexes; {} keys equal", gaps.len(), map.len());
    Ok(())
}

/// Makes changes, and lets the watch keep up.
async fn change(writer: &mut Writer, count: usize, seen: &AtomicU64) -> Result<(), Error> {
    for _ in 0..count {
        writer.change().await?;
        let written = writer.log.last().map_or(0, |written| written.index);
        while written > seen.load(Ordering::SeqCst) + AHEAD {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    Ok(())
}

async fn disturb(cut: usize, proxy: &Proxy, writer: &mut Writer) -> Result<(), Error> {
    let how = if cut.is_multiple_of(2) { Cut::Reset } else { Cut::Finish };
    let missed = match cut {
        _ if LONG_OUTAGES.contains(&cut) => LONG,
        _ if SHORT_OUTAGES.contains(&cut) => SHORT,
        _ => {
            proxy.cut(how).expect("a cut");
            return Ok(());
        }
    };
    proxy.mode(Mode::Refuse).expect("refusing");
    proxy.cut(how).expect("a cut");
    for _ in 0..missed {
        writer.change().await?;
    }
    proxy.mode(Mode::Pass).expect("passing");
    Ok(())
}

/// All events up to the change of `/w/last`.
async fn collect(mut watcher: Watcher, seen: Arc<AtomicU64>) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let event = next(&mut watcher).await;
        let reached = match &event {
            Event::Gap(gap) => gap.last,
            event => index(event).unwrap_or_default(),
        };
        seen.fetch_max(reached, Ordering::SeqCst);
        let last = matches!(&event, Event::Change(change) if change.key == "/w/last");
        events.push(event);
        if last {
            return events;
        }
    }
}

/// Outside of gaps exactly the log; after a gap exactly what turns the map before it into the one
/// after it. Answers with the gaps.
fn check(events: &[Event], log: &[Written]) -> Vec<Gap> {
    let (mut log, mut gaps) = (log.iter().peekable(), Vec::new());
    let (mut expected, mut told) = (Map::default(), Map::default());
    let mut inferred_until = 0;
    for event in events {
        match event {
            Event::Gap(gap) => {
                assert_eq!(log.peek().map(|next| next.index), Some(gap.first), "{gap:?}");
                while let Some(missing) = log.next_if(|next| next.index <= gap.last) {
                    expected.apply(missing);
                }
                inferred_until = gap.last;
                gaps.push(*gap);
            }
            Event::Change(change) if change.inferred => {
                assert!(change.index <= inferred_until, "{change:?}");
                told.apply(&change.into());
            }
            Event::Change(change) => {
                assert_eq!(told, expected, "before {change:?}");
                let written = log.next().unwrap_or_else(|| panic!("nobody wrote {change:?}"));
                assert_eq!(Written::from(change), *written);
                expected.apply(written);
                told.apply(written);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(log.next(), None, "not told");
    gaps
}

fn told(events: &[Event]) -> impl Iterator<Item = Written> {
    events.iter().filter_map(|event| match event {
        Event::Change(change) => Some(change.into()),
        _ => None,
    })
}

fn index(event: &Event) -> Option<u64> {
    match event {
        Event::Change(change) => Some(change.index),
        _ => None,
    }
}
