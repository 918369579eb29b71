//! One case of the client benchmark: what the client itself costs, as one line of JSON.
//!
//! `bench CASE --endpoint HOST:PORT --n N --concurrency C --value-size B --keys K --leases L --threads T`;
//! cases are put, get, get-serializable, range, txn, watch, lease-keepalive, lock, raw-lock, connect, v2-set,
//! v2-get and v2-list; `--writer COMMAND` makes the changes that `watch` is to see. `lock` is the client's own
//! recipe, `raw-lock` the server's service. Ends with 64 for a case that it does not have.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program, not a library")]

use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Instant;

use etcd_client::v3::api::{
    Compare, CompareResult, Event, KeyValue, LockRequest, PutRequest, RangeRequest, TxnRequest,
};
use etcd_client::v3::{KeptLease, Kv, LockOptions, Update};
use etcd_client::{Client, KeyRange, LeaseId, Ttl, v2};
use nix::sys::resource::{Usage, UsageWho, getrusage};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Exit status for a case that this program does not have.
const UNSUPPORTED: u8 = 64;
/// Writing cases go round this many keys.
const KEY_RING: usize = 1024;
const GET_KEY: &str = "bench/get/key";
const CASES: &[&str] = &[
    "put",
    "get",
    "get-serializable",
    "range",
    "txn",
    "watch",
    "lease-keepalive",
    "lock",
    "raw-lock",
    "connect",
    "v2-set",
    "v2-get",
    "v2-list",
];

#[derive(Clone)]
struct Args {
    case: String,
    endpoint: String,
    n: usize,
    concurrency: usize,
    value_size: usize,
    keys: usize,
    leases: usize,
    threads: usize,
    writer: Option<String>,
}

fn parse() -> Result<Args, Error> {
    let mut given = std::env::args().skip(1);
    let case = given.next().ok_or("no case")?;
    let endpoint = String::new();
    let (n, concurrency, value_size, keys, leases, threads) = (1000, 1, 256, 4, 1000, 1);
    let mut args =
        Args { case, endpoint, n, concurrency, value_size, keys, leases, threads, writer: None };
    while let Some(flag) = given.next() {
        let value = given.next().ok_or_else(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--endpoint" => args.endpoint = value,
            "--n" => args.n = value.parse()?,
            "--concurrency" => args.concurrency = value.parse()?,
            "--value-size" => args.value_size = value.parse()?,
            "--keys" => args.keys = value.parse()?,
            "--leases" => args.leases = value.parse()?,
            "--threads" => args.threads = value.parse()?,
            "--writer" => args.writer = Some(value),
            _ => {}
        }
    }
    match args.n > 0 && args.concurrency > 0 && args.leases > 0 {
        true => Ok(args),
        false => Err("--n, --concurrency and --leases must be above 0".into()),
    }
}

/// What a case works on.
#[derive(Clone)]
struct Bench {
    v2: v2::Client,
    client: Client,
    kv: Kv,
    value: bytes::Bytes,
    text: String,
    keys: Arc<Vec<bytes::Bytes>>,
    leases: Arc<Vec<LeaseId>>,
    /// What the locks of each worker hang on.
    kept: Arc<Vec<KeptLease>>,
}

impl Bench {
    fn new(args: &Args) -> Result<Self, Error> {
        let text = "x".repeat(args.value_size);
        let prefix = if args.case == "txn" { "bench/txn/" } else { "bench/put/" };
        let keys = (0..KEY_RING).map(|i| format!("{prefix}{i:08}").into()).collect();
        let (v2, client) = (v2::Client::new(&args.endpoint)?, Client::new(&args.endpoint)?);
        let (kv, value, keys) = (client.kv(), text.clone().into(), Arc::new(keys));
        let (leases, kept) = Default::default();
        Ok(Self { v2, client, kv, value, text, keys, leases, kept })
    }

    /// Grants the leases that a case needs.
    async fn prepare(&mut self, args: &Args) -> Result<(), Error> {
        let (lease, ttl) = (self.client.lease(), "600".parse::<Ttl>()?);
        let (mut leases, mut kept) = (Vec::new(), Vec::new());
        match args.case.as_str() {
            "lease-keepalive" => {
                for _ in 0..args.leases {
                    leases.push(lease.grant(ttl).await?.lease_id());
                }
            }
            "lock" | "raw-lock" => {
                for _ in 0..args.concurrency {
                    kept.push(lease.grant_and_keep(ttl).await?);
                }
            }
            _ => {}
        }
        (self.leases, self.kept) = (Arc::new(leases), Arc::new(kept));
        Ok(())
    }

