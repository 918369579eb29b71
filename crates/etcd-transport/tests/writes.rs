//! What an error says of a write is true: a table of faults, each met by a write and by a read.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

mod common;

use std::ops::RangeInclusive;

use common::place::Port;
use common::reply::{self, EVENT, chunk, chunked};
use common::script::{Act, Script};
use common::server::Server;
use common::{Answer, chain, channel, get, ms, quick, set};
use etcd_proto::call::{Exchange, HttpVersion, Incoming, Outcome, Outgoing, Replay};
use etcd_proto::error::EncodeError;
use etcd_proto::v2;
use etcd_transport::error::Kind;
use etcd_transport::{CallError, Channel};

/// What a call comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Answered,
    Refused(Outcome),
    Failed(Outcome, &'static str),
}
use Came::{Answered, Failed, Refused};
use Outcome::{Applied, NotApplied, Unknown};

/// A fault, and what a write and a read come to that meet it, with how often the server sees them.
struct Row {
    fault: &'static str,
    script: Script,
    write: (Came, RangeInclusive<usize>),
    read: (Came, RangeInclusive<usize>),
    /// What the error must name beside the endpoint.
    reason: &'static str,
}

const ONCE: RangeInclusive<usize> = 1..=1;
/// A read is tried in two rounds.
const TWICE: RangeInclusive<usize> = 2..=2;
/// A server that is silent, cannot now, or sends us elsewhere, is asked until the deadline.
const OFTEN: RangeInclusive<usize> = 2..=40;

/// Faults after which nobody knows what became of a write.
fn unclear() -> Vec<Row> {
    [cut_off(), silent()].into_iter().flatten().collect()
}

fn unclear_row(fault: &'static str, acts: &[Act], kind: &'static str, reason: &'static str) -> Row {
    Row {
        fault,
        script: Script::each(acts.iter().cloned()),
        write: (Failed(Unknown, kind), ONCE),
        read: (Failed(NotApplied, kind), if kind == "Timeout" { OFTEN } else { TWICE }),
        reason,
    }
}

/// Sends the beginning of a reply: of its head, of its body, or of its chunks.
fn half(part: &str) -> Act {
    let whole = reply::done();
    Act::Send(match part {
        "head" => b"HTTP/1.1 200 OK\r\nX-Etcd-Ind".to_vec(),
        "body" => whole[..whole.len() - 20].to_vec(),
        _ => [chunked(), chunk(&EVENT[..30])].concat(),
    })
}

/// Connections that end before the reply does.
fn cut_off() -> Vec<Row> {
    let row = |fault, acts: &[Act], reason| unclear_row(fault, acts, "Interrupted", reason);
    let (cut, reset) = ("connection", "reset");
    let later = || Act::Wait(ms(20));
    vec![
        row("closed after the request", &[Act::Close], cut),
        row("reset after the request", &[Act::Reset], reset),
        row("closed in the head", &[half("head"), Act::Close], cut),
        row("reset in the head", &[half("head"), later(), Act::Reset], reset),
        row("closed in the body", &[half("body"), Act::Close], cut),
        row("reset in the body", &[half("body"), later(), Act::Reset], reset),
        row("closed between chunks", &[half("chunks"), Act::Close], cut),
    ]
}

/// Silence, and what is no reply.
fn silent() -> Vec<Row> {
    let row = |fault, acts: &[Act]| unclear_row(fault, acts, "Timeout", "no answer");
    let ssh = Act::Send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec());
    vec![
        row("silent", &[Act::Hang]),
        row("silent in the head", &[half("head"), Act::Hang]),
        row("silent in the body", &[half("body"), Act::Hang]),
        unclear_row("no HTTP", &[ssh, Act::Close], "Protocol", "does not speak http"),
    ]
}

/// Replies that leave a write open, or settle it.
fn answered() -> Vec<Row> {
    [left_open(), settled()].into_iter().flatten().collect()
}

fn answered_row(
    fault: &'static str,
    reply: Vec<u8>,
    write: Outcome,
    read: RangeInclusive<usize>,
    reason: &'static str,
) -> Row {
    let script = Script::each([Act::Send(reply)]);
    let (write, read) = ((Refused(write), ONCE), (Refused(NotApplied), read));
    Row { fault, script, write, read, reason }
}

