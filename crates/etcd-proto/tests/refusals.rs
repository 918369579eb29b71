//! What a refusal proves, and how it is shown.

// A helper of a test fails as the test does.
#![allow(clippy::unwrap_used)]

mod common;

use etcd_proto::call::{Incoming, Outcome, Refusal};
use etcd_proto::v2::{Error, ErrorCode};
use http::{HeaderName, HeaderValue, StatusCode};
use proptest::prelude::*;

use Outcome::{Applied, NotApplied, Unknown};
use common::every;

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap()
}

fn read(code: u16, body: impl Into<String>) -> Error {
    Error::from_reply(&Incoming::new(status(code), body.into()))
}

/// Ranges of codes, their HTTP status, whether the operation took effect, and whether it may pass
/// elsewhere or later.
const CODES: &[(std::ops::RangeInclusive<u32>, u16, Outcome, bool)] = &[
    (100..=100, 404, NotApplied, false),
    (101..=101, 412, NotApplied, false),
    (102..=102, 403, NotApplied, false),
    (103..=104, 400, NotApplied, false),
    (105..=105, 412, NotApplied, false),
    (106..=106, 400, NotApplied, false),
    (107..=108, 403, NotApplied, false),
    (109..=109, 400, NotApplied, false),
    (110..=110, 401, NotApplied, false),
    (200..=212, 400, NotApplied, false),
    // The consensus may still agree on what it did not answer in time.
    (300..=301, 500, Unknown, true),
    (400..=401, 400, NotApplied, false),
    // A standby of 0.4 sends requests on, so that what it says of them proves nothing.
    (402..=404, 400, Unknown, false),
    (500..=500, 400, Unknown, false),
];

