//! What a server may send over HTTP/2: no panic, no memory without bound, no flood without end.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::LazyLock;

use common::http2::frame::{
    self, ACK, CONTINUATION, END_HEADERS, HEADERS, PRIORITY, PUSH_PROMISE, SETTINGS, claiming,
    field, frame, goaway, ping, reset, settings, window_update,
};
use common::http2::reply::{self, data, head, message, trailers};
use common::http2::script::Script;
use common::http2::server::Server;
use common::http2::{CLASSES, Class, failure, put, range};
use common::script::Act;
use common::{chain, channel, ms, patient, quick};
use etcd_proto::call::Outcome;
use etcd_proto::v3::{MemberListRequest, WatchCreateRequest, WatchRequest, WatchStream};
use etcd_transport::error::Kind;
use etcd_transport::{CallOptions, Config, Lane};
use peak_alloc::PeakAlloc;
use tokio::sync::{Mutex, MutexGuard};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;

/// One test at a time: all share one memory.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: LazyLock<Mutex<()>> = LazyLock::new(Mutex::default);
    ALONE.lock().await
}

/// Counts what is allocated from now on.
struct Peak(usize);

impl Peak {
    fn begin() -> Self {
        MEMORY.reset_peak_usage();
        Self(MEMORY.current_usage())
    }

    fn bytes(&self) -> usize {
        MEMORY.peak_usage().saturating_sub(self.0)
    }
}

/// Replies of up to a MiB.
fn config() -> Config {
    let mut config = quick().deadline(ms(1500)).rounds(1);
    config.attempt = config.deadline;
    config.connect = ms(1500);
    config.max_reply = MIB;
    config
}

/// Begins a connection well, and then goes on like this.
fn then(bytes: Vec<u8>) -> Act {
    Act::Send([settings(&[]), bytes].concat())
}

/// Frames to pour out, some thousands at once.
fn many(bytes: &[u8]) -> Vec<u8> {
    bytes.repeat((64 << 10) / bytes.len())
}

