//! Processes that contend for one lock, some of which are killed inside.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use etcd_live::each::{on_each, on_each_of};
use etcd_live::etcd::servers;
use etcd_live::program::Ended;

use crate::until_in_line;
use crate::worker::worker;

const KILLED: i32 = 128 + 9;
/// How long a contest may take.
const MOST: Duration = Duration::from_secs(240);

/// What the contenders lived through.
#[derive(Debug, Default)]
struct Lived {
    killed: usize,
    /// What was said by those that gave up, and began anew: the store did not answer.
    failures: Vec<String>,
}

/// Has so many processes be inside so many times.
fn contest(servers: &str, processes: usize, stays: u64, deaths: u64) -> Lived {
    static CONTESTS: AtomicUsize = AtomicUsize::new(0);
    let number = CONTESTS.fetch_add(1, Ordering::SeqCst);
    let folder = format!("etcd-contest-{}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(folder);
    fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("inside");
    let file = file.to_str().expect("text");
    let (stays, deaths) = (stays.to_string(), deaths.to_string());
    let args = ["contend", servers, "contest", "6", file, &stays, &deaths];
    let lived = thread::scope(|scope| {
        let contenders: Vec<_> =
            (0..processes).map(|_| scope.spawn(move || contend(&args))).collect();
        contenders.into_iter().fold(Lived::default(), |mut all, contender| {
            let one = contender.join().expect("no overlap");
            all.failures.extend(one.failures);
            Lived { killed: all.killed + one.killed, ..all }
        })
    });
    fs::remove_dir_all(&folder).expect("it is there");
    lived
}

/// Starts a contender again and again, whatever becomes of it, until it says that it is over.
fn contend(args: &[&str]) -> Lived {
    let mut lived = Lived::default();
    loop {
        let Ended { status, stderr, .. } = worker(args.iter().copied()).wait_within(MOST);
        match status {
            0 => return lived,
            KILLED => lived.killed += 1,
            1 if lived.failures.len() < 20 => lived.failures.push(stderr),
            _ => panic!("status {status}: {stderr}"),
        }
    }
}

#[test]
fn one_process_is_inside_at_a_time_though_some_are_killed_there() {
    on_each(async |cluster, client| {
        let (servers, began) = (servers(cluster), Instant::now());
        let lived = tokio::task::block_in_place(|| contest(&servers, 5, 300, 100));
        println!("300 stays, {lived:?}, {:.1?}", began.elapsed());
        assert!(lived.killed >= 2, "{lived:?}");
        until_in_line(&client, "contest", 0).await;
    });
}

#[test]
fn one_process_is_inside_at_a_time_though_leaders_are_killed() {
    on_each_of(3, async |cluster, client| {
        let (servers, began) = (servers(cluster), Instant::now());
        let contenders = thread::spawn(move || contest(&servers, 4, 600, u64::MAX));
        let mut kills = 0;
        while !contenders.is_finished() {
            thread::sleep(Duration::from_secs(4));
            let Some(leader) = cluster.leader().filter(|_| kills < 3) else { continue };
            cluster.kill(leader).expect("a member");
            thread::sleep(Duration::from_secs(3));
            cluster.start_again(leader).expect("a member");
            cluster.wait_healthy().expect("all are well");
            kills += 1;
        }
        let lived = contenders.join().expect("no overlap");
        println!("600 stays, {kills} leaders killed, {lived:?}, {:.1?}", began.elapsed());
        until_in_line(&client, "contest", 0).await;
    });
}
