//! A call reaches the server that lives, wherever it stands among those that do not.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::place::{Blackhole, Port};
use common::reply;
use common::script::{Act, End, Script};
use common::server::Server;
use common::{Answer, chain, channel, failure, get, ms, quick, set};
use etcd_proto::call::Outcome;
use etcd_transport::endpoint::Endpoint;
use etcd_transport::error::Kind;
use etcd_transport::{CallOptions, Channel, Config};

/// What the dead may cost: two pauses before another is asked, each of 250 ms.
const GAP: Duration = ms(500);
/// What a machine under load may add …
const LOAD: Duration = ms(250);
/// … in the best of so many tries: servers that are dead are so in each.
const TRIES: usize = 8;
/// So many courses are run at the same time.
const TOGETHER: usize = 12;

/// Four endpoints that are no good, each in its way, and one that is.
struct Zoo {
    refusing: Port,
    silent: Server,
    blackhole: Blackhole,
    garbage: Server,
    live: Server,
}

impl Zoo {
    fn open() -> Self {
        Self {
            refusing: Port::reserve(),
            silent: Server::start(Script::always([Act::Hang])),
            blackhole: Blackhole::open(),
            garbage: Server::start(Script::greeting([
                Act::Send(b"\x15\x03\x03\x00\x02\x02\x50 go away\r\n\r\n".to_vec()),
                Act::Close,
            ])),
            live: Server::healthy(),
        }
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        let Self { refusing, silent, blackhole, garbage, live } = self;
        let endpoints = [&silent.endpoint, &blackhole.endpoint, &garbage.endpoint, &live.endpoint];
        endpoints.into_iter().cloned().chain([refusing.endpoint()]).collect()
    }
}

/// Every order of these.
fn orders<T: Clone>(of: &[T]) -> Vec<Vec<T>> {
    let Some((first, rest)) = of.split_first() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for order in orders(rest) {
        for place in 0..=order.len() {
            let mut order = order.clone();
            order.insert(place, first.clone());
            all.push(order);
        }
    }
    all
}

/// How long a call over endpoints in some order took, and how long the next one did.
#[derive(Debug)]
struct Course {
    first: Duration,
    second: Duration,
    connections: u64,
}

/// A call of the order with this number.
type Call<F> = fn(usize, Channel) -> F;

impl Course {
    async fn run<F: Future<Output = Answer>>(i: usize, order: &[Endpoint], call: Call<F>) -> Self {
        let channel = Channel::new(order.to_vec(), Config::default());
        let first = timed(call(i, channel.clone())).await;
        let second = timed(call(i, channel.clone())).await;
        Self { first, second, connections: channel.counters().connections }
    }

    /// Whether the dead cost no more than they may, and nobody else was asked again.
    fn is_good(&self) -> bool {
        self.first < GAP + LOAD && self.second < LOAD && self.connections <= 3
    }
}

async fn timed(call: impl Future<Output = Answer>) -> Duration {
    let began = Instant::now();
    call.await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    began.elapsed()
}

/// Runs courses over every order of the zoo, each until it is a good one; answers with how many
/// calls that took.
async fn each_order<F>(zoo: &Zoo, call: Call<F>) -> usize
where
    F: Future<Output = Answer> + Send + 'static,
{
    let orders: Vec<_> = orders(&zoo.endpoints()).into_iter().enumerate().collect();
    assert_eq!(orders.len(), 120);
    let mut calls = 0;
    for some in orders.chunks(TOGETHER) {
        let mut courses = Vec::new();
        for (i, order) in some.iter().cloned() {
            courses.push(tokio::spawn(until_good(i, order, call)));
        }
        for course in courses {
            calls += 2 * course.await.unwrap();
        }
    }
    calls
}

