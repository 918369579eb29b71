//! A watch gives the same events however the network cuts its bytes.

// A helper of a test fails as the test does.
#![allow(clippy::unwrap_used)]

mod common;

use bytes::Bytes;
use etcd_proto::call::{Outcome, Refusal, StreamDecoder, Streaming};
use etcd_proto::error::DecodeError;
use etcd_proto::v2::{Action, ErrorCode, EventDecoder, KeyReply, Watch};
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use proptest::sample::Index;

use common::captured;

/// Events of a real stream, and some that try a reader: braces, escapes and characters of several
/// bytes in values, what no etcd sends yet, and an event without a node.
fn objects() -> Vec<String> {
    let real = captured::all().into_iter().find(|captured| captured.line == "--- stream").unwrap();
    let real = String::from_utf8(real.reply.unwrap().body.to_vec()).unwrap();
    let trying = [
        r#"{"action":"set","node":{"key":"/}{","value":"}{\"]\\","modifiedIndex":30}}"#,
        r#"{"action":"set","node":{"key":"/日本","value":"😀\ud83d\ude00é","modifiedIndex":31}}"#,
        r#"{ "action" : "merge" , "node" : null , "shard" : [1.5e3, {"a": -1}] }"#,
        r#"{"action":"set"}"#,
        r#"{"action":"expire","prevNode":{"key":"/late","value":"","ttl":-1,"createdIndex":32}}"#,
    ];
    real.lines().chain(trying).map(str::to_owned).collect()
}

/// The events of a body that comes in these pieces, and what ended it.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<KeyReply>, Option<DecodeError>) {
    let (mut decoder, mut events) = (EventDecoder::default(), Vec::new());
    for piece in pieces {
        decoder.push(Bytes::copy_from_slice(piece));
        loop {
            match decoder.next() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
    }
    (events, None)
}

/// Cuts bytes at any places.
fn pieces<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect()
}

/// As ≥ 2.0 and 0.x separate objects, and as nobody does.
const SEPARATORS: [&str; 4] = ["\n", "", "\r\n\r\n", " \t "];

proptest! {
    #[test]
    fn cuts_change_nothing(
        cuts in proptest::collection::vec(any::<Index>(), 0..40),
        separator in proptest::sample::select(&SEPARATORS),
    ) {
        let objects = objects();
        let whole: Vec<_> = objects.iter().flat_map(|object| read([object.as_bytes()]).0).collect();
        prop_assert_eq!(whole.len(), objects.len());
        let body = objects.join(separator);
        prop_assert_eq!(read(pieces(body.as_bytes(), &cuts)), (whole, None));
    }

    #[test]
    fn no_bytes_make_it_panic(
        bytes: Vec<u8>,
        at: Index,
        cuts in proptest::collection::vec(any::<Index>(), 0..8),
    ) {
        let mut body = objects().concat().into_bytes();
        let at = at.index(body.len());
        body.splice(at..at, bytes);
        let (events, error) = read(pieces(&body, &cuts));
        prop_assert!(events.len() <= body.len());
        if let Some(error) = error {
            prop_assert!(error.to_string().len() < 3000, "{}", error.to_string().len());
        }
    }
}

#[test]
fn byte_by_byte_each_event_comes_with_its_last_byte() {
    for separator in SEPARATORS {
        let mut decoder = EventDecoder::default();
        for object in objects() {
            let (last, rest) = object.as_bytes().split_last().unwrap();
            for byte in rest {
                decoder.push(Bytes::copy_from_slice(&[*byte]));
                assert_eq!(decoder.next(), Ok(None));
                assert!(decoder.is_within_event());
            }
            decoder.push(Bytes::copy_from_slice(&[*last]));
            assert!(decoder.next().unwrap().is_some(), "{object}");
            decoder.push(Bytes::copy_from_slice(separator.as_bytes()));
            assert_eq!(decoder.next(), Ok(None));
            assert!(!decoder.is_within_event(), "{separator:?} is part of no event");
        }
    }
}

