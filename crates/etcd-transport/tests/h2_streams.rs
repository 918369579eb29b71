//! Many requests on one connection: streams and their items, calls beside them, and what is left of
//! those that are dropped.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

mod common;

use common::http2::frame::{self, MAX_CONCURRENT_STREAMS, goaway, reset, settings};
use common::http2::reply::{self, data, head, last_data, trailers};
use common::http2::script::Script;
use common::http2::server::Server;
use common::http2::{CLASSES, failure, put, range};
use common::script::{Act, End};
use common::{chain, channel, cut, ms, patient, quick};
use etcd_proto::call::Outcome;
use etcd_proto::grpc;
use etcd_proto::v3::error::message as said;
use etcd_proto::v3::{Error, WatchCreateRequest, WatchRequest, WatchResponse, WatchStream};
use etcd_transport::error::Kind;
use etcd_transport::{CallError, CallOptions, Channel, Lane, OpenStream, Upstream};

fn watching(key: &str) -> WatchStream {
    WatchStream(WatchRequest::from(WatchCreateRequest::new(key.to_owned())))
}

async fn watch(channel: &Channel, key: &str) -> OpenStream<WatchStream> {
    let options = CallOptions::default();
    channel.stream(&watching(key), &options).await.unwrap_or_else(|e| panic!("{}", chain(&e)))
}

async fn duplex(channel: &Channel, key: &str) -> (Upstream<WatchStream>, OpenStream<WatchStream>) {
    let options = CallOptions::default();
    channel.duplex(&watching(key), &options).await.unwrap_or_else(|e| panic!("{}", chain(&e)))
}

/// An item of a stream, with a number to tell it by.
fn item(number: i64) -> Vec<u8> {
    let item =
        WatchResponse { watch_id: number, cancel_reason: "x".repeat(30), ..Default::default() };
    grpc::encode(&item).unwrap().to_vec()
}

fn items(numbers: impl Iterator<Item = i64>) -> Vec<u8> {
    numbers.flat_map(item).collect()
}

async fn numbers(stream: &mut OpenStream<WatchStream>) -> Vec<i64> {
    let mut numbers = Vec::new();
    while let Some(item) = stream.next().await.unwrap() {
        numbers.push(item.watch_id);
    }
    numbers
}

/// Answers a stream with these bytes, and calls as they want to be.
fn streams(bytes: impl Fn(u32) -> Vec<u8> + Send + Sync + 'static) -> Script {
    Script::each(move |request| match request.is_about("w") {
        true => vec![Act::Send(bytes(request.stream))],
        false => vec![Act::Send(reply::done(request.stream))],
    })
}

#[tokio::test]
async fn items_come_whole_however_they_are_cut() {
    let body = items(1..=20);
    for size in (1..=item(1).len() + 1).chain([200, body.len()]) {
        let pieces: Vec<Vec<u8>> = body.chunks(size).map(<[u8]>::to_vec).collect();
        let server = Server::start(streams(move |id| {
            let body = pieces.iter().flat_map(|piece| data(id, piece));
            [head(id), body.collect(), trailers(id, 0, "")].concat()
        }));
        let mut stream = watch(&channel([&server.endpoint], patient()), "w").await;
        assert_eq!(numbers(&mut stream).await, (1..=20).collect::<Vec<_>>(), "{size}");
        assert_eq!(stream.endpoint(), &server.endpoint);
        assert!(stream.next().await.unwrap().is_none(), "an end stays one");
    }
}

