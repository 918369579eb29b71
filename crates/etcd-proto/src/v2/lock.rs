//! The lock module of etcd 0.2 and 0.3, at `/mod/v2/lock`.
//!
//! Only these versions mount it, and it grants wrongly in known ways: any event at the key of the
//! one before, such as its renewal, is taken for a release. The requests are here because its
//! other clients are there; elsewhere a lock is made of in-order keys.

use http::Method;

use super::encode::{Form, Target};
use super::error::Error;
use super::reply;
use crate::call::{Exchange, HttpVersion, Incoming, Outgoing, Replay};
use crate::error::EncodeError;
use crate::ids::Ttl;
use crate::tree::Path;

const MODULE: &str = "/mod/v2/lock";

/// Which holder is meant: by the index it was given, or by the value it came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockHolder {
    /// The index that acquiring answered.
    Index(u64),
    /// The value given when acquiring; two with one value both hold the lock.
    Value(String),
}

impl LockHolder {
    fn parameter(&self) -> (&'static str, String) {
        match self {
            Self::Index(index) => ("index", index.to_string()),
            Self::Value(value) => ("value", value.clone()),
        }
    }
}

/// Waits for a lock and takes it; the reply is the index that renews and releases it.
///
/// The server waits without limit (it parses a timeout and never uses it): give up by closing the
/// connection, and it withdraws the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockAcquire {
    key: Path,
    ttl: Ttl,
    value: Option<String>,
}

impl LockAcquire {
    /// Takes the lock on `key` for this long, to be renewed. One second is refused when the
    /// request is made: it has the server renew its waiters without pause.
    pub fn new(key: Path, ttl: Ttl) -> Self {
        Self { key, ttl, value: None }
    }

    /// Names the holder; acquiring again with one value is answered with the same index.
    pub fn value(self, value: impl Into<String>) -> Self {
        Self { value: Some(value.into()), ..self }
    }
}

impl Exchange for LockAcquire {
    type Reply = u64;
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    fn replay(&self) -> Replay {
        Replay::Once
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        if self.ttl.seconds() < 2 {
            return Err(EncodeError::new("ttl", "the lock module needs at least 2 seconds"));
        }
        let mut form = Form::default();
        form.field("ttl", &self.ttl.to_string());
        if let Some(value) = &self.value {
            form.field("value", value);
        }
        Target::below(MODULE, &self.key).form(Method::POST, form)
    }

    fn decode(&self, reply: Incoming) -> Result<u64, Error> {
        module_index("a lock's index", &reply)
    }
}

/// What [`LockRead`] asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockField {
    /// The value the holder came with; `-` where it came with none.
    Value,
    /// The index the holder was given, in decimal digits.
    Index,
}

/// Asks who holds a lock; the reply is nothing where nobody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRead {
    key: Path,
    field: LockField,
}

impl LockRead {
    /// Asks for this about the holder of the lock on `key`.
    pub fn new(key: Path, field: LockField) -> Self {
        Self { key, field }
    }
}

impl Exchange for LockRead {
    type Reply = Option<String>;
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        let mut target = Target::below(MODULE, &self.key);
        if self.field == LockField::Index {
            target.parameter("field", "index");
        }
        target.bare(Method::GET)
    }

    fn decode(&self, reply: Incoming) -> Result<Option<String>, Error> {
        let text = module_text("a lock's holder", &reply)?;
        Ok((!text.is_empty()).then_some(text))
    }
}

/// Gives a lock that is held a new time to live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRenew {
    key: Path,
    holder: LockHolder,
    ttl: Ttl,
}

impl LockRenew {
    /// Has the lock on `key` last this long from now.
    pub fn new(key: Path, holder: LockHolder, ttl: Ttl) -> Self {
        Self { key, holder, ttl }
    }
}

impl Exchange for LockRenew {
    type Reply = ();
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    fn replay(&self) -> Replay {
        Replay::Once
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        let mut form = Form::default();
        form.field("ttl", &self.ttl.to_string());
        let (name, text) = self.holder.parameter();
        form.field(name, &text);
        Target::below(MODULE, &self.key).form(Method::PUT, form)
    }

    fn decode(&self, reply: Incoming) -> Result<(), Error> {
        module_silence("a renewal", &reply)
    }
}

/// Releases a lock. The holder is named in the query: servers ignore the body of a DELETE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRelease {
    key: Path,
    holder: LockHolder,
}

impl LockRelease {
    /// Releases the lock on `key`.
    pub fn new(key: Path, holder: LockHolder) -> Self {
        Self { key, holder }
    }
}

impl Exchange for LockRelease {
    type Reply = ();
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    fn replay(&self) -> Replay {
        Replay::Once
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        let mut target = Target::below(MODULE, &self.key);
        let (name, text) = self.holder.parameter();
        target.parameter(name, &text);
        target.bare(Method::DELETE)
    }

    fn decode(&self, reply: Incoming) -> Result<(), Error> {
        module_silence("a release", &reply)
    }
}

/// A module's text; its errors are JSON or `100: Key not found (…) [6]`, whatever the status.
pub(super) fn module_text(message: &'static str, reply: &Incoming) -> Result<String, Error> {
    match reply.status.is_success() {
        true => reply::text(message, reply),
        false => Err(Error::from_module(reply)),
    }
}

/// A module says that it has done something by saying nothing.
pub(super) fn module_silence(message: &'static str, reply: &Incoming) -> Result<(), Error> {
    match module_text(message, reply)?.trim().is_empty() {
        true => Ok(()),
        false => Err(Error::unreadable(message, reply, "not empty")),
    }
}

pub(super) fn module_index(message: &'static str, reply: &Incoming) -> Result<u64, Error> {
    let text = module_text(message, reply)?;
    text.trim().parse().map_err(|error| Error::unreadable(message, reply, error))
}
