//! What can be set about a channel, and what holds when it is not.

use std::time::Duration;

use etcd_proto::ids::ClusterId;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::secret::Secret;
use crate::tls::Tls;
use crate::trust;

/// How a channel behaves. `Config::default()` is meant to be right as it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// How long a call may take in all; 5 s.
    ///
    /// Longer makes no unclear outcome clear: a v2 server answers a write that it could not settle
    /// after 7 s, with an error that leaves it open too. A process that was stopped when it was over
    /// takes 50 ms more to read what came meanwhile; see [`wait`](crate::wait).
    pub deadline: Duration,
    /// How long an attempt of a call that may be repeated goes without an answer before another is
    /// made beside it; 1 s, and at least a fifth of the call's deadline. A request that was under
    /// way when the leader died is never answered in time, and one made after the election is.
    pub attempt: Duration,
    /// How long to wait before another endpoint is asked at the same time; 200 ms. Only calls that
    /// may be repeated, and connecting, are raced, and in the long run a tenth of them at most.
    pub hedge: Duration,
    /// How long connecting may take; 2 s.
    pub connect: Duration,
    /// How often all endpoints are tried before the call fails early; 5 rounds, with pauses that
    /// grow from 50 ms, so that a server that restarts is met again.
    pub rounds: u32,
    /// How recent an endpoint's last answer must be for a write to be sent to it unasked; 10 s.
    /// After that it is asked for its version first, which costs a round trip and keeps a write
    /// from being lost in a connection that is dead.
    pub proven: Duration,
    /// How long an HTTP/2 connection with requests under way may stay silent before the server is
    /// asked whether it is there; 10 s. etcd ends connections that ask more than once in 5 s.
    pub ping: Duration,
    /// How long the answer to that may take before the connection is given up; 3 s.
    pub pong: Duration,
    /// The longest reply body; 64 MiB. One that comes in pieces is held twice while it is put together,
    /// and what is decoded from one that is made to hurt, of empty parts alone, may take two hundred
    /// times its length: set it lower where servers are not trusted.
    pub max_reply: usize,
    /// User and password, or a token, for every request to a configured endpoint; none.
    pub credentials: Option<Credentials>,
    /// Whether credentials, and the token that v3 servers give for them, may go over plain text to a
    /// host that is not this machine; no.
    pub plaintext_credentials: bool,
    /// Which cluster may answer; that which answers first.
    pub cluster: Cluster,
    /// How endpoints of `https://` are spoken to; with the authorities that the system trusts.
    pub tls: Tls,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(5),
            attempt: Duration::from_secs(1),
            hedge: Duration::from_millis(200),
            connect: Duration::from_secs(2),
            rounds: 5,
            proven: Duration::from_secs(10),
            ping: Duration::from_secs(10),
            pong: Duration::from_secs(3),
            max_reply: 64 << 20,
            credentials: None,
            plaintext_credentials: false,
            cluster: Cluster::First,
            tls: Tls::default(),
        }
    }
}

impl Config {
    /// How long a call may take in all.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// How often all endpoints are tried before a call fails early; at least once.
    pub fn rounds(self, rounds: u32) -> Self {
        Self { rounds: rounds.max(1), ..self }
    }

    /// User and password, sent with every request to a configured endpoint.
    pub fn credentials(self, user: &str, password: impl Into<Secret>) -> Self {
        Self { credentials: Some(Credentials::new(user, password)), ..self }
    }

    /// A token that was made elsewhere, such as a JSON web token, sent with every call of v3; see
    /// [`Credentials::token`].
    pub fn token(self, token: impl Into<Secret>) -> Self {
        Self { credentials: Some(Credentials::token(token)), ..self }
    }

    /// How endpoints of `https://` are spoken to.
    pub fn tls(self, tls: Tls) -> Self {
        Self { tls, ..self }
    }

    /// Which cluster may answer.
    pub fn cluster(self, cluster: Cluster) -> Self {
        Self { cluster, ..self }
    }

    /// Lets credentials, and the token that v3 servers give for them, go over plain text to hosts that
    /// are not this machine: for networks where nobody else listens.
    pub fn allow_plaintext_credentials(self) -> Self {
        Self { plaintext_credentials: true, ..self }
    }

    /// Whether endpoints can be spoken to in this way, as far as that is known before they are: files
    /// are read, and credentials have somewhere to go.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, and what would be right.
    pub fn check(&self, endpoints: &[Endpoint]) -> Result<(), String> {
        let credentials = self.credentials.iter().try_for_each(Credentials::check);
        credentials
            .and_then(|()| endpoints.iter().try_for_each(|at| trust::may_carry(at, self)))
            .map_err(|error| error.to_string())?;
        if endpoints.iter().any(Endpoint::is_secure) {
            self.tls.check().map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// Which cluster may answer. Each reply names one (v2 since 2.0), and so do the items of streams; what another
/// one says is an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cluster {
    /// The one that answers first, and no other after it: not even the same servers when they were made
    /// anew, or from a snapshot.
    #[default]
    First,
    /// This one alone.
    Known(ClusterId),
    /// Any: for endpoints behind which a cluster may be made anew.
    Any,
}

/// How one call differs from the channel's configuration.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct CallOptions {
    /// How long this call may take in all; nothing for what the channel has.
    pub deadline: Option<Duration>,
    /// The answer is expected to take its time, as a watch's or a lock's does: it is waited for
    /// until the deadline, at one endpoint, which is asked for a sign of life before.
    pub waits: bool,
    /// Further headers of the request, such as a token; each is kept out of `Debug` that is marked
    /// as sensitive.
    pub headers: HeaderMap,
    /// Which connection a stream is to have; by what kind of stream it is.
    pub lane: Option<Lane>,
}

impl CallOptions {
    /// How long this call may take in all.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Waits for the answer until the deadline.
    pub fn waits(self) -> Self {
        Self { waits: true, ..self }
    }

    /// Which connection a stream is to have.
    pub fn lane(self, lane: Lane) -> Self {
        Self { lane: Some(lane), ..self }
    }

    /// One more header of the request.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

/// Traffic that has an HTTP/2 connection of its own, so that it does not hold up other traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Calls with one reply, and streams of small messages that are read at once.
    Calls,
    /// Streams in both directions whose reader never stops.
    Streams,
    /// Streams whose reader may stop.
    Bulk,
}

impl Lane {
    /// How many there are.
    pub(crate) const ALL: usize = 3;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::parse_list;

    #[test]
    fn what_cannot_work_is_known_before() {
        let config = Config::default().credentials("root", "secret");
        let (open, secure) =
            (parse_list("elsewhere:2379").unwrap(), parse_list("https://elsewhere").unwrap());
        let error = config.check(&open).unwrap_err();
        assert!(error.contains("elsewhere:2379") && error.contains("https://"), "{error}");
        assert_eq!(config.clone().allow_plaintext_credentials().check(&open), Ok(()));
        assert_eq!(Config::default().check(&open), Ok(()));
        assert!(Config::default().token("a.b.c").check(&open).is_err());
        let error = Config::default().token("a\r\nb: c").check(&secure).unwrap_err();
        assert!(error.contains("token") && !error.contains("b: c"), "{error}");
    }

    #[cfg(feature = "tls")]
    #[test]
    fn what_cannot_be_trusted_with_is_known_before() {
        let secure = parse_list("https://elsewhere").unwrap();
        assert_eq!(Config::default().token("a.b.c").check(&secure), Ok(()));
        let config = Config::default().tls(Tls::new().ca_file("/nowhere.pem"));
        assert!(config.check(&secure).unwrap_err().contains("/nowhere.pem"));
    }
}
