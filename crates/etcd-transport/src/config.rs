//! What can be set about a channel, and what holds when it is not.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::endpoint::Endpoint;
use crate::tls::Tls;

/// How a channel behaves. `Config::default()` is meant to be right as it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// How long a call may take in all; 5 s.
    ///
    /// Longer makes no unclear outcome clear: a v2 server answers a write that it could not settle
    /// after 7 s, with an error that leaves it open too.
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
    /// The longest reply body; 64 MiB.
    pub max_reply: usize,
    /// User and password for every request to a configured endpoint; none.
    pub credentials: Option<Credentials>,
    /// Whether credentials may go in the clear to hosts other than this machine; no.
    pub plaintext_credentials: bool,
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
    pub fn credentials(self, user: &str, password: &str) -> Self {
        Self { credentials: Some(Credentials::new(user, password)), ..self }
    }

    /// How endpoints of `https://` are spoken to.
    pub fn tls(self, tls: Tls) -> Self {
        Self { tls, ..self }
    }

    /// Lets credentials go in the clear to other machines: whoever is between can read and use them.
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
        if self.credentials.as_ref().is_some_and(|one| one.user().contains(':')) {
            return Err("a user's name cannot have a colon: it ends there".into());
        }
        endpoints.iter().try_for_each(|endpoint| self.credentials_may_go(endpoint))?;
        if endpoints.iter().any(Endpoint::is_secure) {
            self.tls.check().map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Whether credentials, where there are any, may go to an endpoint.
    ///
    /// # Errors
    ///
    /// Why not, and what would be right.
    pub fn credentials_may_go(&self, endpoint: &Endpoint) -> Result<(), String> {
        let is_safe = endpoint.is_secure() || endpoint.is_local();
        if self.credentials.is_none() || is_safe || self.plaintext_credentials {
            return Ok(());
        }
        Err(format!("credentials would go to {endpoint} in the clear; use https://, or allow that"))
    }
}

/// A user and a password, ready to be sent and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user: String,
    password: String,
}

impl Credentials {
    /// The credentials of a user: v2 servers get them with every request, v3 servers for a token.
    pub fn new(user: &str, password: &str) -> Self {
        Self { user: user.to_owned(), password: password.to_owned() }
    }

    /// The user's name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password, for whoever has to send it.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The value of an `Authorization` header, as HTTP basic authentication has it.
    pub(crate) fn header(&self) -> String {
        use base64::Engine as _;
        let pair = format!("{}:{}", self.user, self.password);
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
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
    fn credentials_go_where_nobody_reads_them() {
        let config = Config::default().credentials("root", "secret");
        for list in ["127.0.0.1:1,localhost,[::1]:2", "unix:/run/etcd.sock", "https://elsewhere"] {
            let endpoints = parse_list(list).unwrap();
            assert!(endpoints.iter().all(|one| config.credentials_may_go(one).is_ok()), "{list}");
        }
        let open = parse_list("elsewhere:2379").unwrap();
        let error = config.check(&open).unwrap_err();
        assert!(error.contains("elsewhere:2379") && error.contains("https://"), "{error}");
        assert!(!error.contains("secret"));
        assert_eq!(config.clone().allow_plaintext_credentials().check(&open), Ok(()));
        assert_eq!(Config::default().check(&open), Ok(()));
        let colon = Config::default().credentials("a:b", "c").check(&[]).unwrap_err();
        assert!(colon.contains("colon"), "{colon}");
    }
}
