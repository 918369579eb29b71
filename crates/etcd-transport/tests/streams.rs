//! Replies that come piece by piece: their items, their ends, and the connections under them.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

mod common;

use common::place::Port;
use common::reply::{self, LAST_CHUNK, chunk, chunked};
use common::script::{Act, End, Script};
use common::server::Server;
use common::{chain, channel, get, key, ms, quick, set};
use etcd_proto::call::Outcome;
use etcd_proto::v2::{Error, Watch};
use etcd_transport::error::Kind;
use etcd_transport::{CallError, CallOptions, Channel, OpenStream};

fn event(index: u64) -> String {
    format!(
        r#"{{"action":"set","node":{{"key":"/k","value":"}}{{","modifiedIndex":{index},"createdIndex":1}}}}"#
    )
}

async fn watch(channel: &Channel) -> Result<OpenStream<Watch>, CallError<Error>> {
    channel.stream(&Watch::new(key("k")).stream(), &CallOptions::default()).await
}

async fn indexes(stream: &mut OpenStream<Watch>) -> Vec<u64> {
    let mut indexes = Vec::new();
    while let Some(event) = stream.next().await.unwrap() {
        indexes.push(event.node.unwrap().modified_index);
    }
    indexes
}

/// The acts of a server that sends this body in chunks that hold `size` bytes each.
fn in_chunks(body: &str, size: usize) -> Vec<Act> {
    let pieces = body.as_bytes().chunks(size);
    let chunks = pieces.flat_map(|piece| chunk(std::str::from_utf8(piece).unwrap()));
    vec![Act::Send([chunked(), chunks.collect(), LAST_CHUNK.to_vec()].concat())]
}

#[tokio::test]
async fn events_come_whole_however_they_are_cut() {
    let body: String = (1..=20).map(|index| event(index) + "\n").collect();
    for size in [1, 7, 64, 100, body.len()] {
        let server = Server::start(Script::each(in_chunks(&body, size)));
        let mut stream = watch(&channel([&server.endpoint], quick())).await.unwrap();
        assert_eq!(stream.headers()["x-etcd-index"], "7");
        assert_eq!(stream.endpoint(), &server.endpoint);
        assert_eq!(indexes(&mut stream).await, (1..=20).collect::<Vec<_>>(), "{size}");
        assert!(stream.next().await.unwrap().is_none(), "an end stays one");
    }
}

#[tokio::test]
async fn an_event_comes_as_soon_as_it_is_there() {
    let first = [chunked(), chunk(&event(1))].concat();
    let server = Server::start(Script::each([Act::Send(first), Act::Hang]));
    let mut stream = watch(&channel([&server.endpoint], quick())).await.unwrap();
    // The server hangs: whoever waited for more would wait for ever.
    let event = tokio::time::timeout(ms(30_000), stream.next()).await;
    assert!(event.expect("it was there").unwrap().is_some());
}

#[tokio::test]
async fn a_stream_outlives_the_deadline_of_its_head() {
    let late = [Act::Send(chunked()), Act::Wait(ms(600)), Act::Send(chunk(&event(1)))];
    let server = Server::start(Script::each(late));
    let mut stream = watch(&channel([&server.endpoint], quick())).await.unwrap();
    assert!(stream.next().await.unwrap().is_some());

    let never = Server::start(Script::each([Act::Hang]));
    let Err(CallError::Failed(error)) = watch(&channel([&never.endpoint], quick())).await else {
        panic!("no head, and yet a stream")
    };
    assert_eq!((error.kind(), error.outcome()), (&Kind::Timeout, Outcome::NotApplied));
}

#[tokio::test]
async fn a_reply_without_an_event_is_an_end() {
    for nothing in [
        reply::reply("200 OK", &["X-Etcd-Index: 7"], ""),
        reply::reply("200 OK", &["X-Etcd-Index: 7"], "\n"),
        [chunked(), LAST_CHUNK.to_vec()].concat(),
        [chunked(), chunk("\n"), LAST_CHUNK.to_vec()].concat(),
    ] {
        let server = Server::start(Script::each([Act::Send(nothing)]));
        let mut stream = watch(&channel([&server.endpoint], quick())).await.unwrap();
        assert!(indexes(&mut stream).await.is_empty());
        assert!(stream.headers().is_empty());
    }
}

