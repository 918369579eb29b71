//! Servers that want the client's memory or time get none of them.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Instant;

use common::reply::{self, chunk, chunked};
use common::script::{Act, Script};
use common::server::Server;
use common::{chain, channel, failure, get, ms, quick, set};
use etcd_proto::call::Outcome;
use etcd_transport::Config;
use etcd_transport::error::Kind;

const MIB: usize = 1 << 20;
/// What the kernel may hold of what a client does not read.
const IN_FLIGHT: usize = 12 * MIB;

/// A configuration that takes replies of up to a mebibyte, and more time than they need.
fn modest() -> Config {
    let mut config = Config::default().deadline(ms(30_000)).rounds(1);
    config.attempt = ms(30_000);
    config.max_reply = MIB;
    config
}

/// What a server pours out that never ends, and how much of it a client takes.
struct Flood {
    name: &'static str,
    begins: Vec<u8>,
    goes_on: Vec<u8>,
    kind: Kind,
    outcome: Outcome,
    most: usize,
}

fn floods() -> Vec<Flood> {
    let filler = "x".repeat(8000);
    let flood = |name, begins: &[u8], goes_on: &[u8]| Flood {
        name,
        begins: begins.to_vec(),
        goes_on: goes_on.to_vec(),
        kind: Kind::TooLarge,
        outcome: Outcome::Applied,
        most: MIB,
    };
    let head =
        |flood| Flood { kind: Kind::Protocol, outcome: Outcome::Unknown, most: 64 << 10, ..flood };
    let endless = b"HTTP/1.1 200 OK\r\nX-Etcd-Index: 7\r\n\r\n";
    vec![
        flood("endless chunks", &chunked(), &chunk(&filler)),
        flood("a body without a length", endless, filler.as_bytes()),
        head(flood("endless headers", b"HTTP/1.1 200 OK\r\n", b"X-Filler: abcdefgh\r\n")),
        head(flood("one endless header", b"HTTP/1.1 200 OK\r\nX-Filler: ", filler.as_bytes())),
        head(flood("an endless status line", b"HTTP/1.1 200 ", filler.as_bytes())),
        head(flood("endless garbage", b"\x16\x03\x01", &[0xfe; 4096])),
    ]
}

#[tokio::test]
async fn floods_end_with_little_taken() {
    for Flood { name, begins, goes_on, kind, outcome, most } in floods() {
        let pour = Script::each([Act::Send(begins), Act::Pour(goes_on)]);
        for write in [false, true] {
            let server = Server::start(pour.clone());
            let channel = channel([&server.endpoint], modest());
            let answer = match write {
                true => channel.call(&set("k")).await,
                false => channel.call(&get("k")).await,
            };
            let error = failure(answer);
            // Not by the deadline: it was ended for what it is.
            assert_eq!(error.kind(), &kind, "{name}: {error}");
            let proven = if write { outcome } else { Outcome::NotApplied };
            assert_eq!(error.outcome(), proven, "{name}");
            assert!(error.to_string().contains(&server.endpoint.to_string()), "{error}");
            server.until("the client is gone", |server| server.open() == 0).await;
            let taken = server.written() as usize;
            assert!(taken < most + IN_FLIGHT, "{name}: {taken} bytes were taken");
        }
    }
}

#[tokio::test]
async fn a_body_announced_too_long_is_not_read() {
    let head = "HTTP/1.1 200 OK\r\nX-Etcd-Index: 7\r\nContent-Length: 1073741824\r\n\r\n";
    let server =
        Server::start(Script::each([Act::Send(head.into()), Act::Pour(vec![b'x'; 64 << 10])]));
    let channel = channel([&server.endpoint], Config::default().rounds(1));
    for (answer, outcome) in [
        (channel.call(&get("k")).await, Outcome::NotApplied),
        (channel.call(&set("k")).await, Outcome::Applied),
    ] {
        let error = failure(answer);
        assert_eq!((error.kind(), error.outcome()), (&Kind::TooLarge, outcome));
        assert!(error.to_string().contains("more than 67108864 bytes"), "{error}");
    }
    server.until("the client is gone", |server| server.open() == 0).await;
    assert!((server.written() as usize) < 2 * IN_FLIGHT, "{}", server.written());
}

#[tokio::test]
async fn a_limit_is_one_to_the_byte() {
    let length = reply::EVENT.len();
    for (most, fits) in [(length, true), (length - 1, false)] {
        for reply in
            [reply::done(), [chunked(), chunk(reply::EVENT), reply::LAST_CHUNK.to_vec()].concat()]
        {
            let server = Server::start(Script::each([Act::Send(reply)]));
            let mut config = quick();
            config.max_reply = most;
            let answer = channel([&server.endpoint], config).call(&get("k")).await;
            assert_eq!(answer.is_ok(), fits, "{length} bytes where {most} are allowed");
        }
    }
}

