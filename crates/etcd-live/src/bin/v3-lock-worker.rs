//! Takes locks over v3, for the scenarios in `tests/v3_lock` that stop and kill it.
//!
//! * `v3-lock-worker hold SERVERS NAME TTL` takes the lock, prints `held KEY`, and then holds it
//!   until its standard input ends or the lock is lost. At the end it prints `kept UNTIL` or
//!   `lost UNTIL`, with the time until which it ever thought to hold the lock, in nanoseconds of
//!   the system's monotonic clock.
//! * `v3-lock-worker count SERVERS NAME TTL FENCED STOP` adds one to a counter under the lock again
//!   and again, until its standard input ends. FENCED is `fenced` or `unfenced`: whether etcd is to
//!   refuse the write of one who has lost the lock. Between reading and writing every STOP-th time
//!   it prints `stop` and stops itself.
//! * `v3-lock-worker contend SERVERS NAME TTL FILE STAYS DEATHS` is inside again and again until
//!   anyone was STAYS times, and makes FILE while it is. Every DEATHS-th one is killed inside.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program, not a library")]

use std::error::Error;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use etcd_client::v3::api::{Compare, DeleteRangeRequest, PutRequest, RangeRequest, TxnRequest};
use etcd_client::v3::{KeptLease, Lock};
use etcd_client::{Client, Ttl};
use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// Two were inside at the same time.
const OVERLAP: u8 = 9;
/// How often a holder asks how long it holds the lock yet.
const OFTEN: Duration = Duration::from_millis(1);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("v3-lock-worker: {error}");
            ExitCode::from(if error.is::<Overlap>() { OVERLAP } else { 1 })
        }
    }
}

async fn run() -> Result<()> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [mode, servers, name, ttl, further @ ..] = args.as_slice() else {
        return Err("give MODE SERVERS NAME TTL and what the mode takes".into());
    };
    let worker = Worker { client: Client::new(servers)?, name: name.clone(), ttl: ttl.parse()? };
    match (mode.as_str(), further) {
        ("hold", []) => worker.hold().await,
        ("count", [fenced, stop]) => worker.count(fenced == "fenced", stop.parse()?).await,
        ("contend", [file, stays, deaths]) => {
            worker.contend(Path::new(file), stays.parse()?, deaths.parse()?).await
        }
        _ => Err(format!("{mode:?} is no mode, or takes something else").into()),
    }
}

struct Worker {
    client: Client,
    name: String,
    ttl: Ttl,
}

impl Worker {
    async fn hold(&self) -> Result<()> {
        let lock = self.client.lock(&self.name, self.ttl).await?;
        let ended = input_ended();
        println!("held {}", String::from_utf8_lossy(lock.key()));
        let mut until = 0;
        while !ended.load(Ordering::SeqCst) {
            // Read first: whatever is said of how long counts from then at the latest.
            let now = now()?;
            let sure = lock.surely_held_for();
            if sure.is_zero() {
                break;
            }
            until = until.max((now + sure).as_nanos());
            tokio::time::sleep(OFTEN).await;
        }
        if lock.surely_held_for().is_zero() {
            println!("lost {until} {:?}", lock.lost().await);
        } else {
            println!("kept {until}");
        }
        // Not given up: the server is to remove the key by itself.
        std::process::exit(0);
    }