#[test]
fn a_body_that_ends_within_an_event_is_seen_to() {
    let object = &objects()[0];
    for length in 1..object.len() {
        let mut decoder = EventDecoder::default();
        decoder.push(Bytes::copy_from_slice(&object.as_bytes()[..length]));
        assert_eq!(decoder.next(), Ok(None));
        assert!(decoder.is_within_event());
    }
    let empty = EventDecoder::default();
    assert!(!empty.is_within_event(), "a body without an event: the server let go of the watch");
}

#[test]
fn an_error_ends_the_stream_and_shows_how_it_began() {
    let html = "<html><body>\u{1b}[2J502 Bad Gateway</body></html>";
    let wrong = [
        html,
        "null",
        "7",
        "\"set\"",
        r#"{"node":{}}"#,
        r#"{"action":1}"#,
        r#"{"action":"set","node":[{}]}"#,
    ];
    for body in wrong {
        let good = r#"{"action":"get"}"#;
        let (events, error) = read([good.as_bytes(), body.as_bytes(), b" "]);
        assert_eq!(events.len(), 1, "{body}");
        let error = error.unwrap_or_else(|| panic!("{body} was read"));
        assert_eq!(error.message, "an event");
        assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
    }
    let (_, error) = read([html.as_bytes()]);
    assert!(error.unwrap().to_string().contains("502 Bad Gateway"));
}

#[test]
fn an_event_without_end_is_given_up() {
    let mut decoder = EventDecoder::default();
    decoder.push(Bytes::copy_from_slice(br#"{"action":"set","node":{"value":""#));
    let mebibyte = vec![b'x'; 1 << 20];
    for _ in 0..64 {
        assert_eq!(decoder.next(), Ok(None));
        decoder.push(Bytes::copy_from_slice(&mebibyte));
    }
    let error = decoder.next().unwrap_err();
    assert!(error.reason.contains("longer than"), "{error}");
}

#[test]
fn deep_events_are_refused_without_overflow() {
    let open = r#"{"action":"set","node":"#.to_owned() + &r#"{"nodes":["#.repeat(100_000);
    assert_eq!(read([open.as_bytes()]), (Vec::new(), None), "more may come");
    let whole = open + &"]}".repeat(100_000) + "}";
    let (events, error) = read([whole.as_bytes()]);
    assert!(events.is_empty());
    assert!(error.unwrap().reason.contains("recursion limit"));
    let deep = r#"{"action":"set","node":"#.to_owned() + &r#"{"nodes":["#.repeat(200);
    let (events, error) = read([(deep + &"]}".repeat(200) + "}").as_bytes()]);
    assert_eq!((events.len(), error), (1, None), "as deep as a key can be");
}

#[test]
fn values_are_completed_and_removals_are_not() {
    let (events, _) = read([&br#"{"action":"set","node":{"key":"/a"}}{"action":"expire","node":{"key":"/a"},"prevNode":{"key":"/a"}}"#[..]]);
    let value = |node: &Option<etcd_proto::v2::Node>| node.as_ref().unwrap().value.clone();
    assert_eq!(value(&events[0].node), Some(String::new()), "0.x leaves empty values out");
    assert_eq!((&events[1].action, value(&events[1].node)), (&Action::Expire, None));
    assert_eq!(value(&events[1].previous), Some(String::new()));
}

#[test]
fn a_watch_tells_a_stream_from_a_refusal() {
    assert!(Watch::accepts(StatusCode::OK, &HeaderMap::new()));
    for status in [StatusCode::BAD_REQUEST, StatusCode::TEMPORARY_REDIRECT, StatusCode::NOT_FOUND] {
        assert!(!Watch::accepts(status, &HeaderMap::new()));
    }
    let captured = captured::all().into_iter().find(|c| c.line.contains("waitIndex=3")).unwrap();
    let refusal = Watch::refusal(captured.reply.unwrap());
    assert_eq!(refusal.code(), Some(ErrorCode::EVENT_INDEX_CLEARED));
    assert_eq!((refusal.outcome(), refusal.may_pass()), (Outcome::NotApplied, false));
}