    async fn revoke(self) -> Result<(), Error> {
        let kept = self.kept.iter().map(KeptLease::id);
        for id in self.leases.iter().copied().chain(kept) {
            self.client.lease().revoke(id).await?;
        }
        Ok(())
    }

    async fn operation(&self, args: &Args, i: usize) -> Result<(), Error> {
        let right = match args.case.as_str() {
            "put" => self.put(i).await?,
            "get" => is_whole(self.kv.get(GET_KEY).await?, args),
            "get-serializable" => {
                let get = RangeRequest::new(GET_KEY).serializable();
                is_whole(self.kv.range(get).await?.kvs.pop(), args)
            }
            "connect" => {
                let client = Client::new(&args.endpoint)?;
                is_whole(client.kv().get(GET_KEY).await?, args)
            }
            "range" => self.range(args).await?,
            "txn" => self.txn(i).await?,
            "lease-keepalive" => {
                let id = self.leases[i % self.leases.len()];
                let reply = self.client.lease().keep_alive_once(id).await?;
                reply.lease_id() == id && reply.ttl > 0
            }
            "lock" => {
                let (lease, name) = self.lock_of(i);
                let lock = self.client.lock(&name, LockOptions::on(lease)).await?;
                let right = lock.key().starts_with(name.as_bytes());
                lock.release().await?;
                right
            }
            "raw-lock" => {
                let (lease, name) = self.lock_of(i);
                let locks = self.client.raw_lock();
                let key = locks.lock(LockRequest::new(name.clone()).lease(lease.id())).await?.key;
                locks.unlock(&key).await?;
                key.starts_with(name.as_bytes())
            }
            "v2-set" => {
                let key = format!("/bench/put/{:08}", i % KEY_RING);
                !self.v2.set(&key, &self.text).await?.key.is_empty()
            }
            "v2-get" => {
                let value = self.v2.get("/bench/get").await?.value;
                value.is_some_and(|value| value.len() == args.value_size)
            }
            _ => {
                let nodes = self.v2.list("/bench/dir").await?;
                let below = nodes.iter().all(|node| node.key.starts_with("/bench/dir/"));
                nodes.len() == args.keys && below
            }
        };
        if right { Ok(()) } else { Err("not the reply expected".into()) }
    }

    async fn put(&self, i: usize) -> Result<bool, Error> {
        let reply = self.kv.put(&self.keys[i % KEY_RING], &self.value).await?;
        Ok(reply.revision().0 > 0)
    }

    /// The lock of the worker that does this operation.
    fn lock_of(&self, i: usize) -> (&KeptLease, String) {
        let worker = i % self.kept.len();
        (&self.kept[worker], format!("bench/lock/{worker}"))
    }

    async fn range(&self, args: &Args) -> Result<bool, Error> {
        let found = self.kv.range(KeyRange::prefix("bench/range/")).await?;
        let bytes: usize = found.kvs.iter().map(|entry| entry.value.len()).sum();
        let counted = usize::try_from(found.count)?;
        Ok(counted == args.keys
            && found.kvs.len() == args.keys
            && bytes == args.keys * args.value_size)
    }

    async fn txn(&self, i: usize) -> Result<bool, Error> {
        let key = &self.keys[i % KEY_RING];
        let request = TxnRequest::new()
            .when([Compare::version(key, CompareResult::GREATER, 0)])
            .then([PutRequest::new(key, &self.value)])
            .or_else([RangeRequest::new(key)]);
        let reply = self.kv.txn(request).await?;
        Ok(reply.succeeded && reply.responses.len() == 1)
    }
}

fn is_whole(entry: Option<KeyValue>, args: &Args) -> bool {
    entry.is_some_and(|entry| entry.key == GET_KEY && entry.value.len() == args.value_size)
}

/// Runs `n` operations, `concurrency` at a time; answers with their latencies.
async fn drive(bench: &Bench, args: &Args, n: usize) -> Result<Vec<u64>, Error> {
    let workers: Vec<_> = (0..args.concurrency)
        .map(|worker| {
            let (bench, args) = (bench.clone(), args.clone());
            tokio::spawn(async move {
                let mut latencies = Vec::with_capacity(n / args.concurrency + 1);
                for i in (worker..n).step_by(args.concurrency) {
                    let began = Instant::now();
                    bench.operation(&args, i).await?;
                    latencies.push(began.elapsed().as_nanos() as u64);
                }
                Ok::<_, Error>(latencies)
            })
        })
        .collect();
    let mut all = Vec::with_capacity(n);
    for worker in workers {
        all.extend(worker.await??);
    }
    Ok(all)
}

