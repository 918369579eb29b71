//! What the ten calls take and give.

use std::str::FromStr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use etcd_proto::ids::Ttl;
use etcd_transport::Config;

use super::key::Key;

/// Which API a session speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Api {
    /// Whichever the servers speak.
    #[default]
    Auto,
    /// v2: HTTP and JSON, up to etcd 3.5.
    V2,
    /// v3: gRPC, from etcd 3.0 on.
    V3,
}

impl FromStr for Api {
    type Err = InvalidApi;

    fn from_str(text: &str) -> Result<Self, InvalidApi> {
        match text {
            "auto" => Ok(Self::Auto),
            "v2" => Ok(Self::V2),
            "v3" => Ok(Self::V3),
            _ => Err(InvalidApi(text.to_owned())),
        }
    }
}

/// A text that names no API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no API: take auto, v2 or v3")]
pub struct InvalidApi(pub String);

/// How to open a session.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SessionOptions {
    /// Which API to speak; whichever the servers do.
    pub api: Api,
    /// Times and limits of the connections.
    pub config: Config,
}

impl SessionOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which API to speak.
    pub fn api(self, api: Api) -> Self {
        Self { api, ..self }
    }

    /// Times and limits of the connections.
    pub fn config(self, config: Config) -> Self {
        Self { config, ..self }
    }
}

/// A key and what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The whole path with its leading slash.
    pub key: Key,
    /// The value.
    pub value: Bytes,
    /// The index of the last change to it.
    pub index: u64,
    /// How long it still lives; nothing for no end.
    pub ttl: Option<Duration>,
}

impl Entry {
    pub(super) fn new(key: Key, value: Bytes, index: u64, ttl: Option<Duration>) -> Self {
        Self { key, value, index, ttl }
    }
}

/// A key or directory in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// The whole path with its leading slash.
    pub key: Key,
    /// The value; nothing for a directory.
    pub value: Option<Bytes>,
    /// Whether it is a directory.
    pub directory: bool,
    /// The index of the last change to it.
    pub index: u64,
}

impl Listed {
    pub(super) fn new(key: Key, value: Option<Bytes>, directory: bool, index: u64) -> Self {
        Self { key, value, directory, index }
    }
}

/// What must stand at a key for it to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Previous {
    /// Nothing.
    Absent,
    /// Something, whatever it is.
    Present,
    /// This value.
    Value(Bytes),
    /// Something whose last change has this index.
    Index(u64),
}

/// On what condition to write, and for how long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetOptions {
    /// What must stand there; nothing for whatever does.
    pub previous: Option<Previous>,
    /// How long the value lives; nothing for no end.
    pub ttl: Option<Ttl>,
}

impl SetOptions {
    /// Whatever stands there, and without end.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only where this value stands; it may be empty.
    pub fn previous(self, value: impl Into<Bytes>) -> Self {
        Self { previous: Some(Previous::Value(value.into())), ..self }
    }

    /// Only where the last change has this index.
    pub fn previous_index(self, index: u64) -> Self {
        Self { previous: Some(Previous::Index(index)), ..self }
    }

    /// Only where something stands, whatever it is.
    pub fn present(self) -> Self {
        Self { previous: Some(Previous::Present), ..self }
    }

    /// Only where nothing stands.
    pub fn absent(self) -> Self {
        Self { previous: Some(Previous::Absent), ..self }
    }

    /// How long the value lives.
    pub fn ttl(self, ttl: impl Into<Option<Ttl>>) -> Self {
        Self { ttl: ttl.into(), ..self }
    }
}

/// The member that leads a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leader {
    /// Its id; on etcd 0.x its name.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where clients reach it; on an etcd 0.x that does not tell, where other members do.
    pub client_urls: Vec<String>,
}

impl Leader {
    pub(super) fn new(id: String, name: String, client_urls: Vec<String>) -> Self {
        Self { id, name, client_urls }
    }
}

/// What a watch tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A key changed.
    Change(Change),
    /// Changes are missing here; the difference they made follows.
    Gap(Gap),
}

/// A change of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The index of the change.
    pub index: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// The whole path with its leading slash.
    pub key: Key,
    /// The value now; nothing for a directory or a key that is gone.
    pub value: Option<Bytes>,
    /// Whether no server said this as such: the difference after a gap, or a key that went with
    /// its directory.
    pub inferred: bool,
}

impl Change {
    pub(super) fn new(
        index: u64,
        kind: ChangeKind,
        key: Key,
        value: Option<Bytes>,
        inferred: bool,
    ) -> Self {
        Self { index, kind, key, value, inferred }
    }
}

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// It was written.
    Set,
    /// It was removed.
    Delete,
    /// Its time to live was over.
    Expire,
}

/// Changes that a watch could not deliver, because they are no longer kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// The first index that is missing.
    pub first: u64,
    /// The index after which nothing is missing.
    pub last: u64,
}

impl Gap {
    pub(super) fn new(first: u64, last: u64) -> Self {
        Self { first, last }
    }
}

/// A lock that is held. Its index renews and unlocks it, in another process too.
///
/// A holder that is paused longer than the time to live finds another holder when it wakes up;
/// what must not happen twice is to be refused where it happens, by comparing the index: it is
/// higher for each later holder. Dropping a ticket does not unlock.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a lock that is not unlocked lasts until its time to live is over"]
#[non_exhaustive]
pub struct Ticket {
    /// The key that is locked, as a whole path.
    pub key: Key,
    /// What renews and unlocks it.
    pub index: u64,
    /// How long it lasts without being renewed.
    pub ttl: Ttl,
    /// Until when it is surely held, if nothing else happens.
    pub deadline: Instant,
}

impl Ticket {
    pub(super) fn new(key: Key, index: u64, ttl: Ttl, deadline: Instant) -> Self {
        Self { key, index, ttl, deadline }
    }
}
