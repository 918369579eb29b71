//! The exchanges of `fixtures/v2-exchanges.txt`, captured from real servers.

use etcd_proto::call::Incoming;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// A request as `curl` was told it, and what the server answered.
pub(crate) struct Captured {
    /// What stands after `$ curl `, or a whole line `--- …` where the file does not say the request.
    pub(crate) line: &'static str,
    /// The reply; nothing where there was none.
    pub(crate) reply: Option<Incoming>,
}

/// All exchanges in the order of the file.
pub(crate) fn all() -> Vec<Captured> {
    let mut lines = include_str!("../fixtures/v2-exchanges.txt").lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if let Some(line) = line.strip_prefix("$ curl ") {
            found.push(Captured { line, reply: reply(&mut lines, false) });
        } else if line.starts_with("--- ") {
            found.push(Captured { line, reply: reply(&mut lines, true) });
        }
    }
    found
}

/// Reads status, headers and body up to an empty line; a raw reply has another below its headers.
fn reply<'a>(lines: &mut impl Iterator<Item = &'a str>, raw: bool) -> Option<Incoming> {
    let mut lines = lines.peekable();
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?;
    let status: StatusCode = status.split(' ').next()?.parse().unwrap();
    let mut headers = HeaderMap::new();
    while let Some((name, value)) = lines.peek().and_then(|line| header(line)) {
        headers.append(name, value);
        lines.next();
    }
    if raw {
        assert_eq!(lines.next(), Some(""), "an empty line ends the headers");
    }
    let body: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    Some(Incoming { headers, ..Incoming::new(status, body.join("\n")) })
}

/// Bodies begin otherwise: no header's name begins with a digit, a brace or a small letter here.
fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(": ")?;
    let named = name.starts_with(|c: char| c.is_ascii_uppercase());
    named.then(|| (name.parse().unwrap(), value.parse().unwrap()))
}
