//! What a v2 server says when it does not do what it was asked.

use std::fmt;

use http::StatusCode;
use serde::Deserialize;

use crate::call::{Incoming, Outcome, Refusal, Remedy};
use crate::error::DecodeError;
use crate::plain::Plain;

/// How much of a reply that is not understood an error keeps, in bytes.
const EXCERPT: usize = 200;
/// How much of a server's own message an error keeps, in bytes.
const MESSAGE: usize = 4096;

/// A v2 server's refusal, or a reply that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The key API's own error, with a code.
    #[error("{0}")]
    Key(KeyError),
    /// An error with a message alone, as members, auth and statistics give.
    #[error("{} (HTTP {status})", Plain(message))]
    Message {
        /// The HTTP status.
        status: StatusCode,
        /// The server's text, cut at 4 KiB.
        message: String,
    },
    /// A reply in none of the shapes that etcd uses.
    #[error("HTTP {status} with {excerpt}")]
    Other {
        /// The HTTP status.
        status: StatusCode,
        /// How the body begins, escaped.
        excerpt: String,
    },
    /// A reply that says success and cannot be read.
    #[error("{error}")]
    Unreadable {
        /// Whether the reply carried an index of etcd, and so came from one.
        from_etcd: bool,
        /// What was being read, and why it could not be.
        error: DecodeError,
    },
}

/// The key API's own error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyError {
    /// The HTTP status.
    pub status: StatusCode,
    /// What went wrong.
    pub code: ErrorCode,
    /// The server's text for the code.
    pub message: String,
    /// What it concerns, such as a key, or the values that were compared.
    pub cause: String,
    /// The store's index when the error was made; zero where it was made before the store was asked.
    pub index: u64,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (error {})", Plain(&self.message), self.code)?;
        if !self.cause.is_empty() {
            write!(f, ": {}", Plain(&self.cause))?;
        }
        Ok(())
    }
}

/// A number that says what went wrong; unknown ones survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct ErrorCode(pub u32);

macro_rules! codes {
    ($($(#[$meta:meta])* $name:ident = $code:literal;)*) => {
        impl ErrorCode {
            $($(#[$meta])* pub const $name: Self = Self($code);)*
        }
    };
}

codes! {
    /// There is no such key.
    KEY_NOT_FOUND = 100;
    /// The previous value or index is not the one expected.
    COMPARE_FAILED = 101;
    /// A directory stands where a value was expected.
    NOT_A_FILE = 102;
    /// The cluster takes no more members (0.x).
    NO_MORE_MACHINE = 103;
    /// A value stands where a directory was expected.
    NOT_A_DIRECTORY = 104;
    /// The key is there already.
    KEY_EXISTS = 105;
    /// The key is reserved.
    KEY_PRESERVED = 106;
    /// The root cannot be written.
    ROOT_READ_ONLY = 107;
    /// The directory is not empty.
    DIRECTORY_NOT_EMPTY = 108;
    /// Another member has this peer address.
    EXISTING_PEER_ADDRESS = 109;
    /// The user may not do this.
    UNAUTHORIZED = 110;
    /// A value is required.
    VALUE_REQUIRED = 200;
    /// A previous value is required.
    PREVIOUS_VALUE_REQUIRED = 201;
    /// The time to live is no number.
    TTL_NOT_A_NUMBER = 202;
    /// The index is no number.
    INDEX_NOT_A_NUMBER = 203;
    /// A value or a time to live is required.
    VALUE_OR_TTL_REQUIRED = 204;
    /// The timeout is no number.
    TIMEOUT_NOT_A_NUMBER = 205;
    /// A name is required (leader module).
    NAME_REQUIRED = 206;
    /// An index or a value is required (lock module).
    INDEX_OR_VALUE_REQUIRED = 207;
    /// Only one of index and value may be given (lock module).
    INDEX_AND_VALUE = 208;
    /// A parameter has a value that it cannot have.
    INVALID_FIELD = 209;
    /// The form cannot be read.
    INVALID_FORM = 210;
    /// A refresh must not have a value.
    REFRESH_WITH_VALUE = 211;
    /// A refresh must have a time to live.
    REFRESH_WITHOUT_TTL = 212;
    /// The consensus failed in the server, often by a timeout: the outcome is unknown.
    RAFT_INTERNAL = 300;
    /// The cluster was electing a leader.
    DURING_ELECTION = 301;
    /// The watcher was cleared by the server.
    WATCHER_CLEARED = 400;
    /// The events from the index asked for are no longer kept.
    EVENT_INDEX_CLEARED = 401;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error {
    /// Reads a reply whose status is no success.
    pub fn from_reply(reply: &Incoming) -> Self {
        let status = reply.status;
        if let Ok(body) = serde_json::from_slice::<KeyErrorBody>(&reply.body) {
            return Self::Key(body.with_status(status));
        }
        if let Ok(body) = serde_json::from_slice::<MessageBody>(&reply.body) {
            return Self::Message { status, message: cut(body.message, MESSAGE) };
        }
        Self::Other { status, excerpt: excerpt(&reply.body) }
    }

    /// The code, where the key API gave one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Key(error) => Some(error.code),
            _ => None,
        }
    }

    /// The HTTP status; 200 where a reply said success and could not be read.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Key(KeyError { status, .. })
            | Self::Message { status, .. }
            | Self::Other { status, .. } => *status,
            Self::Unreadable { .. } => StatusCode::OK,
        }
    }

    /// Whether the server does not know what was asked: etcd without this part of the API.
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Self::Other { status: StatusCode::NOT_FOUND, excerpt } if excerpt.contains("404 page not found"))
    }

    /// The lock module of 0.2 and 0.3 writes errors of the store as text: `100: Key not found …`.
    pub(super) fn from_module(reply: &Incoming) -> Self {
        let text = String::from_utf8_lossy(&reply.body);
        let parsed = text.split_once(": ").and_then(|(code, rest)| {
            let code = ErrorCode(code.trim().parse().ok()?);
            let (message, rest) = rest.split_once(" (")?;
            let (cause, index) = rest.rsplit_once(") [")?;
            let index = index.trim().trim_end_matches(']').parse().ok()?;
            let message = cut(message.to_owned(), MESSAGE);
            let cause = cut(cause.to_owned(), MESSAGE);
            Some(KeyError { status: reply.status, code, message, cause, index })
        });
        parsed.map_or_else(|| Self::from_reply(reply), Self::Key)
    }
}