#[test]
fn codes_prove_what_servers_mean_by_them() {
    for (codes, http, outcome, may_pass) in CODES {
        for code in codes.clone() {
            let error = read(*http, format!(r#"{{"errorCode":{code},"message":"m"}}"#));
            assert_eq!(error.code(), Some(ErrorCode(code)));
            assert_eq!(error.status(), status(*http));
            assert_eq!((error.outcome(), error.may_pass()), (*outcome, *may_pass), "{code}");
        }
    }
}

/// What a status proves when the body has no code: JSON with a message, text, HTML, nothing.
const STATUSES: &[(u16, Outcome, bool)] = &[
    (301, NotApplied, false),
    (307, NotApplied, false),
    (400, NotApplied, false),
    (401, NotApplied, false),
    (403, NotApplied, false),
    (404, NotApplied, false),
    (405, NotApplied, false),
    (409, NotApplied, false),
    (410, NotApplied, false),
    (415, NotApplied, false),
    (500, Unknown, true),
    (502, Unknown, true),
    (503, Unknown, true),
    (504, Unknown, true),
];

#[test]
fn statuses_prove_it_where_there_is_no_code() {
    for &(code, outcome, may_pass) in STATUSES {
        for body in [r#"{"message":"m"}"#, "404 page not found\n", "<html></html>", ""] {
            let error = read(code, body);
            assert_eq!(error.code(), None);
            assert_eq!(error.status(), status(code));
            // A page of somebody's own, where etcd has a text or none: it is no etcd that answers.
            let foreign = code == 404 && matches!(body, "<html></html>" | "");
            let expected = (outcome, may_pass || foreign);
            assert_eq!((error.outcome(), error.may_pass()), expected, "{code} {body}");
        }
    }
}

#[test]
fn a_success_that_cannot_be_read_was_applied_if_etcd_said_it() {
    for (name, decode) in every::structured() {
        for (http, index, expected) in [
            (200, true, (Applied, false)),
            (201, true, (Applied, false)),
            (200, false, (Unknown, true)),
        ] {
            let mut reply = Incoming::new(status(http), "<html>\u{1b}]0;x\u{7}");
            if index {
                let index = HeaderName::from_static("x-etcd-index");
                reply.headers.insert(index, HeaderValue::from_static("7"));
            }
            let error = decode(reply).unwrap_err();
            assert!(matches!(error, Error::Unreadable { .. }), "{name}: {error:?}");
            assert_eq!((error.outcome(), error.may_pass()), expected, "{name}");
            assert!(!error.to_string().contains(char::is_control), "{name}: {error}");
        }
    }
}

#[test]
fn the_text_of_a_missing_resource_means_unsupported() {
    assert!(read(404, "404 page not found\n").is_unsupported());
    let others = [
        (404, r#"{"errorCode":100,"message":"Key not found","cause":"/404 page not found"}"#),
        (404, r#"{"message":"User 404 page not found"}"#),
        (404, "not here"),
        (500, "404 page not found\n"),
    ];
    for (code, body) in others {
        assert!(!read(code, body).is_unsupported(), "{code} {body}");
    }
}

#[test]
fn unknown_codes_and_fields_survive() {
    let body = r#"{"errorCode":4294967295,"message":"new","cause":"c","index":3,"hint":{"a":[1]}}"#;
    let error = read(418, body);
    assert_eq!(error.code(), Some(ErrorCode(u32::MAX)));
    assert_eq!((error.outcome(), error.may_pass()), (Unknown, false));
    assert_eq!(error.to_string(), "new (error 4294967295): c");
}

#[test]
fn shapes_that_are_almost_an_error_fall_back() {
    let message = |body| matches!(read(400, body), Error::Message { .. });
    let other = |body| matches!(read(400, body), Error::Other { .. });
    assert!(message(r#"{"errorCode":"100","message":"m"}"#));
    assert!(message(r#"{"errorCode":-1,"message":"m"}"#));
    assert!(message(r#"{"errorCode":4294967296,"message":"m"}"#));
    assert!(other(r#"{"errorCode":100,"message":7}"#));
    assert!(other(r#"{"message":null}"#));
    assert!(other(r#"{"errorCode":100"#));
    assert!(other("null"));
}

#[test]
fn each_shape_is_shown_on_a_line() {
    let shown = [
        (
            read(412, r#"{"errorCode":101,"message":"Compare failed","cause":"[9 != 2]"}"#),
            "Compare failed (error 101): [9 != 2]",
        ),
        (read(400, r#"{"errorCode":400,"message":"cleared"}"#), "cleared (error 400)"),
        (read(403, r#"{"message":"no"}"#), "no (HTTP 403 Forbidden)"),
        (read(502, "<h1>\"\n"), r#"HTTP 502 Bad Gateway with "<h1>\"""#),
        (read(307, ""), "HTTP 307 Temporary Redirect with an empty body"),
    ];
    for (error, text) in shown {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn huge_texts_are_cut_at_a_character() {
    let huge = "é\u{1f}".repeat(1 << 14);
    let quoted = serde_json::to_string(&huge).unwrap();
    let bodies = [
        (412, format!(r#"{{"errorCode":101,"message":{quoted},"cause":{quoted}}}"#)),
        (403, format!(r#"{{"message":{quoted}}}"#)),
        (502, huge.clone()),
    ];
    for (code, body) in bodies {
        let error = read(code, body).to_string();
        // Twice 4 KiB, each control byte shown as six.
        assert!(error.len() < 40_000 && error.contains('…'), "{}", error.len());
    }
    for (name, decode) in every::structured() {
        let body = format!(r#"{{"action":"get","node":{quoted},"users":{quoted},"id":{quoted}}}"#);
        if let Err(error) = decode(Incoming::new(StatusCode::OK, body)) {
            assert!(error.to_string().len() < 4_000, "{name}: {}", error.to_string().len());
        }
    }
}

proptest! {
    #[test]
    fn no_text_of_a_server_steers_a_terminal(text: String, control in "\\PC*[\0-\x1f\x7f-\u{9f}\u{2028}-\u{202e}\u{2066}-\u{2069}]+.*") {
        let harmful = |c: char| {
            c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        for text in [text, control] {
            let quoted = serde_json::to_string(&text).unwrap();
            let errors = [
                read(412, format!(r#"{{"errorCode":101,"message":{quoted},"cause":{quoted}}}"#)),
                read(409, format!(r#"{{"message":{quoted}}}"#)),
                read(502, text.clone()),
            ];
            for error in errors {
                prop_assert!(!error.to_string().contains(harmful), "{error:?}");
            }
        }
    }
}