/// Frames that are part of no reply, and cost their sender next to nothing.
fn floods() -> Vec<(&'static str, Vec<u8>)> {
    let interim = reply::any_head(1, "103", &[("link", "x")], false);
    vec![
        ("pings", ping([7; 8])),
        ("answers to no ping", frame(frame::PING, ACK, 0, &[7; 8])),
        ("settings", settings(&[(1, 4096)])),
        ("answers to no settings", frame(SETTINGS, ACK, 0, &[])),
        ("windows", window_update(0, 1)),
        ("windows of a stream", window_update(1, 1)),
        ("priorities", frame(PRIORITY, 0, 3, &[0, 0, 0, 1, 7])),
        ("frames of no kind", frame(0x99, 0xff, 1, b"what")),
        ("empty data", data(1, b"")),
        ("empty data for nobody", data(99, b"")),
        ("resets", reset(1, 8)),
        ("resets for nobody", reset(99, 8)),
        ("goodbyes", goaway(1, 0)),
        ("interim heads", interim),
        ("heads for nobody", head(99)),
        ("heads of their own", head(2)),
        ("promises", frame(PUSH_PROMISE, END_HEADERS, 1, &[&[0, 0, 0, 2][..], &[0x82]].concat())),
        ("header blocks without a head", frame(CONTINUATION, 0, 1, &[0x88])),
        ("empty header blocks", frame(CONTINUATION, 0, 1, b"")),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_ends_the_connection_and_holds_no_memory() {
    let _alone = alone().await;
    for (name, flood) in floods() {
        for at_once in [true, false] {
            let pours = Act::Pour(many(&flood));
            let server = Server::start(match at_once {
                true => Script::healthy().greeting([then(Vec::new()), pours]),
                false => Script::each(move |_| vec![pours.clone()]),
            });
            let channel = channel([&server.endpoint], config());
            let peak = Peak::begin();
            for class in [Class::Once, Class::Safe] {
                let _ = class.call(&channel, "k").await;
            }
            let held = peak.bytes();
            assert!(held < MIB, "{name}, {at_once}: {held} bytes");
            // Not that a call ends, but that the connection does, is what ends a flood.
            server.until(name, |server| server.open() == 0).await;
        }
    }
}

#[tokio::test]
async fn a_header_block_without_end_is_refused() {
    let _alone = alone().await;
    let begins = |id| frame(HEADERS, 0, id, &[reply::STATUS_200]);
    let more = |bytes: &[u8]| many(&frame(CONTINUATION, 0, 1, bytes));
    let long = field("x-filler", &"x".repeat(8000));
    for (name, flood) in [
        ("of nothing", more(b"")),
        ("of short fields", more(&field("a", "b"))),
        ("of long fields", more(&long)),
        ("of one field", more(&[b'x'; 1000])),
    ] {
        let server = Server::start(Script::each(move |request| {
            vec![Act::Send(begins(request.stream)), Act::Pour(flood.clone())]
        }));
        let channel = channel([&server.endpoint], config());
        let peak = Peak::begin();
        let error = failure(channel.call(&put("k")).await);
        assert_eq!((error.kind(), error.outcome()), (&Kind::Protocol, Outcome::Unknown), "{name}");
        assert!(peak.bytes() < MIB, "{name}: {} bytes", peak.bytes());
        server.until("it is gone", |server| server.open() == 0).await;
    }
}

#[tokio::test]
async fn trailers_without_end_are_refused() {
    let _alone = alone().await;
    for filler in [field("a", "b"), field("x-filler", &"x".repeat(8000))] {
        let server = Server::start(Script::each(move |request| {
            let id = request.stream;
            let more = many(&frame(CONTINUATION, 0, id, &filler));
            let begun = frame(HEADERS, frame::END_STREAM, id, &field("grpc-status", "0"));
            vec![Act::Send([head(id), data(id, &message()), begun].concat()), Act::Pour(more)]
        }));
        let channel = channel([&server.endpoint], config());
        let peak = Peak::begin();
        let error = failure(channel.call(&put("k")).await);
        assert_eq!((error.kind(), error.outcome()), (&Kind::Protocol, Outcome::Unknown), "{error}");
        assert!(peak.bytes() < MIB, "{} bytes", peak.bytes());
        server.until("it is gone", |server| server.open() == 0).await;
    }
}

#[tokio::test]
async fn an_item_of_a_stream_may_claim_what_it_likes() {
    let _alone = alone().await;
    for claimed in [64 << 20, 1 << 31, u32::MAX] {
        let server = Server::start(Script::each(move |request| {
            let begun = [head(request.stream), data(request.stream, &reply::announced(claimed))];
            let goes_on = data(request.stream, &[b'x'; 16 << 10]);
            vec![Act::Send(begun.concat()), Act::Pour(goes_on)]
        }));
        let channel = channel([&server.endpoint], patient());
        let watch = WatchStream(WatchRequest::from(WatchCreateRequest::new("w")));
        let peak = Peak::begin();
        let mut stream = channel.stream(&watch, &CallOptions::default()).await.unwrap();
        let ended = stream.next().await.unwrap_err();
        let whole = if claimed == 64 << 20 { 65 * MIB } else { 0 };
        assert!(peak.bytes() < whole + 2 * MIB, "{claimed}: {} bytes", peak.bytes());
        assert!(!chain(&ended).is_empty());
    }
}

/// Lists of as many members or keys as fit, each of them empty.
#[tokio::test]
async fn what_is_decoded_takes_no_more_than_is_documented() {
    let _alone = alone().await;
    let length = MIB - 5;
    let body =
        [&reply::announced(length as u32)[..], &[0x12, 0].repeat(length / 2), &[0x12]].concat();
    for odd in [false, true] {
        // The second ends in the middle of an element.
        let body = if odd {
            body.clone()
        } else {
            [&reply::announced(length as u32 - 1)[..], &body[5..length + 4]].concat()
        };
        let server = Server::start(Script::sends(move |id| {
            let pieces = body.chunks(16 << 10).flat_map(|piece| data(id, piece));
            [head(id), pieces.collect(), trailers(id, 0, "")].concat()
        }));
        let mut config = patient();
        config.max_reply = MIB;
        let channel = channel([&server.endpoint], config);
        let peak = Peak::begin();
        let members = channel.call(&MemberListRequest::new()).await;
        let keys = channel.call(&range("k")).await;
        assert_eq!((members.is_ok(), keys.is_ok()), (!odd, !odd));
        drop((members, keys));
        println!("{odd}: {} bytes", peak.bytes());
        assert!(peak.bytes() < 200 * MIB + MIB, "{} bytes", peak.bytes());
    }
}

#[tokio::test]
async fn headers_are_taken_up_to_a_limit() {
    let _alone = alone().await;
    let with = |length: usize| {
        Script::sends(move |id| {
            let fields = [("content-type", "application/grpc"), ("x-filler", &"x".repeat(length))];
            let head = reply::any_head(id, "200", &fields, false);
            [head, data(id, &message()), trailers(id, 0, "")].concat()
        })
    };
    let small = Server::start(with(8 << 10));
    channel([&small.endpoint], config()).call(&put("k")).await.unwrap();
    for length in [16 << 10, 200 << 10] {
        let large = Server::start(with(length));
        let error = failure(channel([&large.endpoint], config()).call(&put("k")).await);
        assert_eq!((error.kind(), error.outcome()), (&Kind::Protocol, Outcome::Unknown), "{error}");
    }
    // A word of the server that is too long is cut, or not taken.
    for length in [3000, 12_000, 100_000] {
        let long =
            Server::start(Script::sends(move |id| reply::refused(id, 3, &"x".repeat(length))));
        let error = channel([&long.endpoint], config()).call(&put("k")).await.unwrap_err();
        assert!(chain(&error).len() < 5000, "{length}: {}", chain(&error).len());
    }
}

#[tokio::test]
async fn a_reply_is_held_up_to_a_limit_however_it_comes() {
    let _alone = alone().await;
    let filler = vec![b'x'; 16 << 10];
    let honest = reply::announced(64 << 20);
    let humble = reply::announced(MIB as u32 - 5);
    let rows: Vec<(&str, Vec<u8>, Vec<u8>)> = vec![
        ("announced and endless", honest, data(1, &filler)),
        ("2 GiB announced", reply::announced(1 << 31), data(1, &filler)),
        ("not announced", humble.clone(), data(1, &filler)),
        ("in pieces of 100 bytes", humble.clone(), data(1, &filler[..100])),
        ("in single bytes", humble, data(1, b"x")),
        ("a page", b"<html>".to_vec(), data(1, &filler)),
    ];
    for (name, begins, goes_on) in rows {
        for class in CLASSES {
            let (begins, goes_on) = (begins.clone(), many(&goes_on));
            let server = Server::start(Script::each(move |request| {
                assert_eq!(request.stream, 1);
                let begins = [head(1), data(1, &begins)].concat();
                vec![Act::Send(begins), Act::Pour(goes_on.clone())]
            }));
            let mut config = config();
            config.deadline = ms(20_000);
            config.attempt = ms(20_000);
            let channel = channel([&server.endpoint], config);
            let peak = Peak::begin();
            let error = failure(class.call(&channel, "k").await);
            assert_eq!(error.kind(), &Kind::TooLarge, "{name}, {class:?}: {error}");
            // The limit, and a MiB.
            assert!(peak.bytes() < 2 * MIB, "{name}, {class:?}: {} bytes", peak.bytes());
            drop(channel);
            server.until("all connections ended", |server| server.open() == 0).await;
        }
    }
}

#[tokio::test]
async fn a_frame_may_claim_what_it_likes() {
    let _alone = alone().await;
    for (name, frame) in [
        ("16 MiB of data", claiming((1 << 24) - 1, frame::DATA, 0, 1, b"x")),
        ("257 KiB of data", claiming(257 << 10, frame::DATA, 0, 1, b"x")),
        ("16 MiB of headers", claiming((1 << 24) - 1, HEADERS, END_HEADERS, 1, b"x")),
        ("16 MiB of settings", claiming((1 << 24) - 1, SETTINGS, 0, 0, b"x")),
        ("a ping of 9 bytes", claiming(9, frame::PING, 0, 0, b"123456789")),
        ("a reset of 3 bytes", claiming(3, frame::RST_STREAM, 0, 1, b"123")),
        ("settings of 5 bytes", claiming(5, SETTINGS, 0, 0, b"12345")),
        ("data for all", claiming(1, frame::DATA, 0, 0, b"x")),
        ("too much padding", claiming(2, frame::DATA, 8, 1, &[200, 1])),
        ("a window of nothing", window_update(0, 0)),
        ("a window beyond all", window_update(0, (1 << 31) - 1)),
        ("a window of settings beyond all", settings(&[(4, u32::MAX)])),
        ("frames of one byte", settings(&[(5, 1)])),
        ("headers that make no sense", frame(HEADERS, END_HEADERS, 1, &[0xff; 40])),
        ("headers without a status", frame(HEADERS, END_HEADERS, 1, &field("a", "b"))),
        ("a status that is none", reply::any_head(1, "2000", &[], false)),
        ("a status of letters", reply::any_head(1, "abc", &[], false)),
        ("an upgrade", reply::any_head(1, "101", &[], false)),
        ("capitals", reply::any_head(1, "200", &[("Content-Type", "application/grpc")], false)),
        ("line breaks", reply::any_head(1, "200", &[("a", "b\r\nc: d")], false)),
        ("two statuses", frame(HEADERS, END_HEADERS, 1, &[reply::STATUS_200; 2])),
        ("another length", reply::any_head(1, "200", &[("content-length", "5")], true)),
        ("no length", reply::any_head(1, "200", &[("content-length", "x")], false)),
    ] {
        for class in CLASSES {
            let frame = frame.clone();
            let script = Script::each(move |_| vec![Act::Send(frame.clone()), Act::Hang]);
            let server = Server::start(script);
            let mut config = config().deadline(ms(300));
            config.attempt = ms(300);
            let channel = channel([&server.endpoint], config);
            let peak = Peak::begin();
            let answer = class.call(&channel, "k").await;
            let proven = if class == Class::Safe { Outcome::NotApplied } else { Outcome::Unknown };
            let error = answer.expect_err(name);
            assert_eq!(error.outcome(), proven, "{name}, {class:?}: {}", chain(&error));
            assert!(peak.bytes() < MIB, "{name}: {} bytes", peak.bytes());
        }
    }
}

#[tokio::test]
async fn what_is_no_http2_is_told_with_what_it_said() {
    let _alone = alone().await;
    for (name, bytes) in [
        ("a page", &b"HTTP/1.1 400 Bad Request\r\n\r\nClient sent an HTTP/2 request"[..]),
        ("TLS", b"\x15\x03\x01\x00\x02\x02\x50"),
        ("SSH", b"SSH-2.0-OpenSSH_9.2p1\r\n"),
        ("nothing", b""),
        ("zeros", &[0; 100]),
        ("a ping before settings", &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ("settings that never end", &[0, 0x40, 0, 4, 0, 0, 0, 0, 0]),
        ("half of settings", &[0, 0, 0, 4]),
        ("settings of a stream", &[0, 0, 0, 4, 0, 0, 0, 0, 1]),
    ] {
        for class in CLASSES {
            let greeting = [Act::Send(bytes.to_vec()), Act::Wait(ms(20)), Act::Close];
            let server = Server::start(Script::healthy().greeting(greeting));
            let channel = channel([&server.endpoint], config());
            let error = failure(class.call(&channel, "k").await);
            // One that greets well and then closes may have got it.
            let proven = error.outcome() == Outcome::NotApplied
                || (error.outcome() == Outcome::Unknown && class != Class::Safe);
            assert!(proven, "{name}, {class:?}: {error}");
            assert!(error.to_string().contains(&server.endpoint.to_string()), "{name}: {error}");
            assert_eq!(server.calls(), 0, "{name}");
        }
    }
    let pours = Server::start(Script::healthy().greeting([Act::Pour(vec![b'x'; 64 << 10])]));
    let peak = Peak::begin();
    let error = failure(channel([&pours.endpoint], config()).call(&put("k")).await);
    assert_eq!((error.kind(), error.outcome()), (&Kind::Protocol, Outcome::NotApplied), "{error}");
    assert!(peak.bytes() < MIB, "{} bytes", peak.bytes());
}

#[tokio::test]
async fn a_reply_that_is_dripped_ends_by_the_deadline() {
    let _alone = alone().await;
    let dripped = |id| [head(id), data(id, &reply::announced(10_000)), data(id, &[0; 10_000])];
    for class in CLASSES {
        let server = Server::start(Script::each(move |request| {
            vec![Act::Drip(dripped(request.stream).concat(), ms(5))]
        }));
        let mut config = config();
        (config.deadline, config.attempt) = (ms(400), ms(400));
        let error = failure(class.call(&channel([&server.endpoint], config), "k").await);
        let proven = if class == Class::Safe { Outcome::NotApplied } else { Outcome::Unknown };
        assert_eq!((error.kind(), error.outcome()), (&Kind::Timeout, proven), "{error}");
    }
}

/// Streams that nobody reads for a while hold what their windows allow, and go on afterwards.
#[tokio::test]
async fn streams_that_nobody_reads_hold_what_their_windows_allow() {
    let _alone = alone().await;
    let (small, large) = ([25usize, 60, 250, 1000], [250, 1000, 10_000]);
    for (lane, streams, lengths) in [
        (Lane::Streams, 1, &small[..]),
        (Lane::Streams, 20, &small),
        (Lane::Bulk, 1, &large),
        (Lane::Bulk, 20, &large),
    ] {
        let window = if lane == Lane::Bulk { MIB } else { MIB / 4 };
        for &length in lengths {
            // An item with a field that is skipped.
            let field = [&[0x7a][..], &varint(length), &vec![b'x'; length]].concat();
            let item = [&[0][..], &(field.len() as u32).to_be_bytes(), &field].concat();
            let count = window / item.len();
            let script = Script::each(move |request| {
                let items = data(request.stream, &item).repeat(count);
                vec![Act::Send([head(request.stream), items].concat())]
            });
            let server = Server::start(script);
            let channel = channel([&server.endpoint], patient());
            let watch = WatchStream(WatchRequest::from(WatchCreateRequest::new("w")));
            let options = CallOptions::default().lane(lane);
            let before = server.written() as usize;
            let mut unread = Vec::new();
            let peak = Peak::begin();
            for _ in 0..streams {
                let mut stream = channel.stream(&watch, &options).await.unwrap();
                stream.next().await.unwrap().unwrap();
                unread.push(stream);
            }
            let all = before + streams * count * length;
            server.until("all is sent", |server| server.written() as usize > all).await;
            tokio::time::sleep(ms(100)).await;
            let (name, held) = (format!("{lane:?}, {streams} of {length}"), peak.bytes());
            // And each goes on where it stood.
            for stream in &mut unread {
                for _ in 1..count {
                    let next = stream.next().await;
                    next.unwrap_or_else(|error| panic!("{name}: {}", chain(&error))).unwrap();
                }
            }
            assert!(held < streams * 8 * MIB, "{name}: {held} bytes");
            drop((unread, channel));
            server.until("all connections ended", |server| server.open() == 0).await;
        }
    }
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 128 {
        bytes.push((number % 128) as u8 | 128);
        number /= 128;
    }
    bytes.push(number as u8);
    bytes
}
