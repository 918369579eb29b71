//! Refusals of calls that are not about keys: a status and a sentence.

/// Why a call about users, roles or members is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status that goes with it.
    pub status: u16,
    /// etcd's words.
    pub message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}
