//! How soon a call of a client that lost its member is answered by another.

use std::time::{Duration, Instant};

use etcd_client::{Client, Config, Error};
use etcd_live::blackhole::{Blackhole, refused};
use etcd_live::each::{PATIENCE, run, until};
use etcd_live::etcd::{cluster_of, newest};
use etcd_live::members::{Cluster, Options};
use etcd_live::proxy::{Cut, Fuse, Mode, Proxy};

const DEADLINE: Duration = Duration::from_secs(5);

/// How many trials there are; a hundred where `ETCD_LIVE_FULL` is set.
fn trials(quick: bool) -> usize {
    match (std::env::var_os("ETCD_LIVE_FULL").is_some(), quick) {
        (true, _) => 100,
        (false, true) => 10,
        (false, false) => 2,
    }
}

fn client(servers: &[String]) -> Client {
    let config = Config::default().deadline(DEADLINE);
    Client::with_config(&servers.join(","), config).expect("a list of servers")
}

async fn read(client: &Client) -> Result<(), Error> {
    client.kv().get("/failover").await.map(drop)
}

/// Tells how long the trials took; none longer than a call may.
#[allow(clippy::print_stdout, reason = "for tests")]
fn tell(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() * percent).div_ceil(100).max(1) - 1];
    let (middle, late, most) = (at(50), at(99), at(100));
    println!("{what}: {} trials, p50 {middle:.1?}, p99 {late:.1?}, most {most:.1?}", took.len());
    assert!(most < DEADLINE, "{what}: a call hung for {most:?}");
}

fn three() -> Cluster {
    cluster_of(&newest(), 3, &Options { in_memory: true, ..Options::default() })
}

/// The endpoints of a cluster, beginning with one that does not lead.
fn follower_first(cluster: &Cluster) -> (usize, Vec<String>) {
    let led = cluster.leader().expect("healthy members have a leader");
    let (first, mut endpoints) = ((led + 1) % cluster.members().len(), cluster.endpoints());
    endpoints.rotate_left(first);
    (first, endpoints)
}

#[test]
fn a_first_call_passes_over_who_refuses_or_says_nothing() {
    let cluster = three();
    let real = cluster.endpoints().swap_remove(0);
    let hole = Blackhole::never_connects().expect("a black hole");
    let refusing = refused().expect("a port");
    for (what, first) in [("refused", refusing), ("black hole", hole.endpoint())] {
        run(async {
            let mut took = Vec::new();
            for _ in 0..trials(true) {
                let client = client(&[first.clone(), real.clone()]);
                let began = Instant::now();
                read(&client).await.expect("another answers");
                took.push(began.elapsed());
            }
            tell(what, took);
        });
    }
}

#[test]
fn a_read_under_way_goes_on_elsewhere_when_its_connection_ends() {
    let cluster = three();
    let (_, mut endpoints) = follower_first(&cluster);
    let proxy = Proxy::to(&endpoints[0]).expect("a proxy");
    endpoints[0] = proxy.endpoint();
    for how in [Cut::Reset, Cut::Finish] {
        run(async {
            let mut took = Vec::new();
            for _ in 0..trials(true) {
                let client = client(&endpoints);
                read(&client).await.expect("all are well");
                // As when a process ends: nobody takes its port.
                proxy.mode(Mode::Refuse).expect("it refuses");
                proxy.set_fuse(Fuse::in_reply(0, how));
                let (burnt, began) = (proxy.burnt(), Instant::now());
                read(&client).await.expect("another answers");
                took.push(began.elapsed());
                assert_eq!(proxy.burnt(), burnt + 1);
                proxy.mode(Mode::Pass).expect("it passes");
            }
            tell(&format!("{how:?}"), took);
        });
    }
}

#[test]
fn reads_leave_a_follower_that_is_stopped() {
    let cluster = three();
    run(async {
        let mut took = Vec::new();
        for _ in 0..trials(true) {
            let (first, endpoints) = follower_first(&cluster);
            let client = client(&endpoints);
            read(&client).await.expect("all are well");
            cluster.pause(first).expect("it can be stopped");
            let began = Instant::now();
            let answered = read(&client).await;
            took.push(began.elapsed());
            cluster.resume(first).expect("it goes on");
            answered.expect("another answers");
        }
        tell("a stopped follower", took);
    });
}

/// With etcd's own timing: an election takes from one to two seconds.
#[test]
fn reads_go_on_after_the_election_when_the_leader_is_killed() {
    let mut cluster = three();
    run(async {
        let mut later = Vec::new();
        for _ in 0..trials(false) {
            let (_, endpoints) = follower_first(&cluster);
            let led = cluster.leader().expect("healthy members have a leader");
            let client = client(&endpoints);
            read(&client).await.expect("all are well");
            cluster.kill(led).expect("it can be killed");
            let began = Instant::now();
            // By another client, who asks anew all the time.
            let elected = tokio::spawn(first_answer(endpoints));
            while read(&client).await.is_err() {
                assert!(began.elapsed() < PATIENCE, "no leader");
            }
            let answered = Instant::now();
            later.push(answered.saturating_duration_since(elected.await.expect("it runs")));
            cluster.start_again(led).expect("it can be started");
            cluster.wait_healthy().expect("all are well");
            until("it leads or follows", async || cluster.leader().is_some()).await;
        }
        tell("after the election", later);
    });
}

/// When a member could first answer a linearizable read, which takes a leader.
async fn first_answer(endpoints: Vec<String>) -> Instant {
    let config = Config::default().deadline(Duration::from_millis(100));
    let client = Client::with_config(&endpoints.join(","), config).expect("a list of servers");
    while read(&client).await.is_err() {}
    Instant::now()
}