fn left_open() -> Vec<Row> {
    let row = |fault, reply, reason| answered_row(fault, reply, Unknown, OFTEN, reason);
    let error = |code| reply::error("500 Internal Server Error", code);
    let proxy = reply::reply("503 Service Unavailable", &[], "later");
    let html = reply::reply("200 OK", &["Content-Type: text/html"], "<html>log in</html>");
    vec![
        row("consensus failed", error(300), "error 300"),
        row("during election", error(301), "error 301"),
        row("a proxy's 503", proxy, "503"),
        row("some web page", html, "<html>"),
    ]
}

fn settled() -> Vec<Row> {
    let compare = reply::error("412 Precondition Failed", 101);
    let missing = reply::error("404 Not Found", 100);
    let garbled = reply::reply("200 OK", &["X-Etcd-Index: 7"], "{\"action\":");
    vec![
        answered_row("compare failed", compare, NotApplied, ONCE, "error 101"),
        answered_row("no such key", missing, NotApplied, ONCE, "error 100"),
        answered_row("etcd's success, garbled", garbled, Applied, ONCE, "action"),
    ]
}

/// Faults that prove that a write was not done.
fn turned_away(live: &Server, dead: &Port) -> Vec<Row> {
    let to = |place: &dyn std::fmt::Display| format!("http://{place}/v2/keys/k");
    let redirected = |location: String| Script::each([Act::Send(reply::redirect(&location))]);
    let in_vain = |fault, script, reason| Row {
        fault,
        script,
        write: (Failed(NotApplied, "Redirect"), OFTEN),
        read: (Failed(NotApplied, "Redirect"), OFTEN),
        reason,
    };
    vec![
        Row {
            fault: "sent on to a live server",
            script: redirected(to(&live.endpoint)),
            write: (Answered, ONCE),
            read: (Answered, ONCE),
            reason: "",
        },
        in_vain("sent on to a dead server", redirected(to(&dead.endpoint())), "refused"),
        in_vain("sent round in circles", to_itself(), "more than 3 times"),
        Row {
            fault: "closed before the request",
            script: Script::greeting([Act::Close]),
            write: (Failed(NotApplied, "Unreachable"), 0..=0),
            read: (Failed(NotApplied, "Interrupted"), 0..=0),
            reason: "connection",
        },
        Row {
            fault: "reset before the request",
            script: Script::greeting([Act::Reset]),
            write: (Failed(NotApplied, "Unreachable"), 0..=0),
            read: (Failed(NotApplied, "Interrupted"), 0..=0),
            reason: "connection",
        },
    ]
}

fn to_itself() -> Script {
    Script::on(|request| match (request.is_sign_of_life(), request.header("host")) {
        (true, _) => vec![Act::Send(reply::version())],
        (_, host) => {
            let location = format!("http://{}/v2/keys/k", host.unwrap_or_default());
            vec![Act::Send(reply::redirect(&location))]
        }
    })
}

fn came(answer: &Answer) -> (Came, &'static str) {
    match answer {
        Ok(_) => (Answered, ""),
        Err(CallError::Refused { outcome, .. }) => (Refused(*outcome), ""),
        Err(CallError::Failed(error)) => {
            let kind = match error.kind() {
                Kind::Unreachable => "Unreachable",
                Kind::Timeout => "Timeout",
                Kind::Interrupted => "Interrupted",
                Kind::Protocol => "Protocol",
                Kind::Redirect => "Redirect",
                _ => "another",
            };
            (Failed(error.outcome(), kind), kind)
        }
        Err(_) => panic!("an error of a new sort"),
    }
}

