//! A call that is dropped, at whatever point, leaves the channel as good as it was.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

mod common;

use std::pin::pin;

use common::reply::{self, LAST_CHUNK, chunk, chunked};
use common::script::{Act, Script};
use common::server::Server;
use common::{channel, cut, get, key, ms, quick, set};
use etcd_proto::v2::Watch;
use etcd_transport::{CallOptions, Channel, Config};

/// More polls than any call here takes.
const MOST_POLLS: usize = 500;

/// Drops a call after each number of polls until one comes to its end, and looks at the channel.
async fn drop_everywhere(channel: &Channel, call: impl AsyncFn(usize) -> bool) -> usize {
    for polls in 1..MOST_POLLS {
        let ended = call(polls).await;
        let (read, write) = (get("after"), set("after"));
        let after = async { tokio::join!(channel.call(&read), channel.call(&write)) };
        let after = tokio::time::timeout(ms(2000), after).await;
        let (read, write) = after.unwrap_or_else(|_| panic!("stuck after {polls} polls"));
        read.and(write).unwrap_or_else(|error| panic!("after {polls} polls: {error}"));
        if ended {
            return polls;
        }
    }
    panic!("a call took {MOST_POLLS} polls")
}

fn hurried() -> Config {
    let mut config = quick();
    config.hedge = ms(5);
    config
}

/// Answers in pieces, so that a call waits at every point where it can.
fn hesitant(reply: Vec<u8>) -> Script {
    let pieces: Vec<_> = reply.chunks(40).map(<[u8]>::to_vec).collect();
    Script::on(move |request| {
        let after = request.is_about("after");
        match after || request.is_sign_of_life() {
            true => vec![Act::Send(reply::healthy(request))],
            false => pieces.iter().flat_map(|p| [Act::Send(p.clone()), Act::Wait(ms(1))]).collect(),
        }
    })
}

#[tokio::test]
async fn a_write_dropped_anywhere_is_sent_at_most_once() {
    for fresh in [false, true] {
        let server = Server::start(hesitant(reply::done()));
        let kept = channel([&server.endpoint], hurried());
        let most = drop_everywhere(&kept, async |polls| {
            let new = channel([&server.endpoint], hurried());
            let channel = if fresh { &new } else { &kept };
            let name = format!("write-{polls}");
            let ended = cut(channel.call(&set(&name)), polls).await;
            ended.map(|answer| answer.unwrap()).is_some()
        })
        .await;
        assert!(most > 2, "no point to drop it at");
        for polls in 1..=most {
            let sent = server.count(|request| request.is_about(&format!("write-{polls}")));
            assert!(sent <= 1, "sent {sent} times when dropped after {polls} polls");
        }
    }
}

#[tokio::test]
async fn a_read_dropped_anywhere_leaves_no_reply_for_the_next() {
    let server = Server::start(hesitant(reply::error("404 Not Found", 100)));
    let channel = channel([&server.endpoint], hurried());
    let most = drop_everywhere(&channel, async |polls| {
        let ended = cut(channel.call(&get("missing")), polls).await;
        ended.map(|answer| answer.unwrap_err()).is_some()
    })
    .await;
    assert!(most > 2, "no point to drop it at");
}

#[tokio::test]
async fn a_raced_or_redirected_call_can_be_dropped_anywhere() {
    let silent = Server::start(Script::always([Act::Hang]));
    let live = Server::start(hesitant(reply::done()));
    let location = format!("http://{}/v2/keys/moved", live.endpoint);
    let follower = Server::start(Script::on(move |request| match request.is_about("moved") {
        true => vec![Act::Send(reply::redirect(&location))],
        false => vec![Act::Send(reply::healthy(request))],
    }));
    let checked = channel([&live.endpoint], hurried());
    for first in [&silent.endpoint, &follower.endpoint] {
        for write in [false, true] {
            drop_everywhere(&checked, async |polls| {
                let channel = channel([first, &live.endpoint], hurried());
                let (read, set) = (get("moved"), set("moved"));
                match write {
                    true => cut(channel.call(&set), polls).await.map(|a| a.unwrap()).is_some(),
                    false => cut(channel.call(&read), polls).await.map(|a| a.unwrap()).is_some(),
                }
            })
            .await;
        }
    }
    drop(checked);
    live.until("all connections ended", |server| server.open() == 0).await;
    silent.until("all connections ended", |server| server.open() == 0).await;
}

#[tokio::test]
async fn opening_a_stream_can_be_dropped_anywhere() {
    let server = Server::start(hesitant([chunked(), chunk(reply::EVENT)].concat()));
    let channel = channel([&server.endpoint], hurried());
    drop_everywhere(&channel, async |polls| {
        let watch = Watch::new(key("k")).stream();
        let ended = cut(channel.stream(&watch, &CallOptions::default()), polls).await;
        ended.map(|stream| stream.unwrap()).is_some()
    })
    .await;
}

#[tokio::test]
async fn waiting_for_an_event_can_be_dropped_and_loses_none() {
    let events: Vec<u8> = (0..20).flat_map(|_| chunk(reply::EVENT)).collect();
    let server = Server::start(hesitant([chunked(), events, LAST_CHUNK.to_vec()].concat()));
    let channel = channel([&server.endpoint], quick());
    let watch = Watch::new(key("k")).stream();
    let mut stream = channel.stream(&watch, &CallOptions::default()).await.unwrap();
    let (mut events, mut dropped) = (0, 0);
    loop {
        match cut(pin!(stream.next()), 1).await {
            Some(Ok(Some(_))) => events += 1,
            Some(Ok(None)) => break,
            Some(Err(error)) => panic!("{error}"),
            None => {
                dropped += 1;
                // Nobody waits for the stream now: give the server its turn.
                tokio::task::yield_now().await;
            }
        }
    }
    assert_eq!(events, 20);
    assert!(dropped > 20, "dropped {dropped} times");
}
