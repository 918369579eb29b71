//! Writes whose outcome is known from the store: each key is written or deleted once.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use etcd_client::v3::api::{KeyValue, PutRequest, TxnRequest};
use etcd_client::{Client, Error, KeyRange, Outcome};

use super::strike::Fault;

/// How many keys of each writer stand before, to be deleted.
const STANDING: usize = 128;

/// What was done to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Put,
    Create,
    Transaction,
    Delete,
}

/// What a write reported.
#[derive(Debug)]
struct Report {
    key: String,
    deed: Deed,
    fate: Result<(), Outcome>,
}

/// What all writes below some prefixes reported.
#[derive(Debug, Default)]
pub(super) struct Log {
    prefixes: Vec<String>,
    reports: Vec<Report>,
}

/// How writes went.
#[derive(Debug, Default)]
pub(super) struct Counts {
    done: usize,
    not_applied: usize,
    unknown: usize,
    unknown_and_applied: usize,
}

/// Writes until it is over.
pub(super) async fn write(client: Client, mut log: Log, over: Arc<AtomicBool>) -> Log {
    let prefix = log.prefixes[0].clone();
    for number in 0.. {
        if over.load(Ordering::SeqCst) {
            break;
        }
        let deed = match number % 4 {
            0 => Deed::Put,
            1 => Deed::Create,
            2 => Deed::Transaction,
            _ if number < 4 * STANDING => Deed::Delete,
            _ => Deed::Put,
        };
        let key = match deed {
            Deed::Delete => standing(&prefix, number / 4),
            _ => format!("{prefix}/{number:05}"),
        };
        let fate = done(&client, deed, &key).await.map_err(|error| error.outcome());
        log.reports.push(Report { key, deed, fate });
    }
    log
}

fn standing(prefix: &str, number: usize) -> String {
    format!("{prefix}/standing-{number:05}")
}

async fn done(client: &Client, deed: Deed, key: &str) -> Result<(), Error> {
    let kv = client.kv();
    match deed {
        Deed::Put => kv.put(key, key).await.map(drop),
        Deed::Create => kv.create(key, key).await.map(drop),
        Deed::Transaction => {
            let put = PutRequest::new(key.to_owned(), key.to_owned());
            kv.txn(TxnRequest::new().then([put])).await.map(drop)
        }
        Deed::Delete => kv.delete(key).await.map(drop),
    }
}

impl Log {
    /// An empty one, with keys below its prefix that can be deleted.
    pub(super) async fn begin(prefix: String, witness: &Client) -> Self {
        let put = |number| PutRequest::new(standing(&prefix, number), "stands");
        let all = TxnRequest::new().then((0..STANDING).map(put));
        witness.kv().txn(all).await.expect("keys to delete");
        Self { prefixes: vec![prefix], reports: Vec::new() }
    }

    pub(super) fn append(&mut self, mut other: Self) {
        self.prefixes.append(&mut other.prefixes);
        self.reports.append(&mut other.reports);
    }

    /// Holds every report against the store.
    pub(super) async fn check(&self, witness: &Client) -> Counts {
        let mut stored = BTreeMap::new();
        for prefix in &self.prefixes {
            let range = KeyRange::prefix(format!("{prefix}/"));
            let reply = witness.kv().range(range).await.expect("what is there can be read");
            stored.extend(reply.kvs.into_iter().map(|kv| (kv.key.clone(), kv)));
        }
        let mut counts = Counts::default();
        for report in &self.reports {
            counts.count(report, stored.get(report.key.as_bytes()));
        }
        counts
    }
}

impl Counts {
    fn count(&mut self, Report { key, deed, fate }: &Report, found: Option<&KeyValue>) {
        let applied = found.is_some() != (*deed == Deed::Delete);
        match fate {
            Ok(()) | Err(Outcome::Applied) => {
                assert!(applied, "{deed:?} of {key} was done, and is lost");
                self.done += 1;
            }
            Err(Outcome::NotApplied) => {
                assert!(!applied, "{deed:?} of {key} was reported as not applied: {found:?}");
                self.not_applied += 1;
            }
            Err(_) => {
                self.unknown += 1;
                self.unknown_and_applied += usize::from(applied);
            }
        }
        if let Some(found) = found.filter(|_| *deed != Deed::Delete) {
            assert_eq!(found.version, 1, "{deed:?} of {key} was carried out twice");
        }
    }

    /// Fails where a fault left no trace that it must leave: nothing was looked at then.
    pub(super) fn assert_plausible(&self, fault: Fault) {
        let missing = self.unknown - self.unknown_and_applied;
        let left_a_trace = match fault {
            Fault::ResetBefore => missing > 0,
            Fault::ResetAfter => self.unknown_and_applied > 0,
            Fault::Kill | Fault::Goaway => self.not_applied > 0,
            Fault::Stop => self.unknown > 0,
        };
        assert!(self.done > 0 && left_a_trace, "{fault:?}: {self}");
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, not_applied, unknown, unknown_and_applied } = self;
        write!(f, "{done} writes done, {not_applied} not applied, {unknown} unknown ")?;
        write!(f, "({unknown_and_applied} of them applied)")
    }
}
