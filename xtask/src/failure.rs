//! Why a command ends badly: called wrongly, or the work failed.

use std::io;

/// What a command returns.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// The two ways to fail, told apart by the exit status.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line is wrong: status 2.
    Usage(String),
    /// The work failed: status 1.
    Failed(String),
}

impl Failure {
    /// A failure of the work.
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self::Failed(why.into())
    }

    /// What went wrong, without how.
    pub(crate) fn why(self) -> String {
        match self {
            Self::Usage(why) | Self::Failed(why) => why,
        }
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}
