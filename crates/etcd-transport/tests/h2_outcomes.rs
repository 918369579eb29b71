//! What each way of failing proves over HTTP/2, for calls of each class, and whether another
//! server is asked then.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::http2::frame::{self, goaway, reset};
use common::http2::reply::{self, data, head, last_data, message, with_body};
use common::http2::script::{Request, Script};
use common::http2::server::Server;
use common::http2::{Class, failure, put, range, refusal};
use common::place::Port;
use common::script::{Act, End};
use common::{chain, channel, ms, patient, quick};
use etcd_proto::call::Outcome::{self, Applied, NotApplied, Unknown};
use etcd_proto::v3::LeaseGrantRequest;
use etcd_proto::v3::error::message as said;
use etcd_transport::error::{Kind, Phase};
use etcd_transport::{CallError, Config};

/// What a call came to at the first server, while the second is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    /// Done by the second.
    Elsewhere,
    Refused(Outcome),
    Failed(Why, Outcome),
}

/// Why a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Interrupted,
    Protocol,
    TooLarge,
    Timeout,
}

impl Why {
    fn of(kind: &Kind) -> Self {
        match kind {
            Kind::Interrupted => Self::Interrupted,
            Kind::Protocol => Self::Protocol,
            Kind::TooLarge => Self::TooLarge,
            Kind::Timeout => Self::Timeout,
            other => panic!("an unexpected kind: {other:?}"),
        }
    }
}

use Came::{Elsewhere, Failed, Refused};
use Why::{Interrupted, Protocol, TooLarge};