impl Row {
    /// Meets the fault with a call on a channel of its own, as it is or with a connection at rest.
    async fn meet(self, call: Call, rested: bool) {
        let Self { fault, script, reason, .. } = self;
        let ((expected, times), config) = match call {
            // Nothing ends a write's tries by chance: not its deadline either.
            Call::Write if matches!(self.write.0, Failed(NotApplied, _)) => {
                (self.write, quick().deadline(ms(8000)))
            }
            Call::Write => (self.write, quick()),
            Call::Read => (self.read, quick()),
        };
        let server = Server::start(script);
        let channel = channel([&server.endpoint], config);
        if rested {
            let _ = channel.call(&v2::GetVersion).await;
        }
        let answer = call.on(&channel).await;
        let seen = server.calls();
        let shown = answer.as_ref().err().map(|error| chain(error)).unwrap_or_default();
        let what = format!("{call:?}, {fault}, rested {rested}: {seen} times, {shown}");
        assert_eq!(came(&answer).0, expected, "{what}");
        // A read that failed on a connection that rested tells nothing, and is tried on a new one.
        let more = usize::from(rested && call == Call::Read && seen > 0);
        assert!(times.contains(&seen) || times.contains(&(seen - more)), "{what}");
        if answer.is_err() {
            assert!(shown.to_lowercase().contains(reason), "{what}");
            let names_it = shown.contains(&server.endpoint.to_string());
            assert!(names_it || reason == "refused", "{what}");
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Write,
    Read,
}

impl Call {
    async fn on(self, channel: &Channel) -> Answer {
        match self {
            Self::Write => channel.call(&set("k")).await,
            Self::Read => channel.call(&get("k")).await,
        }
    }
}

/// Meets every fault of a table at the same time, each by a write and a read, new or at rest.
async fn meet_all(table: impl Fn() -> Vec<Row>) {
    let mut met = Vec::new();
    for call in [Call::Write, Call::Read] {
        for rested in [false, true] {
            met.extend(table().into_iter().map(|row| tokio::spawn(row.meet(call, rested))));
        }
    }
    for met in met {
        met.await.unwrap();
    }
}

#[tokio::test]
async fn an_unclear_end_leaves_a_write_unknown() {
    meet_all(unclear).await;
}

#[tokio::test]
async fn an_answer_says_what_it_proves() {
    meet_all(answered).await;
}

#[tokio::test]
async fn what_was_turned_away_was_not_applied() {
    let (live, dead) = (Server::healthy(), Port::reserve());
    meet_all(|| turned_away(&live, &dead)).await;
    assert_eq!(live.writes(), 2, "each redirected write arrived once");
}

#[tokio::test]
async fn no_fault_sends_a_write_to_a_second_server() {
    for row in unclear().into_iter().chain(answered()) {
        let (faulty, live) = (Server::start(row.script), Server::healthy());
        let channel = channel([&faulty.endpoint, &live.endpoint], quick().deadline(ms(150)));
        let answer = channel.call(&set("k")).await;
        assert_eq!(came(&answer).0, row.write.0, "{}", row.fault);
        assert_eq!((faulty.writes(), live.writes()), (1, 0), "{}", row.fault);
    }
}

#[tokio::test]
async fn proof_sends_a_write_to_the_next_server() {
    let (live, dead) = (Server::healthy(), Port::reserve());
    for row in turned_away(&live, &dead) {
        let (faulty, next) = (Server::start(row.script), Server::healthy());
        let channel = channel([&faulty.endpoint, &next.endpoint], quick());
        channel.call(&set("k")).await.unwrap_or_else(|error| panic!("{}: {error}", row.fault));
        let arrived = next.writes() + live.writes();
        assert_eq!(
            arrived,
            1 + usize::from(row.fault != "sent on to a live server"),
            "{}",
            row.fault
        );
    }
}

/// A write of which a repeat is harmless.
struct Guarded(v2::Set);

impl Exchange for Guarded {
    type Reply = v2::KeyReply;
    type Refusal = v2::Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    fn replay(&self) -> Replay {
        Replay::Guarded
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        self.0.request()
    }

    fn decode(&self, reply: Incoming) -> Result<v2::KeyReply, v2::Error> {
        self.0.decode(reply)
    }
}

#[tokio::test]
async fn a_guarded_write_is_repeated_and_its_outcome_is_not_forgotten() {
    for row in unclear() {
        let server = Server::start(row.script.clone());
        let alone = channel([&server.endpoint], quick());
        let error = alone.call(&Guarded(set("k"))).await.unwrap_err();
        assert_eq!(error.outcome(), Unknown, "{}", row.fault);

        let (faulty, live) = (Server::start(row.script), Server::healthy());
        let both = channel([&faulty.endpoint, &live.endpoint], quick());
        both.call(&Guarded(set("k"))).await.unwrap();
        assert_eq!((faulty.writes(), live.writes()), (1, 1), "{}", row.fault);
    }
    // What the first attempt came to is not known, whatever the second is told.
    let then_refused =
        Server::start(Script::each([Act::Send(reply::error("412 Precondition Failed", 101))]));
    let lost = Server::start(Script::each([Act::Close]));
    let both = channel([&lost.endpoint, &then_refused.endpoint], quick());
    let error = both.call(&Guarded(set("k"))).await.unwrap_err();
    assert_eq!(error.outcome(), Unknown);

    let dead = [Port::reserve(), Port::reserve()];
    let nobody = dead.each_ref().map(Port::endpoint);
    let error = channel(&nobody, quick()).call(&Guarded(set("k"))).await.unwrap_err();
    assert_eq!(error.outcome(), NotApplied);
}
