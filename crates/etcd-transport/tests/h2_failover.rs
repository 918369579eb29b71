//! A call over HTTP/2 reaches the server that lives, wherever it stands among those that do not.
//!
//! What is fast is told by a control that runs beside it on the same machine: the same call by a
//! channel that does not race.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::http2::frame::settings;
use common::http2::reply;
use common::http2::script::Script;
use common::http2::server::Server;
use common::http2::{Class, failure, put, range};
use common::place::{Blackhole, Port};
use common::script::{Act, End};
use common::{chain, channel, ms, patient, quick};
use etcd_proto::call::Outcome;
use etcd_proto::v3::{WatchCreateRequest, WatchRequest, WatchStream};
use etcd_transport::endpoint::Endpoint;
use etcd_transport::error::Kind;
use etcd_transport::{CallOptions, Channel, Config};

/// Endpoints that are no good, each in its way, and one that is.
struct Zoo {
    refusing: Port,
    blackhole: Blackhole,
    /// Accepts, and never says a word.
    silent: Server,
    /// Speaks another protocol.
    stranger: Server,
    live: Server,
}

fn silent() -> Script {
    Script::healthy().greeting([Act::Hang])
}

/// Greets, and takes requests as a stopped process does.
fn stopped() -> Script {
    Script::on(|_| vec![Act::Hang])
}

fn stranger() -> Script {
    let page = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    Script::healthy().greeting([Act::Send(page.to_vec()), Act::Wait(ms(30)), Act::Close])
}