/// Makes a call of a class to two servers, the first of which does what the function says.
async fn came(
    name: &str,
    class: Class,
    config: Config,
    asked: impl Fn(&Request) -> Vec<Act> + Send + Sync + 'static,
) -> Came {
    let (first, second) = (Server::start(Script::each(asked)), Server::healthy());
    let channel = channel([&first.endpoint, &second.endpoint], config);
    let answer = class.call(&channel, "k").await;
    let (tried, done) = (first.about("k"), second.about("k"));
    let name = format!("{name}, {class:?}");
    assert_eq!(tried, 1, "{name}: the first server saw it");
    match answer {
        Ok(()) => {
            assert_eq!(done, 1, "{name}: and yet it was done");
            Elsewhere
        }
        Err(error) => {
            assert_eq!(done, 0, "{name}: {error}");
            match error {
                CallError::Refused { outcome, endpoint, .. } => {
                    assert_eq!(endpoint, first.endpoint, "{name}");
                    Refused(outcome)
                }
                CallError::Failed(error) => {
                    let attempt = error.attempts().last().unwrap();
                    assert_eq!(attempt.endpoint, first.endpoint, "{name}");
                    assert!(attempt.phase > Phase::Connect, "{name}");
                    Failed(Why::of(error.kind()), error.outcome())
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}

/// Checks one row for the three classes: once, guarded, safe.
async fn row(
    name: &str,
    expected: [Came; 3],
    asked: impl Fn(&Request) -> Vec<Act> + Clone + Send + Sync + 'static,
) {
    for (class, expected) in common::http2::CLASSES.into_iter().zip(expected) {
        let came = came(name, class, patient(), asked.clone()).await;
        assert_eq!(came, expected, "{name}, {class:?}");
    }
}

fn sends(
    bytes: impl Fn(u32) -> Vec<u8> + Clone + Send + Sync + 'static,
) -> impl Fn(&Request) -> Vec<Act> + Clone + Send + Sync + 'static {
    move |request| vec![Act::Send(bytes(request.stream))]
}

fn sends_and_ends(
    end: Act,
    bytes: impl Fn(u32) -> Vec<u8> + Clone + Send + Sync + 'static,
) -> impl Fn(&Request) -> Vec<Act> + Clone + Send + Sync + 'static {
    move |request| vec![Act::Send(bytes(request.stream)), end.clone()]
}

const ENDS: [Act; 2] = [Act::Close, Act::Reset];

#[tokio::test]
async fn proof_that_a_server_did_not_look_sends_anything_elsewhere() {
    let all = [Elsewhere; 3];
    row("a refused stream", all, sends(|id| reset(id, frame::REFUSED_STREAM))).await;
    for code in [frame::NO_ERROR, frame::ENHANCE_YOUR_CALM, 99] {
        row("going away", all, sends(move |_| goaway(0, code))).await;
        for end in ENDS {
            row("gone", all, sends_and_ends(end, move |_| goaway(0, code))).await;
        }
    }
    // The shutdown of servers in Go: a warning first, and then the last stream.
    row("shutdown", all, sends(|_| [goaway(i32::MAX as u32, 0), goaway(0, 0)].concat())).await;
}

#[tokio::test]
async fn any_other_end_of_a_stream_proves_nothing() {
    let open = [Failed(Interrupted, Unknown), Elsewhere, Elsewhere];
    for code in (0..=13).chain([99, u32::MAX]).filter(|&code| code != frame::REFUSED_STREAM) {
        row(&format!("reset with {code}"), open, sends(move |id| reset(id, code))).await;
    }
    // A server that has begun to answer has looked.
    let begun = |id| [head(id), reset(id, frame::REFUSED_STREAM)].concat();
    row("refused after the head", open, sends(begun)).await;
}

#[tokio::test]
async fn a_connection_that_ends_under_a_request_proves_nothing() {
    let open = [Failed(Interrupted, Unknown), Elsewhere, Elsewhere];
    for end in ENDS {
        let name = format!("{end:?}");
        row(&name, open, sends_and_ends(end.clone(), |_| Vec::new())).await;
        // Its own stream is among those that the server means to finish.
        let kept = |id| goaway(id, frame::NO_ERROR);
        row(&format!("{name} after a warning"), open, sends_and_ends(end.clone(), kept)).await;
        let kept = |id| goaway(id, frame::ENHANCE_YOUR_CALM);
        row(&format!("{name} after a reproach"), open, sends_and_ends(end.clone(), kept)).await;
        row(&format!("{name} after the head"), open, sends_and_ends(end, head)).await;
    }
}

#[tokio::test]
async fn a_reply_that_is_cut_at_any_byte_is_no_reply() {
    let whole = data(1, &message());
    for class in common::http2::CLASSES {
        for length in 0..=whole.len() {
            for end in ENDS {
                let name = format!("{length} bytes of a body and then {end:?}");
                let bytes = move |id| [&head(id), &data(id, &message())[..length]].concat();
                let came = came(&name, class, patient(), sends_and_ends(end, bytes)).await;
                let expected = match class {
                    Class::Once => Failed(Interrupted, Unknown),
                    _ => Elsewhere,
                };
                assert_eq!(came, expected, "{name}, {class:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_reply_without_a_status_is_no_reply() {
    let open = [Refused(Unknown), Elsewhere, Elsewhere];
    row("no trailers", open, sends(|id| [head(id), last_data(id, &message())].concat())).await;
    let nothing = |id| reply::any_head(id, "200", &[("content-type", "application/grpc")], true);
    row("a head alone", open, sends(nothing)).await;
    let other = |id| {
        let trailers = reply::any_trailers(id, &[("x-status", "0")]);
        [head(id), data(id, &message()), trailers].concat()
    };
    row("trailers without a status", open, sends(other)).await;
    // This is how servers stop a request whose rest they do not want.
    for length in [0, 7, message().len()] {
        let cut = move |id| [head(id), data(id, &message()[..length]), reset(id, 0)].concat();
        row("stopped without a status", open, sends(cut)).await;
    }
}

#[tokio::test]
async fn success_that_cannot_be_read_is_success() {
    let done = [Refused(Applied), Refused(Applied), Refused(NotApplied)];
    row("no message", done, sends(|id| with_body(id, b"\0\0\0\0\x02\xff\xff"))).await;
    row("no body", done, sends(|id| with_body(id, b""))).await;
    row("half a frame", done, sends(|id| with_body(id, b"\0\0"))).await;
    row("less than announced", done, sends(|id| with_body(id, b"\0\0\0\0\x09\x0a\x00"))).await;
    row("two messages", done, sends(|id| with_body(id, &[message(), message()].concat()))).await;
    row("compressed", done, sends(|id| with_body(id, b"\x01\0\0\0\x01\x00"))).await;
    let only = |id| reply::refused(id, 0, "");
    row("success without a body", done, sends(only)).await;
}

#[tokio::test]
async fn success_that_is_too_large_is_success() {
    let done = [Failed(TooLarge, Applied), Failed(TooLarge, Applied), Failed(TooLarge, NotApplied)];
    for length in [(64 << 20) + 1, 1 << 31, u32::MAX] {
        let claims = move |id| [head(id), data(id, &reply::announced(length))].concat();
        row(&format!("{length} bytes"), done, sends(claims)).await;
    }
    for class in common::http2::CLASSES {
        let mut config = patient();
        config.max_reply = 20;
        let long = |id| with_body(id, &[reply::announced(16), vec![0x7a; 16]].concat());
        let came = came("a byte too long", class, config, sends(long)).await;
        assert_eq!(came, done[class as usize], "{class:?}");
    }
}

/// A page of a proxy begins with letters, which are no length.
#[tokio::test]
async fn a_page_is_no_success_however_large_it_is() {
    let page = |status: &'static str| {
        sends(move |id| {
            let head = reply::any_head(id, status, &[("content-type", "text/html")], false);
            [head, last_data(id, b"<html>busy</html>")].concat()
        })
    };
    let open = [Refused(Unknown), Elsewhere, Elsewhere];
    for status in ["200", "400", "429", "500", "502", "503", "504"] {
        row(&format!("a page with {status}"), open, page(status)).await;
    }
    // What has no such path has not done what it was asked.
    for status in ["401", "403", "404"] {
        row(&format!("a page with {status}"), [Elsewhere; 3], page(status)).await;
    }
    let endless = sends(|id| {
        let head = reply::any_head(id, "502", &[("content-type", "text/html")], false);
        [head, data(id, &[b'x'; 4096])].concat()
    });
    for class in common::http2::CLASSES {
        let mut config = patient();
        config.max_reply = 1000;
        let came = came("an endless page", class, config, endless.clone()).await;
        let expected = match class {
            Class::Once => Failed(Protocol, Unknown),
            _ => Elsewhere,
        };
        assert_eq!(came, expected, "{class:?}");
    }
}

#[tokio::test]
async fn a_word_of_the_server_proves_what_it_says() {
    let refused = |code, text: &'static str| sends(move |id| reply::refused(id, code, text));
    let proven = [Refused(NotApplied); 3];
    for (code, text) in [
        (3, said::EMPTY_KEY),
        (5, said::LEASE_NOT_FOUND),
        (7, said::PERMISSION_DENIED),
        (9, said::LEASE_EXISTS),
        (16, said::INVALID_TOKEN),
        (11, said::COMPACTED),
        (15, said::CORRUPT),
        (12, "unknown method"),
    ] {
        row(text, proven, refused(code, text)).await;
    }
    let open = [Refused(Unknown), Refused(Unknown), Refused(NotApplied)];
    for (code, text) in [(8, said::NO_SPACE), (13, "internal"), (2, "unheard of"), (99, "")] {
        row(text, open, refused(code, text)).await;
    }
    let repeated = [Refused(Unknown), Elsewhere, Elsewhere];
    for (code, text) in [
        (14, said::TIMED_OUT),
        (14, said::SERVER_STOPPED),
        (14, said::LEADER_CHANGED),
        (14, said::UNHEALTHY),
        (14, "unavailable for another reason"),
    ] {
        row(text, repeated, refused(code, text)).await;
    }
    let elsewhere = [Elsewhere; 3];
    for (code, text) in [
        (8, said::TOO_MANY_REQUESTS),
        (14, said::NO_LEADER),
        (2, said::PROPOSAL_DROPPED),
        (9, said::NOT_FOR_LEARNERS),
        (9, said::NOT_CAPABLE),
    ] {
        row(text, elsewhere, refused(code, text)).await;
    }
}

/// A refusal may come before the request has been read, and then a reset to stop the rest.
#[tokio::test]
async fn a_refusal_counts_though_the_rest_of_the_request_is_unwanted() {
    let script = Script::on(|request| match request.is_sign_of_life() {
        true => vec![Act::Send(reply::healthy(request))],
        false => Vec::new(),
    });
    let script = script.opened(|request| {
        let refused = reply::refused(request.stream, 8, "grpc: received message larger than max");
        vec![Act::Wait(ms(5)), Act::Send([refused, reset(request.stream, 0)].concat())]
    });
    let server = Server::start(script);
    let channel = channel([&server.endpoint], patient());
    let mut large = put("k");
    large.value = vec![b'x'; 1 << 20].into();
    let (refusal, outcome) = refusal(channel.call(&large).await);
    assert!(refusal.to_string().contains("larger than max"), "{refusal}");
    assert_eq!(outcome, NotApplied);
}

#[tokio::test]
async fn silence_proves_nothing() {
    for class in common::http2::CLASSES {
        let config = quick().deadline(ms(600));
        let came = came("silence", class, config, |_| vec![Act::Hang]).await;
        let expected = match class {
            Class::Once => Failed(Why::Timeout, Unknown),
            _ => Elsewhere,
        };
        assert_eq!(came, expected, "{class:?}");
    }
}

#[tokio::test]
async fn what_is_repeated_after_an_open_end_stays_open() {
    // A repeat of the grant finds the lease there: its own work, or that of another.
    let first = Server::start(Script::sends(|id| reset(id, 2)));
    let exists = |id| reply::refused(id, 9, said::LEASE_EXISTS);
    let second = Server::start(Script::sends(exists));
    let both = channel([&first.endpoint, &second.endpoint], patient());
    let mut grant = LeaseGrantRequest::default();
    (grant.id, grant.ttl) = (77, 10);
    let (refused, outcome) = refusal(both.call(&grant).await);
    assert!(refused.says(said::LEASE_EXISTS), "{refused}");
    assert_eq!(outcome, Unknown);
    // And where no end is open, the word counts.
    let (_, outcome) = refusal(channel([&second.endpoint], patient()).call(&grant).await);
    assert_eq!(outcome, NotApplied);
    // Later proof of not having been sent does not close an open end either.
    let refusing = Port::reserve();
    let both = channel([&first.endpoint, &refusing.endpoint()], quick());
    let error = failure(both.call(&grant).await);
    assert_eq!(error.outcome(), Unknown, "{error}");
}

#[tokio::test]
async fn streams_up_to_the_last_one_finish_and_those_above_go_elsewhere() {
    const CALLS: u32 = 8;
    for last in 0..=CALLS {
        // The server takes all requests, and then finishes those up to its last.
        let script = Script::each(move |request| {
            let ids = || (0..CALLS).map(|nth| 2 * nth + 1);
            let done = ids().take(last as usize).flat_map(reply::done).collect::<Vec<_>>();
            let known = ids().take(last as usize).next_back().unwrap_or(0);
            match request.nth {
                7 => vec![Act::Send(goaway(known, 0)), Act::Wait(ms(10)), Act::Send(done)],
                _ => vec![],
            }
        });
        let (first, second) = (Server::start(script), Server::healthy());
        let channel = channel([&first.endpoint, &second.endpoint], patient());
        let calls: Vec<_> = (0..CALLS)
            .map(|call| {
                let channel = channel.clone();
                tokio::spawn(async move { channel.call(&put(&format!("k{call}"))).await })
            })
            .collect();
        for call in calls {
            call.await.unwrap().unwrap_or_else(|error| panic!("last {last}: {}", chain(&error)));
        }
        assert_eq!(first.calls(), CALLS as usize, "last {last}");
        assert_eq!(second.calls(), (CALLS - last) as usize, "last {last}");
    }
}

#[tokio::test]
async fn what_cannot_now_is_asked_again_until_it_can() {
    for (code, text) in [(8, said::TOO_MANY_REQUESTS), (14, said::NO_LEADER)] {
        for class in common::http2::CLASSES {
            let count = std::sync::atomic::AtomicUsize::new(0);
            let server = Server::start(Script::each(move |request| {
                let id = request.stream;
                vec![Act::Send(match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
                    ..6 => reply::refused(id, code, text),
                    _ => reply::done(id),
                })]
            }));
            let channel = channel([&server.endpoint], patient());
            class.call(&channel, "k").await.unwrap_or_else(|error| panic!("{}", chain(&error)));
            assert_eq!(server.about("k"), 7, "{class:?}");
        }
    }
}

#[tokio::test]
async fn what_never_can_is_refused_at_the_deadline() {
    for (code, text) in [(8, said::TOO_MANY_REQUESTS), (14, said::NO_LEADER)] {
        for class in common::http2::CLASSES {
            let server = Server::start(Script::sends(move |id| reply::refused(id, code, text)));
            let channel = channel([&server.endpoint], quick());
            let began = Instant::now();
            let (refused, outcome) = refusal(class.call(&channel, "k").await);
            assert!(refused.says(text), "{refused}");
            assert_eq!(outcome, NotApplied);
            assert!(began.elapsed() >= ms(400), "{class:?}: {:?}", began.elapsed());
            assert!((3..30).contains(&server.about("k")), "{class:?}: {}", server.about("k"));
        }
    }
}

#[tokio::test]
async fn a_server_that_always_turns_away_ends_a_call() {
    let refuses = Script::sends(|id| reset(id, frame::REFUSED_STREAM));
    let leaves = Script::each(|_| vec![Act::Send(goaway(0, 0))]);
    let leaves_at_once =
        Script::healthy().greeting([Act::Send([frame::settings(&[]), goaway(0, 0)].concat())]);
    let closes = Script::healthy().greeting([Act::Send(frame::settings(&[])), Act::Close]);
    for (name, script) in [
        ("refuses streams", refuses),
        ("goes away", leaves),
        ("goes away at once", leaves_at_once),
        ("closes at once", closes),
    ] {
        for class in common::http2::CLASSES {
            for (rounds, deadline) in [(1, 5000), (3, 5000), (1000, 400)] {
                let server = Server::start(script.clone());
                let config = quick().deadline(ms(deadline)).rounds(rounds);
                let channel = channel([&server.endpoint], config);
                let error = failure(class.call(&channel, "k").await);
                let name = format!("{name}, {class:?}, {rounds} rounds: {error}");
                // One that closes at once may have got the request.
                let sent = name.contains("closes") && error.outcome() == Unknown;
                assert!(sent || error.outcome() == NotApplied, "{name}");
                assert!(error.attempts().len() <= 16, "{name}");
                assert!(server.calls() <= 40, "{name}: {}", server.calls());
            }
        }
    }
}

#[tokio::test]
async fn a_connection_that_ended_at_rest_costs_no_call() {
    let server = Server::healthy();
    let channel = channel([&server.endpoint], patient());
    for end in [End::Close, End::Reset, End::Close, End::Reset] {
        for class in common::http2::CLASSES {
            class.call(&channel, "k").await.unwrap_or_else(|error| panic!("{}", chain(&error)));
        }
        server.hang_up(end).await;
    }
    assert_eq!(server.calls(), 12, "nothing was sent twice");
    assert_eq!(channel.counters().connections, 4);
}

/// A client that blocks has its runtime run only while it calls: it sees the end of a connection
/// with the next call, and must see it before it writes.
#[test]
fn a_connection_that_ended_while_nobody_looked_costs_no_call() {
    let servers =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let servers = servers.unwrap();
    let client = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for end in [End::Close, End::Reset] {
        for goes_away in [false, true] {
            let server = servers.block_on(async {
                Server::start(Script::on(move |request| {
                    let id = request.stream;
                    let more = if goes_away { goaway(id, 0) } else { Vec::new() };
                    vec![Act::Send(reply::done(id)), Act::Wait(ms(5)), Act::Send(more)]
                }))
            });
            let channel = channel([&server.endpoint], patient());
            for call in 0..5 {
                let answer = client.block_on(channel.call(&put("k")));
                answer.unwrap_or_else(|error| panic!("{call}: {}", chain(&error)));
                std::thread::sleep(Duration::from_millis(15));
                servers.block_on(server.hang_up(end));
            }
            assert_eq!(server.calls(), 5, "nothing was sent twice");
        }
    }
}

#[tokio::test]
async fn an_unreachable_server_gets_nothing() {
    let refusing = Port::reserve();
    let channel = channel([&refusing.endpoint()], quick());
    for class in common::http2::CLASSES {
        let error = failure(class.call(&channel, "k").await);
        assert_eq!((error.kind(), error.outcome()), (&Kind::Unreachable, NotApplied));
        assert!(error.attempts().iter().all(|attempt| attempt.phase == Phase::Connect));
    }
}

#[tokio::test]
async fn an_error_tells_in_what_words_the_server_ended_it() {
    let server = Server::start(Script::sends(|id| reset(id, 2)));
    let error = failure(channel([&server.endpoint], quick()).call(&put("k")).await);
    assert!(error.to_string().contains("internal error"), "{error}");
    let calm = |id: u32| {
        let words = [&id.to_be_bytes()[..], &11u32.to_be_bytes(), b"too_many_pings"].concat();
        frame::frame(frame::GOAWAY, 0, 0, &words)
    };
    let server = Server::start(Script::each(move |_| vec![Act::Send(calm(0))]));
    let error = failure(channel([&server.endpoint], quick()).call(&range("k")).await);
    assert!(error.to_string().contains("too_many_pings"), "{error}");
}
