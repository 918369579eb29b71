//! What went wrong, who can do something about it, and whether the operation took effect.

use std::fmt;

use bytes::Bytes;
use etcd_proto::call::{Outcome, Refusal};
use etcd_proto::error::EncodeError;
use etcd_proto::grpc::Code;
use etcd_proto::ids::{InvalidTtl, Revision};
use etcd_proto::tree::InvalidPath;
use etcd_proto::v2::{self, ErrorCode};
use etcd_proto::v3;
use etcd_proto::v3::error::message;
use etcd_transport::CallError;
use etcd_transport::endpoint::InvalidEndpoint;
use etcd_transport::error::Kind as TransportKind;

pub use etcd_transport::error::{Attempt, Cause, Phase};

/// Why a call did not do what it was asked.
///
/// `Display` says one level; [`source`](std::error::Error::source) has what lies below it.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    outcome: Outcome,
    message: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    attempts: Vec<Attempt>,
}

/// What kind of failure it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was given cannot be used: a key, a value, an endpoint, an option.
    InvalidInput,
    /// There is no such key.
    KeyNotFound,
    /// The key is not as it was required to be.
    PreconditionFailed {
        /// The value that stands there, read right afterwards; nothing where none does or it
        /// could not be read.
        current: Option<Bytes>,
    },
    /// A directory stands where a value was expected.
    IsDirectory,
    /// A value stands where a directory was expected.
    NotADirectory,
    /// The directory is not empty.
    DirectoryNotEmpty,
    /// The lock was not free in time.
    LockBusy,
    /// The lock is no longer ours, or may no longer be.
    LockLost,
    /// The user may not do this.
    Unauthorized,
    /// The cluster's version does not have this.
    Unsupported,
    /// No server could be reached.
    Unreachable,
    /// No answer came in time.
    Timeout,
    /// The history that was asked for is no longer kept.
    HistoryCleared,
    /// The history that a watch has to go on from is no longer kept.
    Compacted {
        /// The first revision that is still kept.
        revision: Revision,
    },
    /// Another cluster answers than before, or one whose history went back: nothing that was known
    /// of revisions and leases holds any more.
    AnotherHistory,
    /// There is no such lease, or no longer.
    LeaseNotFound,
    /// A server answered with another refusal, or with what is not etcd's.
    Refused,
    /// A connection broke before the answer was whole.
    Interrupted,
    /// It was closed, by a `Stopper` of the feature `blocking`, before there was an answer.
    Closed,
    /// A file, or another place of the caller's choice, could not be written.
    Io,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, outcome: Outcome, message: impl Into<String>) -> Self {
        let (message, source, attempts) = (Some(message.into()), None, Vec::new());
        Self(Box::new(Inner { kind, outcome, message, source, attempts }))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, Outcome::NotApplied, message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, Outcome::NotApplied, message)
    }

    pub(crate) fn busy(key: &str) -> Self {
        let message = format!("the lock on {key:?} was not free in time");
        Self::new(ErrorKind::LockBusy, Outcome::NotApplied, message)
    }

    #[cfg(feature = "blocking")]
    pub(crate) fn closed(outcome: Outcome) -> Self {
        Self::new(ErrorKind::Closed, outcome, "it was closed before there was an answer")
    }

    pub(crate) fn lost(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::LockLost, Outcome::NotApplied, message)
    }

    pub(crate) fn io(error: std::io::Error) -> Self {
        Self::from_source(ErrorKind::Io, Outcome::NotApplied, error)
    }

    pub(crate) fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.0.outcome = outcome;
        self
    }

    /// A lock that may have ended, as no renewal was confirmed in time.
    pub(crate) fn late(key: impl fmt::Debug, index: u64) -> Self {
        Self::lost(format!("the lock on {key:?} with index {index} could not be renewed in time"))
    }

    /// No server was in reach for too long to go on waiting for a lock.
    pub(crate) fn out_of_reach(key: &str, last: Option<Self>) -> Self {
        let message = format!("no server was in reach to wait for the lock on {key:?}");
        let mut error = Self::new(ErrorKind::Unreachable, Outcome::NotApplied, message);
        if let Some(last) = last {
            error.0.attempts.clone_from(&last.0.attempts);
            error.0.source = Some(Box::new(last));
        }
        error
    }

    /// The same error as another kind, because more is known now.
    pub(crate) fn into_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    fn from_source(
        kind: ErrorKind,
        outcome: Outcome,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        let (message, attempts) = (None, Vec::new());
        Self(Box::new(Inner { kind, outcome, message, source: Some(Box::new(source)), attempts }))
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Whether the operation took effect. Reads never do.
    pub fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// Whether it is proved that the operation did not take effect, and will not.
    pub fn is_definitely_not_applied(&self) -> bool {
        self.0.outcome == Outcome::NotApplied
    }

    /// Whether the operation may have taken effect.
    pub fn is_outcome_unknown(&self) -> bool {
        self.0.outcome == Outcome::Unknown
    }

    /// Whether there is no such key.
    pub fn is_key_not_found(&self) -> bool {
        self.0.kind == ErrorKind::KeyNotFound
    }

    /// Whether the key is not as it was required to be.
    pub fn is_precondition_failed(&self) -> bool {
        matches!(self.0.kind, ErrorKind::PreconditionFailed { .. })
    }

    /// Whether a lock is lost.
    pub fn is_lock_lost(&self) -> bool {
        self.0.kind == ErrorKind::LockLost
    }

    /// Whether trying again later may help, as far as reaching a server goes.
    pub fn is_transient(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Interrupted)
            || self.v2().is_some_and(Refusal::may_pass)
            || self.v3().is_some_and(Refusal::may_pass)
    }

    /// What happened at each endpoint, in order, where none answered: at most the last 16 attempts.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// The v3 server's own refusal, where one is at the bottom of this.
    pub fn v3(&self) -> Option<&v3::Error> {
        let call = self.0.source.as_ref()?.downcast_ref::<CallError<v3::Error>>()?;
        match call {
            CallError::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }

    /// The v2 server's own refusal, where one is at the bottom of this.
    pub fn v2(&self) -> Option<&v2::Error> {
        let call = self.0.source.as_ref()?.downcast_ref::<CallError<v2::Error>>()?;
        match call {
            CallError::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("outcome", &self.0.outcome)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .field("attempts", &self.0.attempts)
            .finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(message) = &self.0.message {
            return f.write_str(message);
        }
        f.write_str(match &self.0.kind {
            ErrorKind::InvalidInput => "this cannot be sent",
            ErrorKind::KeyNotFound => "there is no such key",
            ErrorKind::PreconditionFailed { .. } => "the key is not as required",
            ErrorKind::IsDirectory => "a directory stands there; list it instead",
            ErrorKind::NotADirectory => "a value stands there, not a directory",
            ErrorKind::DirectoryNotEmpty => "the directory is not empty",
            ErrorKind::LockBusy => "the lock was not free in time",
            ErrorKind::LockLost => "the lock is lost",
            ErrorKind::Unauthorized => "not allowed",
            ErrorKind::Unsupported => "the server does not have this",
            ErrorKind::Compacted { .. } => "the history to go on from is no longer kept",
            ErrorKind::AnotherHistory => "another cluster answers, or another history",
            ErrorKind::LeaseNotFound => "there is no such lease",
            ErrorKind::HistoryCleared => "the history asked for is no longer kept",
            ErrorKind::Closed => "it was closed",
            ErrorKind::Io => "this could not be written",
            _ if matches!(self.v2(), Some(v2::Error::Unreadable { .. })) => {
                "the answer cannot be read"
            }
            _ => "the server refused",
        })?;
        f.write_str(note(self.0.outcome))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<CallError<v2::Error>> for Error {
    fn from(error: CallError<v2::Error>) -> Self {
        Self::from_call(error, kind_of_refusal)
    }
}

impl From<CallError<v3::Error>> for Error {
    fn from(error: CallError<v3::Error>) -> Self {
        Self::from_call(error, kind_of_v3_refusal)
    }
}

impl Error {
    fn from_call<R: Refusal>(error: CallError<R>, kind: impl Fn(&R) -> ErrorKind) -> Self {
        let outcome = error.outcome();
        match error {
            CallError::Failed(failed) => {
                let message = format!("{failed}{}", note(outcome));
                let mut error = Self::new(kind_of_failure(failed.kind()), outcome, message);
                error.0.attempts = failed.attempts().to_vec();
                error
            }
            CallError::Refused { ref refusal, .. } => {
                Self::from_source(kind(refusal), outcome, error)
            }
            _ => Self::from_source(ErrorKind::Refused, outcome, error),
        }
    }
}

fn kind_of_failure(kind: &TransportKind) -> ErrorKind {
    match kind {
        TransportKind::Request(_) => ErrorKind::InvalidInput,
        TransportKind::Unreachable => ErrorKind::Unreachable,
        TransportKind::Timeout => ErrorKind::Timeout,
        TransportKind::Interrupted => ErrorKind::Interrupted,
        TransportKind::AnotherCluster => ErrorKind::AnotherHistory,
        _ => ErrorKind::Refused,
    }
}

/// What an error adds about the outcome, where that is not what one would expect.
fn note(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unknown => " (the write may have taken effect)",
        Outcome::Applied => " (the write took effect)",
        Outcome::NotApplied => "",
    }
}

fn kind_of_refusal(refusal: &v2::Error) -> ErrorKind {
    if refusal.is_unsupported() {
        return ErrorKind::Unsupported;
    }
    match refusal.code() {
        Some(ErrorCode::KEY_NOT_FOUND) => ErrorKind::KeyNotFound,
        Some(ErrorCode::COMPARE_FAILED | ErrorCode::KEY_EXISTS) => {
            ErrorKind::PreconditionFailed { current: None }
        }
        Some(ErrorCode::NOT_A_FILE) => ErrorKind::IsDirectory,
        Some(ErrorCode::NOT_A_DIRECTORY) => ErrorKind::NotADirectory,
        Some(ErrorCode::DIRECTORY_NOT_EMPTY) => ErrorKind::DirectoryNotEmpty,
        Some(ErrorCode::UNAUTHORIZED) => ErrorKind::Unauthorized,
        Some(ErrorCode::EVENT_INDEX_CLEARED) => ErrorKind::HistoryCleared,
        Some(ErrorCode::ROOT_READ_ONLY) => ErrorKind::InvalidInput,
        None if refusal.status() == 401 => ErrorKind::Unauthorized,
        _ => ErrorKind::Refused,
    }
}

fn kind_of_v3_refusal(refusal: &v3::Error) -> ErrorKind {
    let Some(status) = refusal.status() else { return ErrorKind::Refused };
    match (status.message.as_str(), status.code) {
        (message::COMPACTED, _) => ErrorKind::HistoryCleared,
        (message::LEASE_NOT_FOUND, _) => ErrorKind::LeaseNotFound,
        (
            message::INVALID_TOKEN
            | message::USER_EMPTY
            | message::AUTH_REVISION_OLD
            | message::AUTH_FAILED
            | message::BARE_INVALID_TOKEN
            | message::BARE_USER_EMPTY
            | message::BARE_AUTH_REVISION_OLD
            | message::BARE_PERMISSION_DENIED
            | message::BARE_USER_NOT_FOUND,
            _,
        ) => ErrorKind::Unauthorized,
        (_, Code::PERMISSION_DENIED | Code::UNAUTHENTICATED) => ErrorKind::Unauthorized,
        (_, Code::UNIMPLEMENTED) => ErrorKind::Unsupported,
        // The server may count our deadline down a little faster than we do.
        (_, Code::DEADLINE_EXCEEDED) => ErrorKind::Timeout,
        (_, Code::INVALID_ARGUMENT) => ErrorKind::InvalidInput,
        _ => ErrorKind::Refused,
    }
}

macro_rules! invalid_input {
    ($($source:ty),*) => {$(
        impl From<$source> for Error {
            fn from(error: $source) -> Self {
                Self::invalid(error.to_string())
            }
        }
    )*};
}

invalid_input!(InvalidEndpoint, InvalidPath, InvalidTtl, EncodeError);

impl From<v2::Unsupported> for Error {
    fn from(error: v2::Unsupported) -> Self {
        Self::unsupported(error.to_string())
    }
}