    async fn count(&self, fenced: bool, stop: u64) -> Result<()> {
        let ended = input_ended();
        // Half of them on a lease that they keep, half on one for each time.
        let mut kept = None;
        for time in 1.. {
            if ended.load(Ordering::SeqCst) {
                break;
            }
            let lock = match self.lock(&mut kept, time % 2 == 0).await {
                // The lease ended in the line.
                Err(error) if error.is_lock_lost() => {
                    kept = None;
                    continue;
                }
                lock => lock?,
            };
            match self.add_one(&lock, time, fenced, time % stop == 0).await {
                Ok(()) => {}
                // What became of it, the keys will tell that go with it.
                Err(error) if error.is_lock_lost() || error.is_outcome_unknown() => {}
                Err(error) => return Err(error.into()),
            }
            match lock.release().await {
                Err(error) if !error.is_lock_lost() && !error.is_transient() => {
                    return Err(error.into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn lock(
        &self,
        kept: &mut Option<KeptLease>,
        own: bool,
    ) -> std::result::Result<Lock, etcd_client::Error> {
        if own {
            return self.client.lock(&self.name, self.ttl).await;
        }
        let lease = match kept {
            Some(lease) => lease,
            None => kept.insert(self.client.lease().grant_and_keep(self.ttl).await?),
        };
        self.client.lock(&self.name, &*lease).await
    }

    /// Reads the counter and writes it, one higher, with a key that stands for this addition.
    async fn add_one(
        &self,
        lock: &Lock,
        time: u64,
        fenced: bool,
        stops: bool,
    ) -> std::result::Result<(), etcd_client::Error> {
        let counter = format!("counter/{}", self.name);
        let found = self.client.kv().get(&counter).await?;
        let count = found.and_then(|found| found.value_str().ok()?.parse::<u64>().ok());
        if stops {
            println!("stop");
            // Until whoever reads this says otherwise.
            let _ = kill(Pid::this(), Signal::SIGSTOP);
        }
        let addition = format!("additions/{}/{}-{time}", self.name, Pid::this());
        let count = (count.unwrap_or_default() + 1).to_string();
        let request = TxnRequest::new()
            .then([PutRequest::new(counter, count), PutRequest::new(addition, "")]);
        match fenced {
            true => lock.txn(request).await.map(drop),
            false => self.client.kv().txn(request).await.map(drop),
        }
    }

    async fn contend(&self, file: &Path, stays: u64, deaths: u64) -> Result<()> {
        loop {
            let lock = match self.client.lock(&self.name, self.ttl).await {
                // The lease may end in the line, on a machine that is busy.
                Err(error) if error.is_lock_lost() => continue,
                lock => lock?,
            };
            let passed = match lock.run(self.pass(&lock, file, deaths)).await {
                Ok(passed) => passed?,
                Err(lost) => {
                    eprintln!("given up: {lost}");
                    leave(file)?;
                    continue;
                }
            };
            lock.release().await?;
            if passed >= stays {
                return Ok(());
            }
        }
    }

    /// One stay inside; how many there were.
    async fn pass(&self, lock: &Lock, file: &Path, deaths: u64) -> Result<u64> {
        enter(file)?;
        // The store is to agree that there is none beside us: the key goes with the lease.
        let owner = format!("owner/{}", self.name);
        let ours = PutRequest::new(&owner, lock.fencing_token().to_string());
        let request = TxnRequest::new()
            .when([Compare::absent(&owner)])
            .then([ours.lease(lock.lease().id())])
            .or_else([RangeRequest::new(&owner)]);
        let entered = lock.txn(request).await?;
        if !entered.succeeded {
            let other = entered.responses[0].as_range().map(|range| &range.kvs);
            return Err(Overlap(format!("{} is inside: {other:?}", owner)).into());
        }
        let stays = format!("stays/{}", self.name);
        let found = self.client.kv().get(&stays).await?;
        let (count, last) = match found.as_ref().map(|found| found.value_str()) {
            Some(text) => {
                let (count, last) = text?.split_once(' ').ok_or("two numbers")?;
                (count.parse::<u64>()?, last.parse::<i64>()?)
            }
            None => (0, 0),
        };
        let token = lock.fencing_token().revision.0;
        if last >= token {
            return Err(Overlap(format!("token {token} after {last}")).into());
        }
        lock.put(stays, format!("{} {token}", count + 1)).await?;
        if (count + 1) % deaths == 0 {
            // Nobody is left to hear that it failed.
            let _ = kill(Pid::this(), Signal::SIGKILL);
        }
        let leaves = TxnRequest::new().then([DeleteRangeRequest::new(owner)]);
        lock.txn(leaves).await?;
        leave(file)?;
        Ok(count + 1)
    }
}

/// Another one was inside.
#[derive(Debug)]
struct Overlap(String);

impl std::fmt::Display for Overlap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "overlap: {}", self.0)
    }
}

impl Error for Overlap {}

/// Makes a file that is there while one is inside; one that was killed inside has left it.
fn enter(file: &Path) -> Result<()> {
    if let Ok(other) = fs::read_to_string(file) {
        let other: i32 = other.trim().parse().map_err(|_| Overlap(format!("{other:?} enters")))?;
        if kill(Pid::from_raw(other), None).is_ok() {
            return Err(Overlap(format!("process {other} is inside")).into());
        }
        fs::remove_file(file)?;
    }
    let own = file.with_extension(Pid::this().to_string());
    fs::write(&own, Pid::this().to_string())?;
    let linked = fs::hard_link(&own, file);
    fs::remove_file(&own)?;
    linked.map_err(|error| Overlap(format!("another one entered: {error}")))?;
    Ok(())
}

fn leave(file: &Path) -> Result<()> {
    match fs::read_to_string(file) {
        Ok(owner) if owner == Pid::this().to_string() => Ok(fs::remove_file(file)?),
        _ => Ok(()),
    }
}

/// Becomes true when standard input ends.
fn input_ended() -> Arc<AtomicBool> {
    let ended = Arc::new(AtomicBool::new(false));
    let ends = Arc::clone(&ended);
    std::thread::spawn(move || {
        // It ends with an error, too.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        ends.store(true, Ordering::SeqCst);
    });
    ended
}

fn now() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_MONOTONIC)?.into())
}
