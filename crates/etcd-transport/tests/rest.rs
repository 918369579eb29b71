//! Connections at rest: what happens to them there costs no call anything.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

mod common;

use common::reply;
use common::request::Request;
use common::script::{Act, End, Script};
use common::server::Server;
use common::{chain, channel, get, ms, quick, set};
use etcd_transport::Config;

#[tokio::test]
async fn a_connection_closed_at_rest_costs_nothing() {
    for end in [End::Close, End::Reset] {
        let server = Server::healthy();
        let channel = channel([&server.endpoint], Config::default());
        for round in 0..100 {
            let what = format!("{end:?}, round {round}");
            channel.call(&set("k")).await.unwrap_or_else(|error| panic!("{what}: {error}"));
            server.hang_up(end).await;
            channel.call(&set("k")).await.unwrap_or_else(|error| panic!("{what}: {error}"));
            server.hang_up(end).await;
            channel.call(&get("k")).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        }
        assert_eq!((server.writes(), server.calls()), (200, 300));
        assert_eq!(channel.counters().failures, 0, "nobody is blamed");
    }
}

#[tokio::test]
async fn what_comes_at_rest_is_no_answer_to_the_next_request() {
    let unasked = reply::error("412 Precondition Failed", 101);
    let script = move |request: &Request| match request.is_sign_of_life() {
        true => vec![Act::Send(reply::version())],
        false => vec![Act::Send(reply::done()), Act::Wait(ms(5)), Act::Send(unasked.clone())],
    };
    let server = Server::start(Script::on(script));
    let channel = channel([&server.endpoint], quick());
    for _ in 0..5 {
        channel.call(&set("k")).await.unwrap();
        let sent = server.written();
        server.until("the unasked reply is sent", |server| server.written() > sent).await;
    }
    assert_eq!(server.writes(), 5);
}

/// What happens while the client's runtime is too busy to look is known to the kernel alone.
#[test]
fn what_a_busy_runtime_has_not_seen_is_asked_of_the_kernel() {
    let servers =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let client = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let servers = servers.unwrap();
    let unasked = reply::error("412 Precondition Failed", 101);
    let chatty = [Act::Send(reply::done()), Act::Wait(ms(5)), Act::Send(unasked.clone())];
    for (name, script, end) in [
        ("closed", Script::healthy(), Some(End::Close)),
        ("reset", Script::healthy(), Some(End::Reset)),
        ("unasked", Script::each(chatty.clone()), None),
        ("unasked and closed", Script::each(chatty), Some(End::Close)),
    ] {
        let server = servers.block_on(async { Server::start(script) });
        let channel = channel([&server.endpoint], quick());
        for round in 1..=5 {
            let sent = server.written();
            let answer = client.block_on(channel.call(&set("k")));
            answer.unwrap_or_else(|error| panic!("{name}, round {round}: {}", chain(&error)));
            servers.block_on(async {
                if name.starts_with("unasked") {
                    let all = sent + (reply::done().len() + unasked.len()) as u64;
                    server.until("the unasked reply is sent", |s| s.written() >= all).await;
                }
                if let Some(end) = end {
                    server.hang_up(end).await;
                }
            });
            // A connection that rests for less than a millisecond is not looked at that closely.
            std::thread::sleep(ms(2));
        }
        assert_eq!(server.writes(), 5, "{name}");
    }
}