#[tokio::test]
async fn a_head_of_a_mebibyte_is_refused_and_one_of_48_kib_is_not() {
    let with_header = |length: usize| {
        let header = format!("X-Filler: {}", "x".repeat(length));
        Script::each([Act::Send(reply::reply("200 OK", &[&header], reply::EVENT))])
    };
    let (large, small) = (Server::start(with_header(MIB)), Server::start(with_header(48 << 10)));
    let error = failure(channel([&large.endpoint], quick()).call(&get("k")).await);
    assert_eq!(error.kind(), &Kind::Protocol, "{error}");
    channel([&small.endpoint], quick()).call(&get("k")).await.unwrap();
}

#[tokio::test]
async fn a_reply_that_never_ends_ends_by_the_deadline() {
    let dripped = reply::reply("200 OK", &["X-Etcd-Index: 7"], &"x".repeat(10_000));
    let slow_head = Act::Drip(dripped.clone(), ms(5));
    let body = dripped.len() - 10_000;
    let slow_body =
        [Act::Send(dripped[..body].to_vec()), Act::Drip(dripped[body..].to_vec(), ms(5))];
    for acts in [vec![slow_head], slow_body.to_vec()] {
        let server = Server::start(Script::each(acts));
        let channel = channel([&server.endpoint], quick());
        let began = Instant::now();
        let (read, write) = (get("k"), set("k"));
        let (read, write) = tokio::join!(channel.call(&read), channel.call(&write));
        // All of it would take 50 s.
        assert!(began.elapsed() < ms(20_000), "{:?}", began.elapsed());
        let (read, write) = (failure(read), failure(write));
        assert_eq!((read.kind(), read.outcome()), (&Kind::Timeout, Outcome::NotApplied));
        assert_eq!((write.kind(), write.outcome()), (&Kind::Timeout, Outcome::Unknown));
    }
}

/// Interim replies come faster than they are read, so the socket always has more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_interim_replies_end_by_the_deadline() {
    let interim = format!("HTTP/1.1 100 Continue\r\nX-Filler: {}\r\n\r\n", "x".repeat(1000));
    let server = Server::start(Script::each([Act::Pour(interim.repeat(1000).into())]));
    let channel = channel([&server.endpoint], quick());
    let began = Instant::now();
    let (read, write) =
        (failure(channel.call(&get("k")).await), failure(channel.call(&set("k")).await));
    // The flood never ends, so any end is by the deadline; a busy machine may be late to see it.
    assert!(began.elapsed() < ms(20_000), "{:?}", began.elapsed());
    assert_eq!((read.kind(), write.kind()), (&Kind::Timeout, &Kind::Timeout));
    assert_eq!(write.outcome(), Outcome::Unknown);
}

#[tokio::test]
async fn what_is_no_etcd_is_no_success() {
    for (name, bytes) in [
        ("nothing", &b""[..]),
        ("TLS", b"\x15\x03\x03\x00\x02\x02\x50"),
        ("SSH", b"SSH-2.0-OpenSSH_9.2p1\r\n"),
        ("HTTP/2", b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80"),
        ("line breaks", b"\r\n\r\n\r\n\r\n"),
        ("an upgrade", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nxxxx"),
        ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "),
        ("a negative length", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}"),
        ("a chunk of no size", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}"),
        (
            "a huge chunk",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}",
        ),
        ("a page", b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n<html>hi</html>\n"),
        ("no body", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("half a value", b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"action\":\"se"),
    ] {
        for script in [
            Script::each([Act::Send(bytes.to_vec()), Act::Close]),
            Script::always([Act::Send(bytes.to_vec()), Act::Close]),
        ] {
            let server = Server::start(script);
            let channel = channel([&server.endpoint], quick().deadline(ms(150)).rounds(1));
            let answer = channel.call(&get("k")).await;
            assert_eq!(answer.unwrap_err().outcome(), Outcome::NotApplied, "{name}");
            let error = channel.call(&set("k")).await.unwrap_err();
            let sent = server.writes();
            let proven = if sent == 0 { Outcome::NotApplied } else { Outcome::Unknown };
            assert_eq!((error.outcome(), sent.min(1)), (proven, sent), "{name}: {}", chain(&error));
            assert!(chain(&error).contains(&server.endpoint.to_string()), "{name}");
        }
    }
}