/// What a part of the run used.
struct Meter {
    began: Instant,
    wall: f64,
    user: f64,
    sys: f64,
    max_rss: i64,
}

impl Meter {
    fn start() -> Result<Self, Error> {
        let usage = getrusage(UsageWho::RUSAGE_SELF)?;
        let (user, sys) = cpu_seconds(&usage);
        Ok(Self { began: Instant::now(), wall: 0.0, user, sys, max_rss: 0 })
    }

    fn stop(mut self) -> Result<Self, Error> {
        self.wall = self.began.elapsed().as_secs_f64();
        let usage = getrusage(UsageWho::RUSAGE_SELF)?;
        let (user, sys) = cpu_seconds(&usage);
        (self.user, self.sys, self.max_rss) = (user - self.user, sys - self.sys, usage.max_rss());
        Ok(self)
    }
}

fn cpu_seconds(usage: &Usage) -> (f64, f64) {
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    (seconds(usage.user_time()), seconds(usage.system_time()))
}

/// Sees `n` events; what it used, and no latencies.
async fn watch(args: &Args) -> Result<(Meter, Vec<u64>), Error> {
    let mut watcher = Client::new(&args.endpoint)?.watch(KeyRange::prefix("bench/watch/"));
    watcher.created().await.ok_or("the watch does not stand")?;
    let shell = |writer| Command::new("sh").arg("-c").arg(writer).stdout(Stdio::null()).spawn();
    let writer = args.writer.as_ref().map(shell).transpose()?;
    let (meter, mut seen) = (Meter::start()?, 0);
    while seen < args.n {
        let Update::Changes(changes) = watcher.next().await.ok_or("the watch ended")?? else {
            continue;
        };
        let is_whole = |event: &Event| {
            let entry = event.kv.as_ref();
            event.is_put() && entry.is_some_and(|entry| entry.value.len() == args.value_size)
        };
        if !changes.events.iter().all(is_whole) {
            return Err("not the event expected".into());
        }
        seen += changes.events.len();
    }
    let spent = meter.stop()?;
    match writer.map(|mut writer| writer.wait()).transpose()? {
        Some(status) if !status.success() => Err("the writer failed".into()),
        _ => Ok((spent, Vec::new())),
    }
}

/// All operations of a case; what they used, and their latencies.
async fn calls(args: &Args) -> Result<(Meter, Vec<u64>), Error> {
    let mut bench = Bench::new(args)?;
    bench.prepare(args).await?;
    drive(&bench, args, (args.n / 10).clamp(1, 1000)).await?;
    let meter = Meter::start()?;
    let latencies = drive(&bench, args, args.n).await?;
    let spent = meter.stop()?;
    bench.revoke().await?;
    Ok((spent, latencies))
}

async fn run(args: &Args) -> Result<(), Error> {
    let (Meter { wall, user, sys, max_rss, .. }, mut latencies) = match args.case.as_str() {
        "watch" => watch(args).await?,
        _ => calls(args).await?,
    };
    latencies.sort_unstable();
    let percentile = |p: usize| {
        let at = latencies.len().checked_sub(1).map(|last| last * p / 100);
        at.map_or_else(|| "null".to_owned(), |at| format!("{:.1}", latencies[at] as f64 / 1e3))
    };
    println!(
        r#"{{"case":"{}","peer":"ours","n":{},"concurrency":{},"wall_s":{wall:.6},"ops_per_s":{:.1},"cpu_user_s":{user:.6},"cpu_sys_s":{sys:.6},"cpu_us_per_op":{:.3},"p50_us":{},"p99_us":{},"max_rss_kb":{max_rss},"errors":0}}"#,
        args.case,
        args.n,
        args.concurrency,
        args.n as f64 / wall,
        (user + sys) * 1e6 / args.n as f64,
        percentile(50),
        percentile(99),
    );
    Ok(())
}

fn main() -> ExitCode {
    let args = match parse() {
        Ok(args) => args,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    if !CASES.contains(&args.case.as_str()) {
        return ExitCode::from(UNSUPPORTED);
    }
    let mut builder = match args.threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let ran =
        builder.enable_all().build().map_err(Error::from).and_then(|rt| rt.block_on(run(&args)));
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{}: {why}", args.case);
            ExitCode::FAILURE
        }
    }
}
