//! Why a call got no answer, and what that proves.

use std::fmt;
use std::time::Duration;

use etcd_proto::call::{Outcome, Refusal, Replay};
use etcd_proto::error::EncodeError;
use etcd_proto::ids::ClusterId;

use crate::endpoint::Endpoint;

/// A call that was not answered with success.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError<R> {
    /// A server answered, and refused.
    Refused {
        /// What it said.
        refusal: R,
        /// Who said it.
        endpoint: Endpoint,
        /// Whether the operation took effect; unknown when an earlier attempt leaves it open.
        outcome: Outcome,
    },
    /// No server answered, or not so that it could be understood.
    Failed(Error),
}

impl<R: Refusal> CallError<R> {
    /// Whether the operation took effect.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Refused { outcome, .. } => *outcome,
            Self::Failed(error) => error.outcome(),
        }
    }

    /// The same error, when an earlier attempt may have been processed all the same.
    pub fn left_open(mut self) -> Self {
        self.leave_open();
        self
    }

    /// An earlier attempt may have been processed all the same.
    pub(crate) fn leave_open(&mut self) {
        match self {
            Self::Refused { outcome, .. } => leave_open(outcome),
            Self::Failed(error) => leave_open(&mut error.outcome),
        }
    }
}

impl<R: Refusal> fmt::Display for CallError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { endpoint, .. } => write!(f, "{endpoint} answered"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl<R: Refusal> std::error::Error for CallError<R> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            Self::Failed(error) => error.source(),
        }
    }
}

impl<R> From<EncodeError> for CallError<R> {
    fn from(error: EncodeError) -> Self {
        Self::Failed(error.into())
    }
}

fn leave_open(outcome: &mut Outcome) {
    if *outcome == Outcome::NotApplied {
        *outcome = Outcome::Unknown;
    }
}

/// A call that no server answered, or not so that it could be understood.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    outcome: Outcome,
    attempts: Vec<Attempt>,
}

/// What kept a call from being answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The request cannot be expressed; nothing was sent.
    Request(EncodeError),
    /// No endpoint could be reached.
    Unreachable,
    /// The call's time was over before an answer came.
    Timeout,
    /// A connection ended when the request may have left.
    Interrupted,
    /// What answered does not speak as etcd does.
    Protocol,
    /// A reply was longer than allowed.
    TooLarge,
    /// Redirects led nowhere.
    Redirect,
    /// Another cluster answered than the one that may.
    AnotherCluster,
}

impl Error {
    pub(crate) fn new(kind: Kind, outcome: Outcome, attempts: Vec<Attempt>) -> Self {
        Self { kind, outcome, attempts }
    }

    /// The error of a call whose time was over before anything of it was sent.
    pub fn never_sent() -> Self {
        Self::new(Kind::Timeout, Outcome::NotApplied, Vec::new())
    }

    /// The same error, when the server said that it did what it was asked, and only a read can be
    /// said to have had no effect.
    pub(crate) fn succeeded(self, replay: Replay) -> Self {
        match replay {
            Replay::Safe => self,
            Replay::Guarded | Replay::Once => Self { outcome: Outcome::Applied, ..self },
        }
    }

    /// The same error, when an earlier attempt may have been processed all the same.
    pub(crate) fn left_open(mut self) -> Self {
        leave_open(&mut self.outcome);
        self
    }

    /// The same error, after other attempts.
    pub(crate) fn after(mut self, mut attempts: Vec<Attempt>) -> Self {
        attempts.append(&mut self.attempts);
        Self { attempts, ..self }
    }

