//! The leader module of etcd 0.2 and 0.3, at `/mod/v2/leader`.

use http::Method;

use super::encode::{Form, Target};
use super::error::Error;
use super::lock::{module_index, module_silence, module_text};
use crate::call::{Exchange, HttpVersion, Incoming, Outgoing, Replay};
use crate::error::EncodeError;
use crate::ids::Ttl;
use crate::tree::Path;

const MODULE: &str = "/mod/v2/leader";

/// Waits to lead under a name, or renews for the name that leads; the reply is the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderAcquire {
    key: Path,
    name: String,
    ttl: Ttl,
}

impl LeaderAcquire {
    /// Leads `key` as `name` for this long, to be renewed by the same request.
    pub fn new(key: Path, name: impl Into<String>, ttl: Ttl) -> Self {
        Self { key, name: name.into(), ttl }
    }
}

impl Exchange for LeaderAcquire {
    type Reply = u64;
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    fn replay(&self) -> Replay {
        Replay::Once
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        let mut form = Form::default();
        form.field("name", &self.name);
        form.field("ttl", &self.ttl.to_string());
        Target::below(MODULE, &self.key).form(Method::PUT, form)
    }

    fn decode(&self, reply: Incoming) -> Result<u64, Error> {
        module_index("a leader's index", &reply)
    }
}

/// Asks which name leads; nothing where none does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderRead {
    key: Path,
}

impl LeaderRead {
    /// Asks who leads `key`.
    pub fn new(key: Path) -> Self {
        Self { key }
    }
}

impl Exchange for LeaderRead {
    type Reply = Option<String>;
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        Target::below(MODULE, &self.key).bare(Method::GET)
    }

    fn decode(&self, reply: Incoming) -> Result<Option<String>, Error> {
        let text = module_text("a leader's name", &reply)?;
        Ok((!text.is_empty()).then_some(text))
    }
}

/// Stops leading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderRelease {
    key: Path,
    name: String,
}

impl LeaderRelease {
    /// Has `name` lead `key` no longer.
    pub fn new(key: Path, name: impl Into<String>) -> Self {
        Self { key, name: name.into() }
    }
}

impl Exchange for LeaderRelease {
    type Reply = ();
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    fn replay(&self) -> Replay {
        Replay::Once
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        let mut target = Target::below(MODULE, &self.key);
        target.parameter("name", &self.name);
        target.bare(Method::DELETE)
    }

    fn decode(&self, reply: Incoming) -> Result<(), Error> {
        module_silence("a release", &reply)
    }
}