#[tokio::test]
async fn a_stream_that_breaks_says_so_once_and_ends() {
    let whole = [chunked(), chunk(&event(1))].concat();
    let half = chunk(&event(2)[..20]);
    let length = format!("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}", event(1));
    for (name, bytes, end, kind) in [
        ("closed between events", whole.clone(), Act::Close, Kind::Interrupted),
        ("reset between events", whole.clone(), Act::Reset, Kind::Interrupted),
        (
            "closed in an event",
            [whole.clone(), half.clone()].concat(),
            Act::Close,
            Kind::Interrupted,
        ),
        (
            "closed in a chunk",
            [whole.clone(), b"ff\r\n{\"act".to_vec()].concat(),
            Act::Close,
            Kind::Interrupted,
        ),
        ("closed before its length", length.into_bytes(), Act::Close, Kind::Interrupted),
        ("no event", [whole.clone(), chunk("<html></html>")].concat(), Act::Hang, Kind::Protocol),
        ("no chunk", [whole, b"zz\r\n".to_vec()].concat(), Act::Hang, Kind::Protocol),
    ] {
        let server = Server::start(Script::each([Act::Send(bytes), Act::Wait(ms(20)), end]));
        let mut stream = watch(&channel([&server.endpoint], quick())).await.unwrap();
        assert!(stream.next().await.unwrap().is_some(), "{name}");
        let error = stream.next().await.unwrap_err();
        let CallError::Failed(failed) = &error else { panic!("{name}: {error:?}") };
        assert_eq!(failed.kind(), &kind, "{name}: {failed}");
        assert!(chain(&error).contains(&server.endpoint.to_string()), "{name}");
        assert!(stream.next().await.unwrap().is_none(), "{name}: nothing more follows");
        server.until("the client is gone", |server| server.open() == 0).await;
    }
}

#[tokio::test]
async fn long_polls_share_a_connection() {
    let one = [chunked(), chunk(&event(1)), LAST_CHUNK.to_vec()].concat();
    for (name, reply) in [("chunked", one), ("with a length", reply::done())] {
        let server = Server::start(Script::each([Act::Send(reply)]));
        let channel = channel([&server.endpoint], quick());
        for _ in 0..5 {
            let mut stream = watch(&channel).await.unwrap();
            assert_eq!(indexes(&mut stream).await.len(), 1);
        }
        assert_eq!((channel.counters().connections, server.accepted()), (1, 1), "{name}");
    }
}

#[tokio::test]
async fn calls_answered_in_chunks_share_a_connection() {
    let answer = [chunked(), chunk(reply::EVENT), LAST_CHUNK.to_vec()].concat();
    let server = Server::start(Script::each([Act::Send(answer)]));
    let channel = channel([&server.endpoint], quick());
    for _ in 0..3 {
        channel.call(&get("k")).await.unwrap();
        channel.call(&set("k")).await.unwrap();
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn dropping_a_stream_ends_it_at_the_server_and_nothing_else() {
    let endless = [Act::Send([chunked(), chunk(&event(1))].concat()), Act::Hang];
    let server = Server::start(Script::on(move |request| match request.target.contains("wait") {
        true => endless.to_vec(),
        false => vec![Act::Send(reply::healthy(request))],
    }));
    let channel = channel([&server.endpoint], quick());
    let mut stream = watch(&channel).await.unwrap();
    stream.next().await.unwrap();
    channel.call(&set("k")).await.unwrap();
    assert_eq!(server.open(), 2, "a stream has a connection of its own");
    drop(stream);
    server.until("the stream is gone", |server| server.open() == 1).await;
    channel.call(&set("k")).await.unwrap();
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_refused_watch_is_refused_and_keeps_its_connection() {
    let server = Server::start(Script::each([Act::Send(reply::error("400 Bad Request", 401))]));
    let channel = channel([&server.endpoint], quick());
    for _ in 0..3 {
        let error = watch(&channel).await.unwrap_err();
        let CallError::Refused { refusal: Error::Key(refusal), .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!((refusal.code.0, error.outcome()), (401, Outcome::NotApplied));
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_watch_finds_the_server_that_lives() {
    let live = Server::start(Script::each([Act::Send(reply::done())]));
    let silent = Server::start(Script::always([Act::Hang]));
    let closing = Server::start(Script::each([Act::Close]));
    let follower = Server::start(Script::each([Act::Send(reply::redirect(&format!(
        "http://{}/v2/keys/k?wait=true",
        live.endpoint
    )))]));
    let dead = Port::reserve();
    for (name, first) in [
        ("dead", &dead.endpoint()),
        ("silent", &silent.endpoint),
        ("closing", &closing.endpoint),
        ("a follower", &follower.endpoint),
    ] {
        let channel = channel([first, &live.endpoint], quick());
        let mut stream = watch(&channel).await.unwrap_or_else(|e| panic!("{name}: {}", chain(&e)));
        assert_eq!(indexes(&mut stream).await, [7], "{name}");
        assert_eq!(stream.endpoint(), &live.endpoint, "{name}");
    }
    assert_eq!(silent.calls(), 0, "the endpoint is proven before the watch is sent");
}

#[tokio::test]
async fn a_watch_survives_a_connection_closed_at_rest() {
    let server = Server::start(Script::each([Act::Send(reply::done())]));
    let channel = channel([&server.endpoint], quick());
    for end in [End::Close, End::Reset, End::Close] {
        let mut stream = watch(&channel).await.unwrap();
        assert_eq!(indexes(&mut stream).await, [7]);
        server.hang_up(end).await;
    }
    assert_eq!(server.calls(), 3);
}
