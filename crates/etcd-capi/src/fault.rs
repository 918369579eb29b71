//! Why a call failed, in the words of the header.

use std::error::Error as _;

use etcd_client::{Error, ErrorKind, Outcome};

/// What a call that has nothing to return returns.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EtcdResult {
    Ok = 0,
    ProtocolError = 1,
    Wtf = 2,
    NothingYet = 3,
}

/// What went wrong: `etcd_error_code`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    None = 0,
    InvalidInput = 1,
    KeyNotFound = 2,
    PreconditionFailed = 3,
    IsDirectory = 4,
    NotADirectory = 5,
    DirectoryNotEmpty = 6,
    LockBusy = 7,
    LockLost = 8,
    Unauthorized = 9,
    Unsupported = 10,
    Unreachable = 11,
    Timeout = 12,
    HistoryCleared = 13,
    AnotherCluster = 14,
    LeaseNotFound = 15,
    Refused = 16,
    Interrupted = 17,
    Closed = 18,
    Forked = 19,
    DoesNotFit = 20,
    Internal = 21,
}

/// What is known about an operation that failed: `etcd_outcome`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    NotApplied = 0,
    Applied = 1,
    Unknown = 2,
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) outcome: Known,
    pub(crate) text: String,
}

impl Fault {
    pub(crate) fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, outcome: Known::NotApplied, text: text.into() }
    }

    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::new(Code::InvalidInput, text)
    }

    pub(crate) fn closed() -> Self {
        Self::new(Code::Closed, "this is no session or watcher, or it is closed")
    }

    /// What was done was done, but cannot be told.
    pub(crate) fn does_not_fit(text: impl Into<String>) -> Self {
        Self { outcome: Known::Applied, ..Self::new(Code::DoesNotFit, text) }
    }

    pub(crate) fn no_memory() -> Self {
        let outcome = Known::Unknown;
        Self { outcome, ..Self::new(Code::Internal, "there is no memory for the answer") }
    }

    /// What a function with a result returns.
    pub(crate) fn result(&self) -> EtcdResult {
        match self.code {
            Code::KeyNotFound
            | Code::PreconditionFailed
            | Code::IsDirectory
            | Code::NotADirectory
            | Code::DirectoryNotEmpty
            | Code::LockBusy
            | Code::LockLost
            | Code::Unauthorized
            | Code::HistoryCleared
            | Code::LeaseNotFound
            | Code::Refused => EtcdResult::ProtocolError,
            _ => EtcdResult::Wtf,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            ErrorKind::InvalidInput => Code::InvalidInput,
            ErrorKind::KeyNotFound => Code::KeyNotFound,
            ErrorKind::PreconditionFailed { .. } => Code::PreconditionFailed,
            ErrorKind::IsDirectory => Code::IsDirectory,
            ErrorKind::NotADirectory => Code::NotADirectory,
            ErrorKind::DirectoryNotEmpty => Code::DirectoryNotEmpty,
            ErrorKind::LockBusy => Code::LockBusy,
            ErrorKind::LockLost => Code::LockLost,
            ErrorKind::Unauthorized => Code::Unauthorized,
            ErrorKind::Unsupported => Code::Unsupported,
            ErrorKind::Unreachable => Code::Unreachable,
            ErrorKind::Timeout => Code::Timeout,
            ErrorKind::HistoryCleared | ErrorKind::Compacted { .. } => Code::HistoryCleared,
            ErrorKind::AnotherHistory => Code::AnotherCluster,
            ErrorKind::LeaseNotFound => Code::LeaseNotFound,
            ErrorKind::Refused => Code::Refused,
            ErrorKind::Interrupted => Code::Interrupted,
            ErrorKind::Closed => Code::Closed,
            _ => Code::Internal,
        };
        let outcome = match error.outcome() {
            Outcome::NotApplied => Known::NotApplied,
            Outcome::Applied => Known::Applied,
            Outcome::Unknown => Known::Unknown,
        };
        Self { code, outcome, text: in_one_line(&error) }
    }
}

/// An error with all that lies below it.
fn in_one_line(error: &Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        text += ": ";
        text += &cause.to_string();
        below = cause.source();
    }
    text.replace(|c: char| c.is_control(), " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_refuses_is_a_protocol_error_and_all_else_is_not() {
        for (code, result) in [
            (Code::KeyNotFound, EtcdResult::ProtocolError),
            (Code::PreconditionFailed, EtcdResult::ProtocolError),
            (Code::LockLost, EtcdResult::ProtocolError),
            (Code::Unreachable, EtcdResult::Wtf),
            (Code::Timeout, EtcdResult::Wtf),
            (Code::InvalidInput, EtcdResult::Wtf),
            (Code::Closed, EtcdResult::Wtf),
            (Code::DoesNotFit, EtcdResult::Wtf),
        ] {
            assert_eq!(Fault::new(code, "").result(), result, "{code:?}");
        }
    }

    #[test]
    fn an_error_is_told_in_one_line() {
        let error = "a\nb:2379".parse::<etcd_client::Endpoint>().expect_err("no server");
        let fault = Fault::from(Error::from(error));
        assert_eq!(fault.code, Code::InvalidInput);
        assert!(!fault.text.contains('\n'), "{}", fault.text);
    }
}
