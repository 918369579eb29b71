//! What replies over HTTP/1.1 may take of memory: their bound and a mebibyte, whatever a server sends.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

mod common;

use common::reply::{chunk, chunked, reply};
use common::script::{Act, Script};
use common::server::Server;
use common::{channel, get, ms, set};
use etcd_transport::Config;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;
/// One test at a time: both share one memory.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
/// The longest head of a reply.
const HEAD: usize = 64 << 10;
/// The longest body, as configured here.
const BODY: usize = 2 * MIB;

fn config() -> Config {
    let mut config = Config::default().deadline(ms(60_000)).rounds(1);
    (config.attempt, config.hedge, config.connect) = (ms(60_000), ms(60_000), ms(60_000));
    config.max_reply = BODY;
    config
}

/// What a server sends, and goes on to send for ever; and what of it may be held.
fn replies() -> Vec<(&'static str, Vec<u8>, Vec<u8>, usize)> {
    let text = "x".repeat(8000);
    let endless = b"HTTP/1.1 200 OK\r\nX-Etcd-Index: 7\r\n\r\n".to_vec();
    let claimed = b"HTTP/1.1 200 OK\r\nX-Etcd-Index: 7\r\nContent-Length: 2147483648\r\n\r\n";
    let begun = [chunked(), chunk("{}"), b"0\r\n".to_vec()].concat();
    let many = |piece: &[u8]| piece.repeat(1 + 8000 / piece.len());
    let key = br#"{"action":"get","node":{"key":"/","dir":true,"nodes":[{"key":"/a"}"#;
    vec![
        ("headers", b"HTTP/1.1 200 OK\r\n".to_vec(), many(b"X-Filler: abcdefgh\r\n"), HEAD),
        ("one header", b"HTTP/1.1 200 OK\r\nX-Filler: ".to_vec(), text.clone().into(), HEAD),
        ("a status line", b"HTTP/1.1 200 ".to_vec(), text.clone().into(), HEAD),
        ("garbage", b"\x16\x03\x01".to_vec(), vec![0xfe; 4096], HEAD),
        ("2 GiB claimed", claimed.to_vec(), text.clone().into(), HEAD),
        ("a body without a length", endless.clone(), text.clone().into(), BODY),
        ("chunks", chunked(), chunk(&text), BODY),
        ("chunks of 100 bytes", chunked(), many(&chunk(&text[..100])), BODY),
        ("chunks of one byte", chunked(), many(b"1\r\nx\r\n"), BODY),
        (
            "a huge chunk",
            [chunked(), b"7fffffffffffff\r\n".to_vec()].concat(),
            text.clone().into(),
            BODY,
        ),
        (
            "what a chunk is annotated with",
            [chunked(), b"1;".to_vec()].concat(),
            text.clone().into(),
            HEAD,
        ),
        ("trailers", begun.clone(), many(b"X-Trailer: abcdefgh\r\n"), HEAD),
        ("one trailer", [begun, b"X-Trailer: ".to_vec()].concat(), text.into(), HEAD),
        ("arrays in arrays", endless.clone(), many(b"["), BODY),
        ("objects in objects", endless.clone(), many(br#"{"node":"#), BODY),
        ("nodes in nodes", endless.clone(), many(br#"{"nodes":["#), BODY),
        ("a list of nodes", [endless, key.to_vec()].concat(), many(br#",{"key":"/a"}"#), BODY),
    ]
}

#[tokio::test]
async fn endless_replies_take_their_bound_and_a_mebibyte() {
    let _alone = ALONE.lock().await;
    for (name, begins, goes_on, bound) in replies() {
        let pour = Script::each([Act::Send(begins), Act::Pour(goes_on)]);
        for write in [false, true] {
            let server = Server::start(pour.clone());
            let channel = channel([&server.endpoint], config());
            MEMORY.reset_peak_usage();
            let before = MEMORY.current_usage();
            let answer = match write {
                true => channel.call(&set("k")).await,
                false => channel.call(&get("k")).await,
            };
            let held = MEMORY.peak_usage().saturating_sub(before);
            assert!(answer.is_err(), "{name}");
            println!("{name}, write: {write}: {held} bytes of {bound}");
            assert!(held < bound + MIB, "{name}: {held} bytes where {bound} are the bound");
            server.until("the client is gone", |server| server.open() == 0).await;
        }
    }
}

/// Replies that end, each as long as is allowed and made of as many parts as can be.
#[tokio::test]
async fn what_is_decoded_takes_no_more_than_is_documented() {
    let _alone = ALONE.lock().await;
    let fill = |begins: &str, part: &str, ends: &str| {
        let count = (BODY - begins.len() - ends.len()) / part.len();
        reply("200 OK", &["X-Etcd-Index: 7"], &[begins, &part.repeat(count), ends].concat())
    };
    let directory = r#"{"action":"get","node":{"key":"/","dir":true,"nodes":[{"key":"/a"}"#;
    for (name, reply) in [
        ("arrays in arrays", fill("", "[", "")),
        ("nodes in nodes", fill(r#"{"action":"get","node":"#, r#"{"key":"/","nodes":["#, "")),
        ("nodes without anything", fill(r#"{"action":"get","node":{"nodes":[{}"#, ",{}", "]}}")),
        ("nodes with a key", fill(directory, r#",{"key":"/a"}"#, "]}}")),
        ("a long value", fill(r#"{"action":"get","node":{"key":"/","value":""#, "x", r#""}}"#)),
        ("what is unknown", fill(r#"{"action":"get","unknown":[0"#, ",0", "]}")),
    ] {
        let server = Server::start(Script::each([Act::Send(reply)]));
        let channel = channel([&server.endpoint], config());
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        let _ = channel.call(&get("k")).await;
        let held = MEMORY.peak_usage().saturating_sub(before);
        println!("{name}: {held} bytes");
        assert!(held < 200 * BODY + MIB, "{name}: {held} bytes");
    }
}