impl Zoo {
    fn open() -> Self {
        Self {
            refusing: Port::reserve(),
            blackhole: Blackhole::open(),
            silent: Server::start(silent()),
            stranger: Server::start(stranger()),
            live: Server::healthy(),
        }
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        let Self { refusing, blackhole, silent, stranger, live } = self;
        let some = [&blackhole.endpoint, &silent.endpoint, &stranger.endpoint, &live.endpoint];
        some.into_iter().cloned().chain([refusing.endpoint()]).collect()
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

/// The defaults, but for a deadline that decides nothing.
fn racing() -> Config {
    let mut config = Config::default().deadline(ms(30_000));
    config.connect = ms(10_000);
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_any_class_finds_the_live_server_in_every_order_and_arrives_once() {
    for class in common::http2::CLASSES {
        let zoo = Zoo::open();
        let calls: Vec<_> = orders(&zoo.endpoints())
            .into_iter()
            .enumerate()
            .map(|(nth, order)| {
                tokio::spawn(async move {
                    let channel = Channel::new(order, racing());
                    for call in ["a", "b"] {
                        let key = format!("{nth}-{call}");
                        let answer = class.call(&channel, &key).await;
                        answer.unwrap_or_else(|error| panic!("order {nth}: {}", chain(&error)));
                    }
                    channel.counters().connections
                })
            })
            .collect();
        for (nth, call) in calls.into_iter().enumerate() {
            // Only the live one ever greets.
            assert_eq!(call.await.unwrap(), 1, "order {nth}");
            for call in ["a", "b"] {
                let arrived = zoo.live.about(&format!("{nth}-{call}"));
                assert_eq!(arrived, 1, "{class:?}, order {nth}");
            }
        }
        assert_eq!(zoo.live.count(|_| true), 240, "{class:?}: the greeting is the sign of life");
    }
}

async fn took(class: Class, first: &Endpoint, live: &Endpoint, config: Config) -> Duration {
    let channel = channel([first, live], config);
    let began = Instant::now();
    class.call(&channel, "k").await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    began.elapsed()
}

/// A control does not race, so it waits for as long as connecting may take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_raced() {
    let zoo = Zoo::open();
    let mut control = racing();
    (control.hedge, control.attempt, control.connect) = (ms(30_000), ms(30_000), ms(3_000));
    let mut pairs = Vec::new();
    for class in common::http2::CLASSES {
        for first in [zoo.blackhole.endpoint.clone(), zoo.silent.endpoint.clone()] {
            let (live, control) = (zoo.live.endpoint.clone(), control.clone());
            pairs.push(tokio::spawn(async move {
                let (raced, waited) = tokio::join!(
                    took(class, &first, &live, racing()),
                    took(class, &first, &live, control),
                );
                assert!(raced * 3 < waited, "{class:?}: {raced:?} against {waited:?}");
            }));
        }
    }
    for pair in pairs {
        pair.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_at_once_is_passed_over_at_once() {
    let zoo = Zoo::open();
    for class in common::http2::CLASSES {
        for first in [&zoo.refusing.endpoint(), &zoo.stranger.endpoint] {
            let (mut passed, mut raced) = (Duration::MAX, Duration::MAX);
            for _ in 0..3 {
                let (live, silent) = (&zoo.live.endpoint, &zoo.silent.endpoint);
                passed = passed.min(took(class, first, live, racing()).await);
                raced = raced.min(took(class, silent, live, racing()).await);
            }
            assert!(passed * 2 < raced, "{class:?}: {passed:?} against {raced:?}");
        }
    }
}

/// One that greets has given a sign of life: a read is raced all the same, and a write is not.
#[tokio::test]
async fn a_process_that_stops_after_its_greeting_holds_up_no_read() {
    let (stopped, live) = (Server::start(stopped()), Server::healthy());
    for class in [Class::Safe, Class::Guarded] {
        let channel = channel([&stopped.endpoint, &live.endpoint], racing());
        class.call(&channel, "k").await.unwrap_or_else(|error| panic!("{}", chain(&error)));
        stopped
            .until("the loser is cancelled", |server| server.cancelled() == server.calls())
            .await;
    }
    let channel = channel([&stopped.endpoint, &live.endpoint], quick());
    let error = failure(channel.call(&put("once")).await);
    assert_eq!((error.kind(), error.outcome()), (&Kind::Timeout, Outcome::Unknown));
    assert_eq!(live.about("once"), 0);
    // And then it is no longer trusted with a write.
    channel.call(&put("next")).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!((stopped.about("next"), live.about("next")), (0, 1));
}

#[tokio::test]
async fn a_stream_finds_the_live_server() {
    let zoo = Zoo::open();
    let live = zoo.live.endpoint.clone();
    let watch = WatchStream(WatchRequest::from(WatchCreateRequest::new("w")));
    for first in zoo.endpoints() {
        let channel = channel([&first, &live], racing());
        let mut stream = channel.stream(&watch, &CallOptions::default()).await.unwrap();
        assert_eq!(stream.endpoint(), &live);
        assert!(stream.next().await.unwrap().is_some());
        let (_up, mut down) = channel.duplex(&watch, &CallOptions::default()).await.unwrap();
        assert!(down.next().await.unwrap().is_some());
    }
}

#[tokio::test]
async fn an_endpoint_that_dies_is_left_and_one_that_comes_back_is_used() {
    let (mut a, mut b) = (Server::healthy(), Server::healthy());
    let channel = channel([&a.endpoint, &b.endpoint], patient());
    for round in 0..3 {
        channel.call(&put("k")).await.unwrap();
        assert_eq!((a.calls(), b.calls()), (3 * round + 1, 3 * round));
        a.stop(End::Reset).await;
        channel.call(&put("k")).await.unwrap();
        channel.call(&range("k")).await.unwrap();
        a.restart();
        channel.call(&put("k")).await.unwrap();
        assert_eq!((a.calls(), b.calls()), (3 * round + 1, 3 * round + 3));
        b.stop(End::Close).await;
        channel.call(&put("k")).await.unwrap();
        channel.call(&range("k")).await.unwrap();
        assert_eq!((a.calls(), b.calls()), (3 * round + 3, 3 * round + 3));
        b.restart();
    }
}

#[tokio::test]
async fn a_write_to_a_server_that_was_quiet_for_long_asks_it_first() {
    let server = Server::healthy();
    let mut config = patient();
    config.proven = ms(20);
    let channel = channel([&server.endpoint], config);
    channel.call(&put("k")).await.unwrap();
    let signs = || server.count(|request| request.is_sign_of_life());
    assert_eq!(signs(), 0, "the greeting was one");
    tokio::time::sleep(ms(40)).await;
    channel.call(&put("k")).await.unwrap();
    assert_eq!((signs(), server.calls(), server.accepted()), (1, 2, 1));
    tokio::time::sleep(ms(40)).await;
    channel.call(&range("k")).await.unwrap();
    assert_eq!((signs(), server.calls()), (1, 3), "a read is not held up by that");
}

#[tokio::test]
async fn a_server_that_greets_late_is_awaited_by_all() {
    let late = [Act::Wait(ms(60)), Act::Send(settings(&[]))];
    let server = Server::start(Script::healthy().greeting(late));
    let channel = channel([&server.endpoint], patient());
    let calls = (0..20).map(|_| {
        let channel = channel.clone();
        tokio::spawn(async move { channel.call(&put("k")).await.map(drop) })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!((server.accepted(), channel.counters().connections), (1, 1));
}

#[tokio::test]
async fn nobody_to_be_reached_is_said_with_every_name_and_reason() {
    let zoo = Zoo::open();
    let dead: Vec<_> =
        zoo.endpoints().into_iter().filter(|endpoint| *endpoint != zoo.live.endpoint).collect();
    for class in common::http2::CLASSES {
        let mut config = quick().deadline(ms(10_000)).rounds(1);
        config.connect = ms(300);
        let error = failure(class.call(&Channel::new(dead.clone(), config), "k").await);
        assert_eq!(error.outcome(), Outcome::NotApplied, "{error}");
        for (endpoint, why) in [
            (zoo.refusing.endpoint(), "Connection refused"),
            (zoo.blackhole.endpoint.clone(), "connecting took too long"),
            (zoo.silent.endpoint.clone(), "no answer"),
            (zoo.stranger.endpoint.clone(), "it began with \"HTTP/1.1 400 Bad Request"),
        ] {
            let told = error
                .attempts()
                .iter()
                .any(|attempt| attempt.endpoint == endpoint && attempt.to_string().contains(why));
            assert!(told, "{class:?}, {endpoint} {why}: {error}");
        }
    }
    // A connection that is not greeted on is not kept.
    zoo.silent.until("all are closed", |server| server.open() == 0).await;
}

#[tokio::test]
async fn times_may_be_as_long_as_there_are_numbers() {
    let server = Server::healthy();
    let mut config = Config::default().deadline(Duration::MAX);
    (config.attempt, config.hedge) = (Duration::MAX, Duration::MAX);
    (config.connect, config.proven) = (Duration::MAX, Duration::MAX);
    (config.ping, config.pong) = (Duration::MAX, Duration::MAX);
    let channel = channel([&server.endpoint], config);
    let options = CallOptions::default().deadline(Duration::MAX).waits();
    for class in common::http2::CLASSES {
        class.call(&channel, "k").await.unwrap();
    }
    channel.call_with(&put("k"), &options).await.unwrap();
    channel.call_with(&range("k"), &options).await.unwrap();
}

#[tokio::test]
async fn a_call_that_waits_is_not_raced() {
    let slow = Server::start(Script::each(|request| {
        vec![Act::Wait(ms(150)), Act::Send(reply::done(request.stream))]
    }));
    let (silent, live) = (Server::start(silent()), Server::healthy());
    let mut config = quick().deadline(ms(30_000));
    config.connect = ms(10_000);
    let channel = channel([&silent.endpoint, &slow.endpoint, &live.endpoint], config);
    channel.call_with(&range("k"), &CallOptions::default().waits()).await.unwrap();
    assert_eq!((slow.calls(), live.calls()), (1, 0));
}