#[tokio::test]
async fn each_end_of_a_stream_is_told_apart() {
    enum Told {
        End,
        Status(&'static str),
        Cut,
        Failed(Kind),
    }
    let body = |id| [head(id), data(id, &items(1..=2))].concat();
    let half = move |id| [body(id), data(id, &item(3)[..9])].concat();
    type Bytes = Box<dyn Fn(u32) -> Vec<u8> + Send + Sync>;
    let rows: Vec<(&str, Bytes, Told)> = vec![
        ("done", Box::new(move |id| [body(id), trailers(id, 0, "")].concat()), Told::End),
        (
            "refused",
            Box::new(move |id| [body(id), trailers(id, 14, said::NO_LEADER)].concat()),
            Told::Status(said::NO_LEADER),
        ),
        (
            "refused in the middle of an item",
            Box::new(move |id| [half(id), trailers(id, 14, said::NO_LEADER)].concat()),
            Told::Status(said::NO_LEADER),
        ),
        (
            "done in the middle of an item",
            Box::new(move |id| [half(id), trailers(id, 0, "")].concat()),
            Told::Failed(Kind::Interrupted),
        ),
        ("no trailers", Box::new(move |id| [body(id), last_data(id, b"")].concat()), Told::Cut),
        (
            "trailers without a status",
            Box::new(move |id| [body(id), reply::any_trailers(id, &[("x", "0")])].concat()),
            Told::Cut,
        ),
        ("stopped", Box::new(move |id| [body(id), reset(id, 0)].concat()), Told::Cut),
        (
            "reset",
            Box::new(move |id| [body(id), reset(id, 8)].concat()),
            Told::Failed(Kind::Interrupted),
        ),
        (
            "refused after it began",
            Box::new(move |id| [body(id), reset(id, 7)].concat()),
            Told::Failed(Kind::Interrupted),
        ),
        (
            "no item",
            Box::new(move |id| [body(id), data(id, b"<html>page")].concat()),
            Told::Failed(Kind::Protocol),
        ),
        (
            "an item too long",
            Box::new(move |id| [body(id), data(id, &reply::announced(1 << 31))].concat()),
            Told::Failed(Kind::Protocol),
        ),
    ];
    for (name, bytes, told) in rows {
        let server = Server::start(streams(bytes));
        let channel = channel([&server.endpoint], patient());
        let mut stream = watch(&channel, "w").await;
        for number in 1..=2 {
            assert_eq!(stream.next().await.unwrap().unwrap().watch_id, number, "{name}");
        }
        match (stream.next().await, told) {
            (Ok(None), Told::End) => {}
            (Err(CallError::Refused { refusal: Error::Cut, .. }), Told::Cut) => {}
            (Err(CallError::Refused { refusal, .. }), Told::Status(text)) => {
                assert!(refusal.says(text), "{name}: {refusal}");
            }
            (Err(CallError::Failed(error)), Told::Failed(kind)) => {
                assert_eq!(error.kind(), &kind, "{name}: {error}");
            }
            (other, _) => panic!("{name}: {other:?}"),
        }
        assert!(stream.next().await.unwrap().is_none(), "{name}: nothing more follows");
        // One stream's end is not the connection's.
        channel.call(&put("k")).await.unwrap_or_else(|e| panic!("{name}: {}", chain(&e)));
    }
    for end in [End::Close, End::Reset] {
        let server = Server::start(streams(body));
        let mut stream = watch(&channel([&server.endpoint], patient()), "w").await;
        for number in 1..=2 {
            assert_eq!(stream.next().await.unwrap().unwrap().watch_id, number);
        }
        server.end_all(end);
        let error = stream.next().await.unwrap_err();
        let CallError::Failed(failed) = &error else { panic!("{error:?}") };
        assert_eq!(failed.kind(), &Kind::Interrupted, "{failed}");
    }
}

#[tokio::test]
async fn a_stream_may_be_refused_before_it_begins() {
    type Bytes = fn(u32) -> Vec<u8>;
    let rows: [(&str, Bytes); 3] = [
        ("at once", |id| reply::refused(id, 14, said::NO_LEADER)),
        ("in trailers", |id| [head(id), trailers(id, 14, said::NO_LEADER)].concat()),
        ("by a page", |id| {
            let head = reply::any_head(id, "503", &[("content-type", "text/html")], false);
            [head, last_data(id, b"<html>busy</html>")].concat()
        }),
    ];
    for (name, bytes) in rows {
        let server = Server::start(streams(bytes));
        let mut stream = watch(&channel([&server.endpoint], patient()), "w").await;
        let error = stream.next().await.unwrap_err();
        assert!(matches!(error, CallError::Refused { .. }), "{name}: {error:?}");
        assert!(stream.next().await.unwrap().is_none(), "{name}: nothing more follows");
    }
    let server = Server::start(streams(|id| reset(id, frame::REFUSED_STREAM)));
    let mut stream = watch(&channel([&server.endpoint], patient()), "w").await;
    let CallError::Failed(error) = stream.next().await.unwrap_err() else { panic!() };
    assert_eq!((error.kind(), error.outcome()), (&Kind::Unreachable, Outcome::NotApplied));
}

#[tokio::test]
async fn waiting_for_an_item_can_be_dropped_and_loses_none() {
    let server = Server::start(Script::each(|request| {
        let id = request.stream;
        let body = items(1..=20);
        let pieces = body.chunks(17).flat_map(|p| [Act::Send(data(id, p)), Act::Wait(ms(1))]);
        let pieces: Vec<_> = pieces.collect();
        [vec![Act::Wait(ms(5)), Act::Send(head(id))], pieces, vec![Act::Send(trailers(id, 0, ""))]]
            .concat()
    }));
    let mut stream = watch(&channel([&server.endpoint], patient()), "w").await;
    let (mut numbers, mut dropped) = (Vec::new(), 0);
    loop {
        match cut(stream.next(), 1).await {
            Some(Ok(Some(item))) => numbers.push(item.watch_id),
            Some(Ok(None)) => break,
            Some(Err(error)) => panic!("{}", chain(&error)),
            None => {
                dropped += 1;
                // Nobody waits for the stream now: give the server its turn.
                tokio::task::yield_now().await;
            }
        }
    }
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    assert!(dropped > 20, "dropped {dropped} times");
}

#[tokio::test]
async fn waiting_for_a_refusal_can_be_dropped_and_loses_it_not() {
    let server = Server::start(Script::each(|request| {
        let id = request.stream;
        let head = reply::any_head(id, "503", &[("content-type", "text/html")], false);
        vec![Act::Send(head), Act::Wait(ms(10)), Act::Send(last_data(id, b"busy"))]
    }));
    let mut stream = watch(&channel([&server.endpoint], patient()), "w").await;
    let error = loop {
        match cut(stream.next(), 1).await {
            Some(answer) => break answer.unwrap_err(),
            None => tokio::task::yield_now().await,
        }
    };
    assert!(matches!(error, CallError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn messages_go_up_in_order_and_dropping_ends_that_direction() {
    let server =
        Server::start(streams(head).more(|request| {
            vec![Act::Send(data(request.stream, &item(request.body.len() as i64)))]
        }));
    let channel = channel([&server.endpoint], patient());
    let (up, mut down) = duplex(&channel, "w").await;
    let more = WatchRequest::from(WatchCreateRequest::new("more"));
    let (first, length) =
        (grpc::encode(&watching("w").0).unwrap().len(), grpc::encode(&more).unwrap().len());
    for count in 1..=200 {
        assert!(up.send(&more).await.unwrap());
        let came = down.next().await.unwrap().unwrap().watch_id;
        assert_eq!(came, (first + count * length) as i64);
    }
    assert_eq!(server.accepted(), 1);
    drop(up);
    channel.call(&put("k")).await.unwrap();
    drop(down);
    server.until("the stream is cancelled", |server| server.cancelled() == 1).await;
}

#[tokio::test]
async fn messages_that_find_no_room_wait_until_the_stream_ends() {
    // Without room for more than the first message.
    let script = Script::each(|request| vec![Act::Send(head(request.stream))])
        .settings(&[(frame::INITIAL_WINDOW_SIZE, 20)]);
    let server = Server::start(script);
    let (up, mut down) = duplex(&channel([&server.endpoint], patient()), "w").await;
    let more = WatchRequest::from(WatchCreateRequest::new("more"));
    let mut taken = 0;
    while let Ok(sent) = tokio::time::timeout(ms(200), up.send(&more)).await {
        assert!(sent.unwrap());
        taken += 1;
        assert!(taken < 1000, "no end of room");
    }
    server.end_all(End::Close);
    down.next().await.unwrap_err();
    // Nobody takes them any more.
    assert!(!up.send(&more).await.unwrap());
}

#[tokio::test]
async fn a_stream_that_nobody_reads_holds_up_nothing_else() {
    let pours = |id| -> Vec<Act> {
        let many: Vec<u8> = (0..100).flat_map(|n| data(id, &item(n))).collect();
        vec![Act::Send(head(id)), Act::Pour(many)]
    };
    let server = Server::start(Script::each(move |request| match request.is_about("w") {
        true => pours(request.stream),
        false => vec![Act::Send(reply::done(request.stream))],
    }));
    let channel = channel([&server.endpoint], patient());
    let mut unread = Vec::new();
    for lane in [Lane::Bulk, Lane::Streams] {
        let options = CallOptions::default().lane(lane);
        unread.push(channel.stream(&watching("w"), &options).await.unwrap());
    }
    for stream in &mut unread {
        assert!(stream.next().await.unwrap().is_some());
    }
    // The server knows no windows: it sends on until it is not read from any more.
    for _ in 0..100 {
        for class in CLASSES {
            class.call(&channel, "k").await.unwrap_or_else(|error| panic!("{}", chain(&error)));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_first_calls_make_one_connection() {
    let server = Server::healthy();
    let channel = channel([&server.endpoint], patient());
    let calls = all(&channel, 64, |call| format!("k{call}"));
    calls.await;
    assert_eq!((server.accepted(), server.calls()), (1, 64));
    assert_eq!(channel.counters().connections, 1);
}

/// Makes so many calls at once, and sees that each is done.
async fn all(channel: &Channel, count: usize, key: impl Fn(usize) -> String) {
    let calls: Vec<_> = (0..count)
        .map(|call| {
            let (channel, key) = (channel.clone(), key(call));
            let class = CLASSES[call % CLASSES.len()];
            tokio::spawn(async move { class.call(&channel, &key).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap_or_else(|error| panic!("{}", chain(&error)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_each_get_their_own_answer() {
    let server = Server::start(Script::each(|request| {
        // Answered out of order, and each by its own stream's number.
        let pause = ms(u64::from(request.stream * 7 % 20));
        let body = reply::numbered(i64::from(request.stream));
        vec![Act::Wait(pause), Act::Send(reply::with_body(request.stream, &body))]
    }));
    let channel = channel([&server.endpoint], patient());
    let calls: Vec<_> = (0..1000)
        .map(|_| {
            let channel = channel.clone();
            tokio::spawn(
                async move { channel.call(&put("k")).await.unwrap().header.unwrap().revision },
            )
        })
        .collect();
    let mut seen = std::collections::HashSet::new();
    for call in calls {
        assert!(seen.insert(call.await.unwrap()), "two calls got one answer");
    }
    assert_eq!((seen.len(), server.accepted()), (1000, 1));
}

#[tokio::test]
async fn streams_wait_for_their_turn_where_the_server_limits_them() {
    for limit in [1, 2, 5] {
        let script =
            Script::each(|request| vec![Act::Wait(ms(1)), Act::Send(reply::done(request.stream))]);
        let server = Server::start(script.settings(&[(MAX_CONCURRENT_STREAMS, limit)]));
        let channel = channel([&server.endpoint], patient());
        all(&channel, 60, |call| format!("k{call}")).await;
        assert_eq!((server.accepted(), server.calls()), (1, 60), "{limit}");
    }
}

#[tokio::test]
async fn a_limit_may_change_under_way() {
    // None at first, then some, then one.
    let limits = |limit| Act::Send(settings(&[(MAX_CONCURRENT_STREAMS, limit)]));
    let script = Script::each(move |request| {
        let done = Act::Send(reply::done(request.stream));
        if request.nth == 20 { vec![limits(1), done] } else { vec![done] }
    });
    let server = Server::start(script.greeting([limits(0), Act::Wait(ms(50)), limits(10)]));
    let channel = channel([&server.endpoint], patient());
    all(&channel, 60, |call| format!("k{call}")).await;
    assert_eq!((server.accepted(), server.calls()), (1, 60));
}

#[tokio::test]
async fn a_server_that_restarts_is_met_again() {
    let mut server = Server::healthy();
    let channel = channel([&server.endpoint], patient());
    for round in 1..=3 {
        all(&channel, 10, |call| format!("k{call}")).await;
        assert_eq!(server.accepted(), round);
        server.stop(if round == 2 { End::Close } else { End::Reset }).await;
        let error = failure(channel.call(&put("k")).await);
        assert_eq!((error.kind(), error.outcome()), (&Kind::Unreachable, Outcome::NotApplied));
        server.restart();
    }
    all(&channel, 10, |call| format!("k{call}")).await;
}

/// Streams that are under way outlive a shutdown that lets them finish.
#[tokio::test]
async fn a_stream_goes_on_while_new_calls_go_to_a_new_connection() {
    let server = Server::start(Script::each(move |request| {
        let id = request.stream;
        match request.is_about("w") {
            true => vec![
                Act::Send([head(id), data(id, &item(1)), goaway(id, 0)].concat()),
                Act::Wait(ms(50)),
                Act::Send([data(id, &item(2)), trailers(id, 0, "")].concat()),
            ],
            false => vec![Act::Send(reply::done(id))],
        }
    }));
    let channel = channel([&server.endpoint], patient());
    let options = CallOptions::default().lane(Lane::Calls);
    let mut stream = channel.stream(&watching("w"), &options).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().watch_id, 1);
    for _ in 0..10 {
        channel.call(&put("k")).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    }
    assert_eq!(stream.next().await.unwrap().unwrap().watch_id, 2);
    assert!(stream.next().await.unwrap().is_none());
    assert_eq!(server.accepted(), 2);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A runtime that is dropped takes its connections along, those that are being made too.
#[test]
fn a_channel_outlives_the_runtime_that_dialled() {
    let servers =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let servers = servers.unwrap();
    let (server, quiet) = servers.block_on(async {
        let late = [Act::Wait(ms(100)), Act::Send(settings(&[]))];
        (Server::start(Script::healthy().greeting(late)), Server::healthy())
    });
    let late = channel([&server.endpoint], patient());
    // Dropped while the server has not greeted yet.
    let first = runtime();
    first.block_on(async {
        let request = put("k");
        let mut call = Box::pin(late.call(&request));
        while server.accepted() == 0 {
            let answer = tokio::time::timeout(ms(1), &mut call).await;
            assert!(answer.is_err(), "the server has not greeted yet: {answer:?}");
        }
    });
    drop(first);
    let second = runtime();
    second.block_on(late.call(&put("k"))).unwrap_or_else(|error| panic!("{}", chain(&error)));
    drop(second);
    // Dropped with a connection that is open, and used from a third.
    runtime().block_on(late.call(&put("k"))).unwrap_or_else(|error| panic!("{}", chain(&error)));
    // Dropped under a call that waits in another runtime.
    let calm = channel([&quiet.endpoint], patient());
    let first = runtime();
    first.block_on(calm.call(&put("k"))).unwrap();
    let waiting = {
        let calm = calm.clone();
        std::thread::spawn(move || runtime().block_on(calm.call(&put("k"))))
    };
    std::thread::sleep(ms(50));
    drop(first);
    // Whatever became of it, it ended, and not in a panic.
    let _ = waiting.join().unwrap();
    runtime().block_on(calm.call(&put("k"))).unwrap_or_else(|error| panic!("{}", chain(&error)));
}

/// Answers in pieces, so that a call waits at every point where it can.
fn hesitant() -> Script {
    Script::each(|request| {
        let id = request.stream;
        if !request.is_about("slow") {
            return vec![Act::Send(reply::done(id))];
        }
        let pieces = [head(id), data(id, &reply::message()[..3]), data(id, &reply::message()[3..])];
        let pieces = pieces.into_iter().flat_map(|piece| [Act::Wait(ms(1)), Act::Send(piece)]);
        pieces.chain([Act::Wait(ms(1)), Act::Send(trailers(id, 0, ""))]).collect()
    })
}

/// Does something with a channel, dropped after each number of polls until it comes to its end,
/// and looks at the channel each time.
async fn drop_everywhere(channel: &Channel, act: impl AsyncFn(usize) -> bool) -> usize {
    for polls in 1..500 {
        let ended = act(polls).await;
        for class in CLASSES {
            let after = tokio::time::timeout(ms(5000), class.call(channel, "after")).await;
            let after = after.unwrap_or_else(|_| panic!("stuck after {polls} polls"));
            after.unwrap_or_else(|error| panic!("after {polls} polls: {}", chain(&error)));
        }
        if ended {
            return polls;
        }
    }
    panic!("it never ends")
}

#[tokio::test]
async fn a_call_dropped_anywhere_leaves_nothing_behind() {
    for class in CLASSES {
        for fresh in [false, true] {
            let server = Server::start(hesitant());
            let kept = channel([&server.endpoint], patient());
            let most = drop_everywhere(&kept, async |polls| {
                let new = channel([&server.endpoint], patient());
                let channel = if fresh { &new } else { &kept };
                cut(class.call(channel, "slow"), polls).await.map(|a| a.unwrap()).is_some()
            })
            .await;
            assert!(most > 2, "no point to drop it at");
            assert!(server.about("slow") <= most, "{class:?}: sent more than once");
            let connections = if fresh { most + 1 } else { 1 };
            assert!(server.accepted() <= connections, "{class:?}: {}", server.accepted());
            drop(kept);
            server.until("all connections ended", |server| server.open() == 0).await;
        }
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled_at_the_server() {
    let server = Server::start(Script::each(|request| match request.is_about("never") {
        true => vec![Act::Hang],
        false => vec![Act::Send(reply::done(request.stream))],
    }));
    let channel = channel([&server.endpoint], patient());
    for class in CLASSES {
        class.call(&channel, "k").await.unwrap();
        let before = (server.about("never"), server.cancelled());
        let mut call = Box::pin(class.call(&channel, "never"));
        while server.about("never") == before.0 {
            assert!(tokio::time::timeout(ms(1), &mut call).await.is_err());
        }
        drop(call);
        server.until("it is cancelled", |server| server.cancelled() == before.1 + 1).await;
    }
    // A deadline does the same.
    let before = server.cancelled();
    let options = CallOptions::default().deadline(ms(50));
    failure(channel.call_with(&put("never"), &options).await);
    server.until("it is cancelled", |server| server.cancelled() == before + 1).await;
    assert_eq!(server.accepted(), 1, "and the connection stays");
}

#[tokio::test]
async fn a_stream_dropped_anywhere_is_cancelled_at_the_server() {
    let server = Server::start(Script::each(|request| {
        let id = request.stream;
        match request.is_about("w") {
            true => vec![
                Act::Wait(ms(1)),
                Act::Send(head(id)),
                Act::Wait(ms(1)),
                Act::Send(data(id, &item(1))),
                Act::Hang,
            ],
            false => vec![Act::Send(reply::done(id))],
        }
    }));
    let channel = channel([&server.endpoint], patient());
    for both in [false, true] {
        let most = drop_everywhere(&channel, async |polls| {
            let act = async {
                let (_up, mut down) = match both {
                    true => {
                        let (up, down) = duplex(&channel, "w").await;
                        (Some(up), down)
                    }
                    false => (None, watch(&channel, "w").await),
                };
                down.next().await.unwrap().unwrap();
            };
            cut(act, polls).await.is_some()
        })
        .await;
        assert!(most > 2, "no point to drop it at");
    }
    // Every stream that the server saw, it saw cancelled.
    server.until("all are cancelled", |server| server.cancelled() == server.about("w")).await;
    assert_eq!(server.accepted(), 3, "a connection for each kind of traffic");
}

#[tokio::test]
async fn a_silent_server_is_noticed_while_a_stream_is_open() {
    let script = || streams(|id| [head(id), data(id, &item(1))].concat());
    let mut config = patient();
    (config.ping, config.pong) = (ms(60), ms(200));
    // One that answers pings is left in peace.
    let server = Server::start(script());
    let alive = channel([&server.endpoint], config.clone());
    let mut stream = watch(&alive, "w").await;
    stream.next().await.unwrap().unwrap();
    assert!(tokio::time::timeout(ms(700), stream.next()).await.is_err());
    assert!(server.pings() >= 2, "{} pings", server.pings());
    // One that does not is given up, by streams and by calls.
    let server = Server::start(script().without_pongs());
    let channel = channel([&server.endpoint], config);
    let mut stream = watch(&channel, "w").await;
    stream.next().await.unwrap().unwrap();
    server.go_deaf();
    let CallError::Failed(error) = stream.next().await.unwrap_err() else { panic!() };
    assert_eq!((error.kind(), error.outcome()), (&Kind::Timeout, Outcome::NotApplied));
}

#[tokio::test]
async fn a_call_on_a_connection_that_is_half_open_ends_long_before_its_deadline() {
    let server = Server::start(Script::healthy().without_pongs());
    let mut config = quick().deadline(ms(60_000));
    (config.ping, config.pong) = (ms(60), ms(200));
    let channel = channel([&server.endpoint], config);
    channel.call(&put("k")).await.unwrap();
    server.go_deaf();
    // The server reads one frame more at most, as it waits for it already.
    let error = failure(channel.call(&put("k")).await);
    assert_eq!((error.kind(), error.outcome()), (&Kind::Timeout, Outcome::Unknown), "{error}");
    server.until("it is given up", |server| server.accepted() == 1).await;
}

#[tokio::test]
async fn nothing_is_asked_of_a_server_that_has_nothing_to_do() {
    let server = Server::healthy();
    let mut config = patient();
    (config.ping, config.pong) = (ms(20), ms(500));
    let channel = channel([&server.endpoint], config);
    for _ in 0..5 {
        channel.call(&put("k")).await.unwrap();
        let before = server.pings();
        tokio::time::sleep(ms(120)).await;
        assert!(server.pings() <= before + 1, "{} pings at rest", server.pings() - before);
    }
    assert_eq!((server.accepted(), server.calls()), (1, 5));
}

/// A second implementation's server reads the heads of requests.
#[tokio::test]
async fn a_request_has_the_head_that_grpc_asks_for() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = listener.local_addr().unwrap().to_string().parse().unwrap();
    let served = tokio::spawn(async move {
        let (line, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(line).await.unwrap();
        let mut heads = Vec::new();
        while let Some(request) = connection.accept().await {
            let (request, mut respond) = request.unwrap();
            heads.push(request.into_parts().0);
            let head = http::Response::builder()
                .header("content-type", "application/grpc")
                .header("grpc-status", "12");
            respond.send_response(head.body(()).unwrap(), true).unwrap();
        }
        heads
    });
    let name = http::HeaderName::from_static("token");
    let options = CallOptions::default()
        .deadline(ms(2500))
        .header(name, http::HeaderValue::from_static("simple.7"));
    let channel = channel([&endpoint], patient());
    channel.call_with(&put("k"), &options).await.unwrap_err();
    channel.call_with(&range("k"), &options).await.unwrap_err();
    drop(channel);
    let heads = served.await.unwrap();
    for (head, path) in heads.iter().zip(["/etcdserverpb.KV/Put", "/etcdserverpb.KV/Range"]) {
        assert_eq!((head.method.as_str(), head.uri.path()), ("POST", path));
        assert_eq!(head.uri.scheme_str(), Some("http"));
        assert_eq!(head.uri.authority().unwrap().as_str(), endpoint.to_string());
        for (name, value) in [
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("grpc-timeout", "2600000u"),
            ("token", "simple.7"),
        ] {
            assert_eq!(head.headers[name], value, "{name}");
        }
        assert_eq!(head.headers.len(), 4, "{:?}", head.headers);
    }
    assert_eq!(heads.len(), 2);
}
