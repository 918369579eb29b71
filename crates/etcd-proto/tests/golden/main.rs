//! Each exchange captured from a real server, against what our types say and read.
//!
//! The tables have a row for each exchange of `fixtures/v2-exchanges.txt`, in its order: the line
//! that `curl` was given, the request that says the same, and what the reply must be read as.

// A helper of a test fails as the test does.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod expect;

mod cluster;
mod keys;
mod modules;

use std::fmt::Debug;

use bytes::Bytes;
use etcd_proto::call::{Exchange, Incoming, Outgoing, StreamDecoder, Streaming};
use etcd_proto::v2::{Error, KeyReply, Watch};
use http::Method;

use common::captured;
use common::wire::{Asked, own};

/// One captured exchange, as our types have it.
struct Row {
    line: &'static str,
    said: Said,
    /// Compares what is read from the reply with what it must be.
    check: Box<dyn Fn(Option<Incoming>)>,
}

enum Said {
    /// The request, and the parameters that we say beyond what `curl` said.
    Request(Outgoing, Vec<(String, String)>),
    /// Why our types cannot say it.
    Cannot(&'static str),
}

impl Row {
    /// Our default adds this parameter.
    fn also(mut self, name: &str, value: &str) -> Self {
        if let Said::Request(_, beyond) = &mut self.said {
            beyond.push(own((name, value)));
        }
        self
    }
}

/// A request that says what `curl` said, and how its reply must read.
fn says<E>(line: &'static str, exchange: E, expected: Result<E::Reply, Error>) -> Row
where
    E: Exchange<Refusal = Error> + 'static,
    E::Reply: Debug + PartialEq,
{
    reads(line, exchange, move |read| assert_eq!(read, expected, "{line}"))
}

/// The same for replies that a test cannot build: `check` looks at what is read.
fn reads<E>(
    line: &'static str,
    exchange: E,
    check: impl Fn(Result<E::Reply, Error>) + 'static,
) -> Row
where
    E: Exchange<Refusal = Error> + 'static,
{
    let said = Said::Request(exchange.request().unwrap(), Vec::new());
    let check = move |reply: Option<Incoming>| check(exchange.decode(reply.unwrap()));
    Row { line, said, check: Box::new(check) }
}

/// What our types cannot say; the exchange that comes closest still reads the reply.
fn cannot<E>(
    line: &'static str,
    why: &'static str,
    closest: E,
    expected: Result<E::Reply, Error>,
) -> Row
where
    E: Exchange<Refusal = Error> + 'static,
    E::Reply: Debug + PartialEq,
{
    Row { said: Said::Cannot(why), ..says(line, closest, expected) }
}

/// A watch, and the events or the refusal that must be read.
fn watches(line: &'static str, watch: Watch, expected: Result<Vec<KeyReply>, Error>) -> Row {
    let said = Said::Request(watch.request().unwrap(), Vec::new());
    let check = move |reply: Option<Incoming>| {
        let reply = reply.unwrap();
        let read = match Watch::accepts(reply.status, &reply.headers) {
            true => Ok(events(&watch, &reply.body)),
            false => Err(Watch::refusal(reply)),
        };
        assert_eq!(read, expected, "{line}");
    };
    Row { line, said, check: Box::new(check) }
}

fn events(watch: &Watch, body: &[u8]) -> Vec<KeyReply> {
    let mut decoder = watch.decoder();
    decoder.push(Bytes::copy_from_slice(body));
    std::iter::from_fn(|| decoder.next().unwrap()).collect()
}

fn rows() -> Vec<Row> {
    [keys::rows(), cluster::rows(), modules::rows(), cluster::follower_rows()]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn the_tables_have_every_exchange_in_order() {
    let captured: Vec<_> = captured::all().iter().map(|captured| captured.line).collect();
    let tables: Vec<_> = rows().iter().map(|row| row.line).collect();
    assert_eq!(tables, captured);
    assert!(tables.len() > 100, "the fixture has shrunk to {}", tables.len());
}

#[test]
fn requests_say_what_curl_said() {
    for row in rows() {
        let (request, beyond) = match row.said {
            Said::Request(request, beyond) => (request, beyond),
            Said::Cannot(why) => {
                assert!(why.len() > 10, "{}: a reason is due", row.line);
                continue;
            }
        };
        let (ours, mut curl) = (Asked::read(&request), Asked::curl(row.line));
        curl.form.extend(beyond);
        assert_eq!((&ours.method, &ours.path), (&curl.method, &curl.path), "{}", row.line);
        assert_eq!(ours.parameters(), curl.parameters(), "{}", row.line);
        let elsewhere = match ours.method {
            Method::PUT | Method::POST => ours.query,
            _ => ours.form,
        };
        assert!(elsewhere.is_empty(), "{}: where servers may not look: {elsewhere:?}", row.line);
    }
}

#[test]
fn replies_read_as_captured() {
    for (row, captured) in rows().iter().zip(captured::all()) {
        (row.check)(captured.reply);
    }
}