impl Refusal for Error {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Key(error) => match error.code.0 {
                100..=110 | 200..=212 | 400..=401 => Outcome::NotApplied,
                _ => Outcome::Unknown,
            },
            Self::Unreadable { from_etcd: true, .. } => Outcome::Applied,
            Self::Unreadable { .. } => Outcome::Unknown,
            Self::Message { status, .. } | Self::Other { status, .. } => {
                match status.is_redirection() || status.is_client_error() {
                    true => Outcome::NotApplied,
                    false => Outcome::Unknown,
                }
            }
        }
    }

    fn remedy(&self) -> Remedy {
        match self {
            Self::Key(error) if matches!(error.code.0, 300..=399) => Remedy::Later,
            Self::Key(_) | Self::Unreadable { from_etcd: true, .. } => Remedy::Nothing,
            // What answers with a page of its own is no etcd, or stands before one.
            Self::Unreadable { .. } => Remedy::Elsewhere,
            Self::Other { status: StatusCode::NOT_FOUND, .. } if !self.is_unsupported() => {
                Remedy::Elsewhere
            }
            _ if self.status().is_server_error() => Remedy::Later,
            _ => Remedy::Nothing,
        }
    }
}

#[derive(Deserialize)]
struct KeyErrorBody {
    #[serde(rename = "errorCode")]
    code: ErrorCode,
    #[serde(default)]
    message: String,
    #[serde(default)]
    cause: String,
    #[serde(default)]
    index: u64,
}

impl KeyErrorBody {
    fn with_status(self, status: StatusCode) -> KeyError {
        let (message, cause) = (cut(self.message, MESSAGE), cut(self.cause, MESSAGE));
        KeyError { status, code: self.code, message, cause, index: self.index }
    }
}

#[derive(Deserialize)]
struct MessageBody {
    message: String,
}

fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        let end = (0..=most).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Why bytes cannot be read, and how they begin.
pub(super) fn unreadable(
    message: &'static str,
    why: impl fmt::Display,
    body: &[u8],
) -> DecodeError {
    // A parser's message may quote a whole value.
    let why = cut(why.to_string(), EXCERPT);
    DecodeError::new(message, format!("{why}, in {}", excerpt(body)))
}

/// How a body begins, quoted and escaped.
fn excerpt(body: &[u8]) -> String {
    match body.len() {
        0 => "an empty body".to_owned(),
        length if length <= EXCERPT => format!("{:?}", String::from_utf8_lossy(body).trim_end()),
        _ => format!("{:?}…", String::from_utf8_lossy(&body[..EXCERPT])),
    }
}
