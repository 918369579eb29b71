//! Three members are killed and paused one after another while clients write, read and watch.
//!
//! What the store holds afterwards is compared with what every single call reported.

mod registers;
mod witness;
mod writes;

use std::time::{Duration, Instant};

use etcd_client::v2::Client;
use etcd_client::{Config, Error};
use etcd_live::etcd;
use etcd_live::faults::{Faults, Plan};
use etcd_live::members::Cluster;

/// How many keys are written, each once.
const WRITES: usize = 10_000;
/// How many tasks write them.
const WRITERS: usize = 8;
/// How long a task rests between two writes, so that the faults overlap all of them.
const PACE: Duration = Duration::from_millis(35);
/// How many members must have been struck meanwhile.
const LEAST_FAULTS: usize = 10;

/// Shorter than most pauses: many outcomes are unknown, and some of those writes come later.
const DEADLINE: Duration = Duration::from_secs(1);

/// The endpoints of a cluster, beginning with another member for each number.
fn servers(cluster: &Cluster, number: usize) -> String {
    let mut endpoints = cluster.endpoints();
    let first = number % endpoints.len();
    endpoints.rotate_left(first);
    endpoints.join(",")
}

fn plan() -> Plan {
    let (most, ms) = (usize::MAX, Duration::from_millis);
    Plan { seed: 20_261_123, most, lasts: ms(300)..ms(2000), between: ms(300)..ms(1200) }
}

fn writer(cluster: &Cluster, number: usize) -> Result<Client, Error> {
    Client::with_config(&servers(cluster, number), Config::default().deadline(DEADLINE))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_write_is_lost_or_doubled_and_no_read_is_stale() -> Result<(), Error> {
    let cluster = etcd::cluster(3);
    let client = Client::new(&servers(&cluster, 0))?;
    let writers: Vec<_> =
        (0..WRITERS).map(|number| writer(&cluster, number)).collect::<Result<_, _>>()?;
    let witness = witness::start(&Client::new(&servers(&cluster, 0))?).await?;
    let registers = registers::start(&cluster).await?;
    let began = Instant::now();
    let faults = Faults::start(cluster, plan());

    let fates = writes::all(writers).await;
    let took = began.elapsed();
    let registers = registers.stop().await;
    let stopped = tokio::task::block_in_place(|| faults.stop());
    let (_cluster, faults) = stopped.expect("every member comes back");
    assert!(faults.len() >= LEAST_FAULTS, "only {} faults in {took:?}", faults.len());
    assert!(faults.iter().any(|fault| fault.led), "no leader was struck");

    let stored = writes::stored(&client).await?;
    let counts = writes::check(&fates, &stored);
    let witnessed = witness.stop(&client).await?;
    witness::check(&witnessed, &stored);
    let (increments, unclear, reads) = registers::check(registers, &client).await?;

    for fault in &faults {
        println!("{:>6.1} s  {fault}", (fault.began - began).as_secs_f64());
    }
    println!("{counts}, {} faults, {:.1} s", faults.len(), took.as_secs_f64());
    let (changes, gaps) = (witnessed.changes.len(), witnessed.gaps.len());
    println!("watched: {changes} changes, each once and in order, {gaps} gaps");
    println!(
        "registers: {increments} increments ({unclear} unclear, resolved), {reads} reads, none stale"
    );
    Ok(())
}
