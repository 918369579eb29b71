//! What cannot be said, and what cannot be understood.

/// A request that cannot be expressed, found before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct EncodeError {
    /// The part of the request at fault, as a caller knows it.
    pub field: &'static str,
    /// What is wrong with it and what would be right.
    pub reason: String,
}

impl EncodeError {
    /// An error that names the field at fault.
    pub fn new(field: &'static str, reason: impl Into<String>) -> Self {
        Self { field, reason: reason.into() }
    }
}

/// Bytes of a server that are not what they must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {message}: {reason}")]
pub struct DecodeError {
    /// What was being read.
    pub message: &'static str,
    /// Why it could not be.
    pub reason: String,
}

impl DecodeError {
    /// An error that names what was being read.
    pub fn new(message: &'static str, reason: impl Into<String>) -> Self {
        Self { message, reason: reason.into() }
    }
}
