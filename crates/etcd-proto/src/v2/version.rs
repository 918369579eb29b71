//! Which etcd a server is, what that one can do, and whether it is well.

use std::fmt;
use std::str::FromStr;

use http::{Method, StatusCode};
use serde::Deserialize;

use super::encode::Target;
use super::error::Error;
use super::reply;
use crate::call::{Exchange, HttpVersion, Incoming, Outgoing, Replay};
use crate::error::EncodeError;

/// A version of etcd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
}

impl Version {
    /// A version of three numbers.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    /// Reads `3.4.23`, `v0.3.0` or `2.3.0-alpha.1+git`; what follows the numbers does not count.
    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let numbers =
            text.trim().trim_start_matches('v').split(['-', '+']).next().unwrap_or_default();
        let mut parts = numbers.split('.').map(str::parse::<u32>);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) => {
                Ok(Self::new(major, minor, patch))
            }
            _ => Err(InvalidVersion(text.to_owned())),
        }
    }
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a version such as 3.4.23")]
pub struct InvalidVersion(pub String);

/// What a server says of its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerVersion {
    /// The version of the server that was asked.
    pub server: Version,
    /// What all members can do together: the lowest of their versions. Servers say it since 2.1.
    pub cluster: Option<Version>,
}

impl ServerVersion {
    /// The version whose features the whole cluster has.
    pub fn effective(&self) -> Version {
        self.cluster.map_or(self.server, |cluster| cluster.min(self.server))
    }
}

/// Asks a server for its version; all answer, in text up to 2.0 and in JSON since.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GetVersion;

impl Exchange for GetVersion {
    type Reply = ServerVersion;
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        Target::new("/version").bare(Method::GET)
    }

    fn decode(&self, reply: Incoming) -> Result<ServerVersion, Error> {
        let text = reply::text("a version", &reply)?;
        if let Some(server) = text.trim().strip_prefix("etcd ").and_then(|text| text.parse().ok()) {
            return Ok(ServerVersion { server, cluster: None });
        }
        #[derive(Deserialize)]
        struct Body {
            etcdserver: String,
            #[serde(default)]
            etcdcluster: String,
        }
        let body: Body = reply::json("a version", &reply)?;
        let unreadable = |error: InvalidVersion| Error::unreadable("a version", &reply, error);
        let server = body.etcdserver.parse().map_err(unreadable)?;
        // "not_decided" until the members have agreed.
        Ok(ServerVersion { server, cluster: body.etcdcluster.parse().ok() })
    }
}

/// Something that not every server can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Feature {
    /// `quorum=true`; an older server answers from the member asked.
    Quorum,
    /// `/v2/members` and `/health`.
    Members,
    /// `/v2/auth`.
    Auth,
    /// In-order names of 20 digits.
    PaddedNames,
    /// `refresh=true`; an older server wipes the value.
    Refresh,
    /// `noValueOnSuccess=true`; an older server answers with the node.
    NoValueOnSuccess,
    /// The lock and leader modules.
    LockModule,
    /// The v2 API itself; 3.4 and 3.5 serve it when started with `--enable-v2`.
    KeysV2,
}

impl Feature {
    /// The first version that has it.
    pub const fn since(self) -> Version {
        match self {
            Self::KeysV2 => Version::new(0, 2, 0),
            Self::LockModule => Version::new(0, 2, 0),
            Self::Quorum => Version::new(0, 4, 0),
            Self::Members => Version::new(2, 0, 0),
            Self::Auth => Version::new(2, 1, 0),
            Self::PaddedNames => Version::new(2, 2, 0),
            Self::Refresh => Version::new(2, 3, 0),
            Self::NoValueOnSuccess => Version::new(3, 1, 0),
        }
    }

    /// The first version that has it no more; nothing for those that last as long as v2.
    pub const fn until(self) -> Option<Version> {
        match self {
            Self::LockModule => Some(Version::new(0, 4, 0)),
            Self::KeysV2 => Some(Version::new(3, 6, 0)),
            _ => None,
        }
    }

    /// Fails when a cluster of this version does not have the feature.
    ///
    /// ```
    /// use etcd_proto::v2::{Feature, Version};
    ///
    /// assert!(Feature::Refresh.require(Version::new(2, 3, 8)).is_ok());
    /// assert!(Feature::Refresh.require(Version::new(2, 2, 5)).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unsupported`], which says what has it and what there is.
    pub fn require(self, have: Version) -> Result<(), Unsupported> {
        match have >= self.since() && self.until().is_none_or(|until| have < until) {
            true => Ok(()),
            false => Err(Unsupported { feature: self, have }),
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quorum => "linearizable reads",
            Self::Members => "the members API",
            Self::Auth => "authentication",
            Self::PaddedNames => "padded in-order names",
            Self::Refresh => "refreshing a time to live",
            Self::NoValueOnSuccess => "replies without a value",
            Self::LockModule => "the lock module",
            Self::KeysV2 => "the v2 API",
        })
    }
}

/// The server's version does not have what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsupported {
    /// What was asked for.
    pub feature: Feature,
    /// The version that the cluster has.
    pub have: Version,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} needs etcd {}", self.feature, self.feature.since())?;
        match self.feature.until() {
            Some(until) => write!(f, " or later, before {until}")?,
            None => f.write_str(" or later")?,
        }
        write!(f, "; the cluster has {}", self.have)
    }
}

impl std::error::Error for Unsupported {}

/// Asks a member whether it is well (2.0 and later).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GetHealth {
    exclude: Vec<String>,
    serializable: bool,
}

impl GetHealth {
    /// Asks with everything that a member looks at.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves out an alarm, such as `NOSPACE` (3.5; older servers do not look at it).
    pub fn exclude(mut self, alarm: impl Into<String>) -> Self {
        self.exclude.push(alarm.into());
        self
    }

    /// Asks only about this member: whether it answers, with or without a majority (3.5; older
    /// servers do not look at it).
    pub fn serializable(self) -> Self {
        Self { serializable: true, ..self }
    }
}

/// Whether a member is well, by its own word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether it is.
    pub healthy: bool,
    /// Why not, where it says so (3.5).
    pub reason: String,
}

impl Exchange for GetHealth {
    type Reply = Health;
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        let mut target = Target::new("/health");
        for alarm in &self.exclude {
            target.parameter("exclude", alarm);
        }
        target.flag("serializable", self.serializable);
        target.bare(Method::GET)
    }

    /// A member that is not well answers so with status 503.
    fn decode(&self, mut reply: Incoming) -> Result<Health, Error> {
        #[derive(Deserialize)]
        struct Body {
            health: Truth,
            #[serde(default)]
            reason: String,
        }
        // A string in most versions, a boolean in some of 2.x and 3.0.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Truth {
            Text(String),
            Boolean(bool),
        }
        if reply.status == StatusCode::SERVICE_UNAVAILABLE && reply.body.starts_with(b"{\"health\"")
        {
            reply.status = StatusCode::OK;
        }
        let body: Body = reply::json("a health report", &reply)?;
        let healthy = match body.health {
            Truth::Text(text) => text == "true",
            Truth::Boolean(healthy) => healthy,
        };
        Ok(Health { healthy, reason: body.reason })
    }
}
