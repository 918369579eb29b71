//! Counters that are incremented by compare-and-swap, and read all the time.
//!
//! A read must show no less than what any increment had reported, and what any read had shown,
//! before it began.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use etcd_client::session::SetOptions;
use etcd_client::v2::Client;
use etcd_client::{Error, Session};
use etcd_live::members::Cluster;
use tokio::task::JoinHandle;

use super::servers;

const REGISTERS: usize = 2;
const READERS: usize = 2;

/// Keeps the load of the registers beside that of the writers small.
const PACE: Duration = Duration::from_millis(20);

/// Registers that are being incremented and read.
pub(super) struct Registers {
    stop: Arc<AtomicBool>,
    writers: Vec<JoinHandle<Written>>,
    readers: Vec<JoinHandle<u64>>,
}

/// What became of one register.
pub(super) struct Written {
    key: String,
    value: u64,
    unclear: u64,
}

/// What one register is known to have reached.
#[derive(Clone, Default)]
struct Reached(Arc<AtomicU64>);

impl Reached {
    fn at_least(&self, value: u64) {
        self.0.fetch_max(value, Ordering::SeqCst);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Makes the registers, and begins; readers ask other members than writers do.
pub(super) async fn start(cluster: &Cluster) -> Result<Registers, Error> {
    let stop = Arc::<AtomicBool>::default();
    let (mut writers, mut readers) = (Vec::new(), Vec::new());
    for number in 0..REGISTERS {
        let (key, reached) = (format!("/registers/{number}"), Reached::default());
        let session = Session::open_with(&servers(cluster, number), etcd_live::etcd::v2()).await?;
        session.set(&key, "0").await?;
        for reader in 1..=READERS {
            let session =
                Session::open_with(&servers(cluster, number + reader), etcd_live::etcd::v2())
                    .await?;
            let reader = read(session, key.clone(), reached.clone(), Arc::clone(&stop));
            readers.push(tokio::spawn(reader));
        }
        writers.push(tokio::spawn(increment(session, key, reached, Arc::clone(&stop))));
    }
    Ok(Registers { stop, writers, readers })
}

/// Increments until told to stop. What is unclear is read, and goes on from there.
async fn increment(
    session: Session,
    key: String,
    reached: Reached,
    stop: Arc<AtomicBool>,
) -> Written {
    let (mut value, mut unclear) = (0, 0);
    let mut index = None;
    while !stop.load(Ordering::SeqCst) {
        let Some(at) = index else {
            let Ok(entry) = session.get(&key).await else { continue };
            let found = number(&entry.value);
            assert!(found == value || found == value + 1, "{key}: {found} after {value}");
            value = found;
            index = Some(entry.index);
            continue;
        };
        let swap = SetOptions::new().previous_index(at);
        match session.set_with(&key, (value + 1).to_string(), &swap).await {
            Ok(written) => {
                (value, index) = (value + 1, Some(written));
                reached.at_least(value);
            }
            Err(error) if error.is_outcome_unknown() => {
                unclear += 1;
                index = None;
            }
            // One that had been unclear was carried out after we read.
            Err(error) if error.is_precondition_failed() => index = None,
            Err(error) => assert!(error.is_transient(), "{key}: {error:?}"),
        }
        tokio::time::sleep(PACE).await;
    }
    Written { key, value, unclear }
}

/// Reads until told to stop; answers with how often.
async fn read(session: Session, key: String, reached: Reached, stop: Arc<AtomicBool>) -> u64 {
    let mut reads = 0;
    while !stop.load(Ordering::SeqCst) {
        let before = reached.now();
        if let Ok(entry) = session.get(&key).await {
            let found = number(&entry.value);
            assert!(found >= before, "{key}: read {found} when {before} had been reached");
            reached.at_least(found);
            reads += 1;
        }
        tokio::time::sleep(PACE).await;
    }
    reads
}

fn number(value: &[u8]) -> u64 {
    let text = std::str::from_utf8(value).expect("registers hold text");
    text.parse().expect("registers hold numbers")
}

impl Registers {
    pub(super) async fn stop(self) -> (Vec<Written>, u64) {
        self.stop.store(true, Ordering::SeqCst);
        let (mut written, mut reads) = (Vec::new(), 0);
        for writer in self.writers {
            written.push(writer.await.expect("a writer"));
        }
        for reader in self.readers {
            reads += reader.await.expect("a reader");
        }
        (written, reads)
    }
}

/// Each increment counted once; answers with how many there were, how many of them had been
/// unclear, and how many reads.
pub(super) async fn check(
    (written, reads): (Vec<Written>, u64),
    client: &Client,
) -> Result<(u64, u64, u64), Error> {
    let (mut increments, mut unclear) = (0, 0);
    for register in written {
        let node = client.get(&register.key).await?;
        let found = number(node.value.unwrap_or_default().as_bytes());
        // The very last one may have been unclear, and nobody has looked since.
        let expected = register.value..=register.value + u64::from(register.unclear > 0);
        assert!(expected.contains(&found), "{}: {found}, not {expected:?}", register.key);
        increments += found;
        unclear += register.unclear;
    }
    assert!(increments > 0 && reads > 0, "{increments} increments, {reads} reads");
    Ok((increments, unclear, reads))
}
