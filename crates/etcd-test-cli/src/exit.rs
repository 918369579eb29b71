//! How the program ends.

use std::io::Write as _;
use std::process::ExitCode;

use etcd_client::plain::{Plain, PlainText};
use etcd_client::{Error, ErrorKind, Outcome};
use nix::sys::signal::Signal;

use crate::access::Unusable;

/// An exit status with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// What was given cannot be used.
    Usage,
    /// There is no such key.
    NotFound,
    /// A condition does not hold, or a lock is not ours.
    Precondition,
    /// The operation may have taken effect.
    Unknown,
    /// No server could be reached.
    Unreachable,
    /// Interrupted from the keyboard.
    Interrupted,
    /// Asked to end.
    Terminated,
    /// As a command that was run ended: its status, or 128 and a signal.
    Child(u8),
}

impl Exit {
    /// After a signal that asked the program to end.
    pub(crate) fn of_signal(signal: Signal) -> Self {
        match signal {
            Signal::SIGINT => Self::Interrupted,
            Signal::SIGTERM => Self::Terminated,
            other => Self::Child(128 + other as u8),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::NotFound => 3,
            Exit::Precondition => 4,
            Exit::Unknown => 5,
            Exit::Unreachable => 6,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
            Exit::Child(status) => status,
        })
    }
}

/// Says what is wrong with the command line, or the help that it asked for.
pub(crate) fn usage(error: &clap::Error) -> Exit {
    // It repeats what was typed, which may come from anywhere.
    let text = PlainText(&error.to_string()).to_string();
    // Whoever closed the pipe does not want to hear it.
    if error.use_stderr() {
        let _ = std::io::stderr().write_all(text.as_bytes());
        return Exit::Usage;
    }
    let _ = std::io::stdout().write_all(text.as_bytes());
    Exit::Done
}

/// Says something on standard error, on a line of its own.
pub(crate) fn say(text: &str) {
    // Nobody is left to be told that standard error is closed.
    let _ = writeln!(std::io::stderr(), "etcd-test: {}", Plain(text));
}

/// Says on standard error what went wrong, and how the program is to end. A closed pipe is no
/// failure: whoever read has read enough.
pub(crate) fn report(error: &anyhow::Error) -> Exit {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    if io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe) {
        return Exit::Done;
    }
    say(&format!("{error:#}"));
    if error.is::<Unusable>() {
        return Exit::Usage;
    }
    let error = error.chain().find_map(|cause| cause.downcast_ref::<Error>());
    if let Some(ErrorKind::PreconditionFailed { current: Some(current) }) = error.map(Error::kind) {
        say(&format!("the value there is {:?}", String::from_utf8_lossy(current)));
    }
    error.map_or(Exit::Failed, status)
}

fn status(error: &Error) -> Exit {
    match (error.kind(), error.outcome()) {
        (_, Outcome::Unknown) => Exit::Unknown,
        (ErrorKind::InvalidInput, _) => Exit::Usage,
        (ErrorKind::KeyNotFound, _) => Exit::NotFound,
        (ErrorKind::PreconditionFailed { .. } | ErrorKind::LockLost | ErrorKind::LockBusy, _) => {
            Exit::Precondition
        }
        (ErrorKind::Unreachable | ErrorKind::Timeout, _) => Exit::Unreachable,
        _ => Exit::Failed,
    }
}
