//! Many processes contend for one lock, through the library and through `etcd-test`.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use etcd_client::blocking::Session;
use etcd_live::etcd::{cluster, servers};
use etcd_live::program::{Ended, EtcdTest, start};
use etcd_live::queue::until_queued;
use etcd_live::section::{Fault, Section};

use crate::{one_member, seconds};

const WORKER: &str = env!("CARGO_BIN_EXE_lock-worker");
const OVER: i32 = 10;
const KILLED: i32 = 128 + 9;
/// How long a contest may take on a machine that is busy with others too.
const MOST: Duration = Duration::from_secs(900);
/// Who is kept from renewing for so long loses the lock, and has to say so: that is no fault of
/// the lock, as long as it is rare.
const MOST_LOST: usize = 20;

/// A lock and those who contend for it.
struct Contest {
    servers: String,
    ttl: &'static str,
    stays: u64,
    /// Every so manyth one inside is killed there.
    deaths: u64,
}

/// What a contender lived through.
#[derive(Debug, Default)]
struct Lived {
    deaths: u64,
    /// The store could not be reached, or the lock was lost, and a try was given up: the reasons.
    failures: Vec<String>,
}

#[test]
fn a_thousand_handovers_between_eight_processes_some_of_which_are_killed() {
    let cluster = cluster(1);
    let contest = Contest { servers: servers(&cluster), ttl: "5", stays: 1000, deaths: 100 };
    let began = Instant::now();
    let lived = contest.run(5, 3);
    let took = began.elapsed();
    assert!(lived.failures.len() <= MOST_LOST, "{:#?}", lived.failures);
    assert_eq!(lived.deaths, contest.stays / contest.deaths);
    contest.was_held_to_the_end();
    assert!(took < MOST, "{took:?}");
    println!(
        "{} handovers, {} holders killed, tries given up: {:?}, {took:.1?}",
        contest.stays, lived.deaths, lived.failures
    );
}

#[test]
fn the_section_notices_a_second_one_inside() {
    let (_cluster, session, _) = one_member();
    let section = Section::of(session.clone(), KEY);
    let first = session.lock(KEY, seconds(60)).expect("the lock is free").index;
    let is_overlap = |passed| matches!(passed, Err(Fault::Overlap(_)));
    let mut noticed = Vec::new();
    let passed = section.pass(first, |_| noticed.push(is_overlap(section.pass(first + 1, drop))));
    assert_eq!((noticed, passed.is_ok()), (vec![true], true), "the second one has no lock");

    session.unlock(KEY, first).expect("it is held");
    let passed = section.pass(first + 2, |_| assert!(section.pass(first + 3, drop).is_ok()));
    assert!(is_overlap(passed), "the first one has no lock");
    assert!(is_overlap(section.pass(first, drop)), "tokens grow");
}

#[test]
fn handovers_go_on_while_leaders_are_killed() {
    let mut cluster = cluster(3);
    let contest = Contest { servers: servers(&cluster), ttl: "5", stays: 150, deaths: u64::MAX };
    let began = Instant::now();
    let kills = 3;
    let lived = thread::scope(|scope| {
        let contenders = scope.spawn(|| contest.run(2, 2));
        let counted = contest.section();
        for kill in 1..=kills {
            until(|| {
                counted.count().is_ok_and(|count| count >= kill * contest.stays / (kills + 1))
            });
            let leader = leader(&cluster);
            cluster.kill(leader).expect("a member");
            // The others go on before it is back.
            let before = counted.count().expect("two of three members answer");
            let before = before.min(contest.stays - 1);
            until(|| counted.count().is_ok_and(|count| count > before));
            cluster.start_again(leader).expect("a member");
            cluster.wait_healthy().expect("a member");
        }
        contenders.join().expect("the contenders agree")
    });
    contest.was_held_to_the_end();
    println!(
        "{} handovers, {kills} leaders killed, {:.1?}, tries given up: {:#?}",
        contest.stays,
        began.elapsed(),
        lived.failures
    );
}

impl Contest {
    /// Lets so many contend through the library, and so many through `etcd-test`, until it is over.
    fn run(&self, through_library: usize, through_etcd_test: usize) -> Lived {
        thread::scope(|scope| {
            let library = (0..through_library).map(|_| scope.spawn(|| self.contend(&self.hold())));
            let etcd_test =
                (0..through_etcd_test).map(|_| scope.spawn(|| self.contend(&self.under_lock())));
            let contenders: Vec<_> = library.chain(etcd_test).collect();
            contenders.into_iter().fold(Lived::default(), |mut all, contender| {
                let one = contender.join().expect("no overlap");
                all.failures.extend(one.failures);
                Lived { deaths: all.deaths + one.deaths, ..all }
            })
        })
    }

    /// Starts a contender again and again, whatever becomes of it, until it says that it is over.
    fn contend(&self, command: &dyn Fn() -> Command) -> Lived {
        let mut lived = Lived::default();
        loop {
            let Ended { status, stderr, .. } = start(command()).wait_within(MOST);
            match status {
                OVER => return lived,
                0 => {}
                KILLED => lived.deaths += 1,
                // The lock was lost; or the store failed, in one of several ways.
                1 | 4 | 5 | 6 => lived.failures.push(stderr),
                _ => panic!("status {status}: {stderr}"),
            }
        }
    }

    /// A worker that takes the lock itself.
    fn hold(&self) -> impl Fn() -> Command {
        || {
            let mut command = Command::new(WORKER);
            command.args(self.worker("hold"));
            command
        }
    }

    /// A worker that `etcd-test` runs under the lock, once.
    fn under_lock(&self) -> impl Fn() -> Command {
        let etcd_test = EtcdTest::on(&self.servers);
        move || {
            let mut command = etcd_test.command(["lock", KEY, "-t", self.ttl, "--", WORKER]);
            command.args(self.worker("inside"));
            command
        }
    }

    fn worker(&self, mode: &str) -> [String; 6] {
        let numbers = [self.stays.to_string(), self.deaths.to_string()];
        let [stays, deaths] = numbers;
        [mode.into(), self.servers.clone(), KEY.into(), self.ttl.into(), stays, deaths]
    }

    fn section(&self) -> Section {
        let session = Session::open_with(&self.servers, etcd_live::etcd::v2()).expect("a session");
        Section::of(session, KEY)
    }

    /// Every stay was counted, and nobody is in the queue any more.
    fn was_held_to_the_end(&self) {
        assert_eq!(self.section().count().expect("the store answers"), self.stays);
        let session = Session::open_with(&self.servers, etcd_live::etcd::v2()).expect("a session");
        until_queued(&session, KEY, 0);
    }
}

const KEY: &str = "contest";

fn leader(cluster: &etcd_live::members::Cluster) -> usize {
    let mut leader = None;
    until(|| {
        leader = cluster.leader();
        leader.is_some()
    });
    leader.expect("a leader")
}

fn until(mut reached: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !reached() {
        assert!(Instant::now() < patience, "it does not come to this");
        thread::sleep(Duration::from_millis(10));
    }
}