/// How many courses it took until one was good.
async fn until_good<F>(i: usize, order: Vec<Endpoint>, call: Call<F>) -> usize
where
    F: Future<Output = Answer> + Send + 'static,
{
    let mut bad = Vec::new();
    while bad.len() < TRIES {
        let course = Course::run(i, &order, call).await;
        if course.is_good() {
            return bad.len() + 1;
        }
        bad.push(course);
    }
    let order: Vec<_> = order.iter().map(ToString::to_string).collect();
    panic!("{order:?}: {bad:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_finds_the_live_server_in_every_order() {
    let zoo = Zoo::open();
    let calls = each_order(&zoo, |_, channel| async move { channel.call(&get("a")).await }).await;
    assert_eq!(zoo.live.calls(), calls);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_finds_the_live_server_in_every_order_and_arrives_once() {
    let zoo = Zoo::open();
    let calls =
        each_order(&zoo, |i, channel| async move { channel.call(&set(&key(i))).await }).await;
    assert_eq!(zoo.live.writes(), calls, "each write arrived once");
    for i in 0..120 {
        assert!(zoo.live.count(|request| request.is_about(&key(i))) >= 2, "order {i}");
    }
    assert_eq!(zoo.silent.writes(), 0);
}

fn key(order: usize) -> String {
    format!("order-{order}")
}

#[tokio::test]
async fn an_endpoint_that_dies_is_left_and_one_that_comes_back_is_used() {
    let (mut a, mut b) = (Server::healthy(), Server::healthy());
    let channel = channel([&a.endpoint, &b.endpoint], Config::default());
    for round in 0..3 {
        channel.call(&set("k")).await.unwrap();
        assert_eq!((a.writes(), b.writes()), (2 * round + 1, 2 * round));
        a.stop().await;
        channel.call(&set("k")).await.unwrap();
        assert_eq!((a.writes(), b.writes()), (2 * round + 1, 2 * round + 1));
        channel.call(&get("k")).await.unwrap();
        a.restart();
        channel.call(&set("k")).await.unwrap();
        assert_eq!(b.writes(), 2 * round + 2, "calls stay with the one that answers");
        b.stop().await;
        channel.call(&set("k")).await.unwrap();
        assert_eq!((a.writes(), b.writes()), (2 * round + 2, 2 * round + 2));
        b.restart();
    }
}

#[tokio::test]
async fn a_server_that_restarts_is_met_again() {
    let mut server = Server::healthy();
    let channel = channel([&server.endpoint], Config::default());
    channel.call(&get("a")).await.unwrap();
    server.stop().await;
    let write = set("a");
    let (answer, ()) = tokio::join!(channel.call(&write), async {
        tokio::time::sleep(ms(60)).await;
        server.restart();
    });
    answer.unwrap();
    assert_eq!(server.writes(), 1);
}

#[tokio::test]
async fn a_slow_read_is_raced_and_a_slow_write_is_not() {
    let slow = Server::start(Script::each([Act::Wait(ms(120)), Act::Send(reply::done())]));
    let live = Server::healthy();
    let order = [&slow.endpoint, &live.endpoint];
    let config = || {
        let mut config = quick();
        config.hedge = ms(30);
        config
    };

    let writer = channel(order, config());
    writer.call(&set("a")).await.unwrap();
    assert_eq!((slow.writes(), live.requests().len()), (1, 0));

    let reader = channel(order, config());
    reader.call(&get("a")).await.unwrap();
    assert_eq!((slow.calls(), live.calls()), (2, 1), "both were asked");
    reader.call(&get("a")).await.unwrap();
    assert_eq!((slow.calls(), live.calls()), (2, 2), "the faster one is kept to");
}

#[tokio::test]
async fn a_call_that_waits_is_not_raced_and_its_endpoint_is_proven_first() {
    let slow = Server::start(Script::each([Act::Wait(ms(150)), Act::Send(reply::done())]));
    let silent = Server::start(Script::always([Act::Hang]));
    let live = Server::healthy();
    let channel = channel([&silent.endpoint, &slow.endpoint, &live.endpoint], quick());
    let waits = CallOptions::default().waits().deadline(ms(2000));
    channel.call_with(&get("a"), &waits).await.unwrap();
    let asked: Vec<_> = slow.requests().iter().map(|r| r.is_sign_of_life()).collect();
    assert_eq!(asked, [true, false], "a sign of life, then the call");
    assert_eq!((silent.calls(), live.calls()), (0, 0));
}

#[tokio::test]
async fn nobody_to_be_reached_is_said_at_once_with_every_name() {
    let ports = [Port::reserve(), Port::reserve()].map(|port| (port.endpoint(), port));
    let config = Config::default().rounds(1).deadline(ms(60_000));
    let channel = channel(ports.iter().map(|(endpoint, _)| endpoint), config);
    let began = Instant::now();
    for answer in [channel.call(&get("a")).await, channel.call(&set("a")).await] {
        let error = failure(answer);
        assert_eq!((error.kind(), error.outcome()), (&Kind::Unreachable, Outcome::NotApplied));
        for (endpoint, _) in &ports {
            assert!(error.to_string().contains(&format!("{endpoint}: Connection refused")));
        }
    }
    // Not by a deadline.
    assert!(began.elapsed() < ms(10_000), "{:?}", began.elapsed());
}

#[tokio::test]
async fn without_endpoints_nobody_can_be_reached() {
    let channel = channel([], Config::default());
    for answer in [channel.call(&get("a")).await, channel.call(&set("a")).await] {
        let error = failure(answer);
        assert_eq!((error.kind(), error.outcome()), (&Kind::Unreachable, Outcome::NotApplied));
    }
}

#[tokio::test]
async fn unix_sockets_are_endpoints_like_others() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("etcd.sock");
    let missing = format!("unix:{}", directory.path().join("missing.sock").display());
    let mut server = Server::at_socket(&path, Script::healthy());
    let channel = channel([&missing.parse().unwrap(), &server.endpoint], quick());
    channel.call(&get("a")).await.unwrap();
    channel.call(&set("a")).await.unwrap();
    assert_eq!((server.calls(), server.accepted()), (2, 1));
    assert_eq!(server.requests()[0].header("host"), Some("localhost"));

    server.hang_up(End::Close).await;
    channel.call(&set("a")).await.unwrap();
    assert_eq!((server.writes(), server.accepted()), (2, 2));

    server.stop().await;
    std::fs::remove_file(&path).unwrap();
    let error = failure(channel.call(&set("a")).await);
    assert_eq!((error.kind(), error.outcome()), (&Kind::Unreachable, Outcome::NotApplied));
    assert!(error.to_string().contains(&missing), "{error}");
}

#[test]
fn without_a_port_both_of_etcds_are_tried() {
    let ports = |text: &str| text.parse::<Endpoint>().unwrap().ports();
    assert_eq!(ports("localhost"), [2379, 4001]);
    assert_eq!(ports("localhost:4001"), [4001]);
}

#[tokio::test]
async fn endpoints_can_be_replaced_and_suspected() {
    let servers = [Server::healthy(), Server::healthy(), Server::healthy()];
    let [a, b, c] = &servers;
    let channel = channel([&a.endpoint, &b.endpoint], quick());
    channel.call(&set("k")).await.unwrap();
    channel.suspect(&a.endpoint, "has no leader");
    channel.call(&set("k")).await.unwrap();
    assert_eq!((a.writes(), b.writes()), (1, 1));
    assert_eq!(channel.endpoints()[0].health.last_error.as_deref(), Some("has no leader"));

    channel.set_endpoints(vec![c.endpoint.clone(), b.endpoint.clone()]);
    channel.call(&set("k")).await.unwrap();
    assert_eq!(
        (b.writes(), b.accepted(), c.calls()),
        (2, 1, 0),
        "what stays keeps its connections"
    );
    channel.set_endpoints(vec![c.endpoint.clone()]);
    channel.call(&set("k")).await.unwrap();
    assert_eq!((b.writes(), c.writes()), (2, 1));
}

#[tokio::test]
async fn times_may_be_as_long_as_there_are_numbers() {
    let server = Server::healthy();
    let mut config = Config::default().deadline(Duration::MAX);
    (config.attempt, config.hedge) = (Duration::MAX, Duration::MAX);
    (config.connect, config.proven) = (Duration::MAX, Duration::MAX);
    let channel = channel([&server.endpoint], config);
    let options = CallOptions::default().deadline(Duration::MAX).waits();
    channel.call(&get("a")).await.unwrap();
    channel.call(&set("a")).await.unwrap();
    channel.call_with(&set("a"), &options).await.unwrap();
}