    /// What kept the call from being answered.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Whether the operation took effect.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Each attempt that was made, in order; at most the last 16.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }
}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Self {
        Self::new(Kind::Request(error), Outcome::NotApplied, Vec::new())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Request(error) => return error.fmt(f),
            Kind::Unreachable => f.write_str("no server could be reached")?,
            Kind::Timeout => f.write_str("no answer in time")?,
            Kind::Interrupted => f.write_str("the connection ended before the answer")?,
            Kind::Protocol => f.write_str("the answer is not etcd's")?,
            Kind::TooLarge => f.write_str("the answer is too large")?,
            Kind::Redirect => f.write_str("redirected in vain")?,
            Kind::AnotherCluster => f.write_str("another cluster answers")?,
        }
        // The last word of each endpoint, as there may be many attempts.
        let mut last: Vec<(&Attempt, bool)> = Vec::new();
        for attempt in &self.attempts {
            let known = last.iter().position(|(other, _)| other.endpoint == attempt.endpoint);
            let before = known.map(|at| last.remove(at));
            // Silence is no word: time may have cut short a repeat of what had its answer before.
            last.push(match before {
                Some((word, _)) if attempt.cause == Cause::Silence => {
                    (word, word.cause != Cause::Silence)
                }
                _ => (attempt, false),
            });
        }
        for (i, (attempt, then_silent)) in last.iter().enumerate() {
            write!(f, "{}{attempt}", if i == 0 { ": " } else { "; " })?;
            if *then_silent {
                write!(f, ", then {}", Cause::Silence)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// How far one attempt got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Connecting, or asking for a sign of life: nothing of the request was sent.
    Connect,
    /// The request may have left, in whole or in part.
    Sent,
    /// The reply had begun.
    ReplyStarted,
}

/// One attempt at one endpoint, and why it failed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Attempt {
    /// Who was asked.
    pub endpoint: Endpoint,
    /// How far it got.
    pub phase: Phase,
    /// Why it went no further.
    pub cause: Cause,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.endpoint, self.cause)
    }
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The operating system's word, for connecting and for connections that break.
    Io(String),
    /// There is no secure connection: who answers is not whom we trust, or does not trust us.
    Tls(String),
    /// Nothing came in time.
    Silence,
    /// The connection was closed before the reply was whole.
    Closed,
    /// The server ended the request or the connection, in HTTP/2's words.
    Reset(String),
    /// What came is not HTTP.
    NotHttp(String),
    /// What answered is no etcd.
    NotEtcd(String),
    /// What came is longer than this many bytes.
    TooLarge(usize),
    /// The server answered that it cannot now.
    Refused(String),
    /// It is of another cluster.
    AnotherCluster {
        /// The cluster that may answer.
        expected: ClusterId,
        /// The cluster that did.
        found: ClusterId,
    },
    /// Credentials may not go there.
    Barred(String),
    /// A redirect that is not followed.
    Redirect(String),
    /// A redirect to a server that cannot be reached: the leader that another knew may be gone.
    LeaderGone(String),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(text) | Self::Tls(text) | Self::Reset(text) => f.write_str(text),
            Self::Silence => f.write_str("no answer"),
            Self::Closed => f.write_str("closed the connection before the reply was whole"),
            Self::NotHttp(text) => write!(f, "does not speak HTTP ({text})"),
            Self::NotEtcd(text) => write!(f, "is no etcd ({text})"),
            Self::TooLarge(limit) => write!(f, "replied with more than {limit} bytes"),
            Self::AnotherCluster { expected, found } => {
                write!(f, "is of cluster {found}, and {expected} is asked for")
            }
            Self::Refused(text)
            | Self::Barred(text)
            | Self::Redirect(text)
            | Self::LeaderGone(text) => f.write_str(text),
        }
    }
}

impl Cause {
    /// The kind of error that a call is, when this cause was its last.
    pub(crate) fn kind(&self, phase: Phase) -> Kind {
        match (self, phase) {
            (Self::NotHttp(_) | Self::NotEtcd(_) | Self::Refused(_), _) => Kind::Protocol,
            (Self::AnotherCluster { .. }, _) => Kind::AnotherCluster,
            (Self::TooLarge(_), _) => Kind::TooLarge,
            (Self::Redirect(_) | Self::LeaderGone(_), _) => Kind::Redirect,
            (Self::Barred(_), _) | (_, Phase::Connect) => Kind::Unreachable,
            (Self::Silence, _) => Kind::Timeout,
            (Self::Io(_) | Self::Tls(_) | Self::Closed | Self::Reset(_), _) => Kind::Interrupted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_hides_no_word_that_was_heard_before() {
        let told = |attempts: &[(&str, Cause)]| {
            let attempt = |(endpoint, cause): &(&str, Cause)| Attempt {
                endpoint: endpoint.parse().expect("an endpoint"),
                phase: Phase::Sent,
                cause: cause.clone(),
                took: Duration::ZERO,
            };
            let attempts = attempts.iter().map(attempt).collect();
            Error::new(Kind::Timeout, Outcome::NotApplied, attempts).to_string()
        };
        let (a, b, refused) = ("a:1", "b:1", || Cause::Io("refused".to_owned()));
        for (attempts, text) in [
            (vec![(a, Cause::Silence)], "a:1: no answer"),
            (vec![(a, Cause::Silence), (a, refused())], "a:1: refused"),
            (vec![(a, refused()), (a, Cause::Silence)], "a:1: refused, then no answer"),
            (
                vec![(a, refused()), (a, Cause::Silence), (a, Cause::Silence)],
                "a:1: refused, then no answer",
            ),
            (
                vec![(a, refused()), (b, refused()), (a, Cause::Silence)],
                "b:1: refused; a:1: refused, then no answer",
            ),
            (vec![(a, refused()), (a, Cause::Silence), (a, refused())], "a:1: refused"),
        ] {
            assert_eq!(told(&attempts), format!("no answer in time: {text}"));
        }
    }
}
