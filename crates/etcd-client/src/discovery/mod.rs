//! Endpoints from the SRV records of a domain, as etcd's own tools find them.
//!
//! ```no_run
//! use etcd_client::Client;
//! use etcd_client::discovery::Discovery;
//!
//! # async fn example() -> Result<(), etcd_client::Error> {
//! let endpoints = Discovery::new("example.com")?.find().await?;
//! let client = Client::with_endpoints(endpoints, etcd_client::Config::default());
//! # Ok(())
//! # }
//! ```

mod record;

use std::net::SocketAddr;
use std::time::Duration;

use etcd_transport::endpoint::Endpoint;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

use self::record::{Record, Scheme, endpoints, name};
use crate::error::{Error, ErrorKind};

/// How to find the servers of a domain.
#[derive(Debug, Clone)]
pub struct Discovery {
    domain: String,
    service: Option<String>,
    name_servers: Vec<SocketAddr>,
    deadline: Duration,
}

impl Discovery {
    /// The servers of a domain, such as `example.com`: those that `_etcd-client-ssl._tcp.example.com`
    /// names, or where there is no such record those of `_etcd-client._tcp.example.com`.
    ///
    /// # Errors
    ///
    /// When this is no domain.
    pub fn new(domain: &str) -> Result<Self, Error> {
        let domain = domain.strip_suffix('.').unwrap_or(domain);
        check("domain", domain, '.')?;
        let (service, name_servers) = (None, Vec::new());
        let deadline = Duration::from_secs(5);
        Ok(Self { domain: domain.to_owned(), service, name_servers, deadline })
    }

    /// Asks for `_etcd-client-SERVICE` and so on, for a domain that has several clusters.
    ///
    /// # Errors
    ///
    /// When this can be no part of a name.
    pub fn service(self, service: &str) -> Result<Self, Error> {
        check("service", service, '-')?;
        Ok(Self { service: Some(service.to_owned()), ..self })
    }

    /// Asks these servers of names; otherwise those that the system is configured with.
    pub fn name_servers(self, name_servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self { name_servers: name_servers.into_iter().collect(), ..self }
    }

    /// How long to wait for an answer; 5 s.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Asks for the records, and gives the servers in the order in which they are to be tried: by
    /// priority, and by chance where that is the same, as the weights have it; at most 64.
    ///
    /// Records are not signed: whoever can forge them can name servers of their own. With TLS those
    /// fail to prove that they are of this domain; without it nothing tells, and credentials do not go
    /// to them unless [allowed](crate::Config::allow_plaintext_credentials).
    ///
    /// # Errors
    ///
    /// When there is no record, a record names no server, or nobody answers.
    pub async fn find(&self) -> Result<Vec<Endpoint>, Error> {
        let found = tokio::time::timeout(self.deadline, self.ask()).await;
        found.unwrap_or_else(|_| {
            Err(failed(ErrorKind::Timeout, format!("no answer about {:?} in time", self.domain)))
        })
    }

    async fn ask(&self) -> Result<Vec<Endpoint>, Error> {
        let resolver = self.resolver().map_err(|error| self.unreachable(&error))?;
        for scheme in [Scheme::Https, Scheme::Http] {
            let records = self.records(&resolver, scheme).await?;
            let found = endpoints(scheme, records, below)?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        let [https, http] = [Scheme::Https, Scheme::Http].map(|scheme| self.name(scheme));
        let why = format!("no server is named by an SRV record of {https} or {http}");
        Err(failed(ErrorKind::Unreachable, why))
    }

    async fn records(
        &self,
        resolver: &TokioResolver,
        scheme: Scheme,
    ) -> Result<Vec<Record>, Error> {
        let answer = match resolver.srv_lookup(self.name(scheme)).await {
            Ok(answer) => answer,
            Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
            Err(error) => return Err(self.unreachable(&error)),
        };
        let record = |data: &RData| match data {
            RData::SRV(srv) => Some(Record {
                priority: srv.priority,
                weight: srv.weight,
                port: srv.port,
                target: srv.target.to_ascii(),
            }),
            _ => None,
        };
        Ok(answer.answers().iter().filter_map(|answer| record(&answer.data)).collect())
    }

    fn name(&self, scheme: Scheme) -> String {
        name(scheme, &self.domain, self.service.as_deref())
    }

    fn resolver(&self) -> Result<TokioResolver, NetError> {
        let mut builder = match self.name_servers.is_empty() {
            true => TokioResolver::builder_tokio()?,
            false => {
                let servers = self.name_servers.iter().map(name_server).collect();
                let config = ResolverConfig::from_parts(None, Vec::new(), servers);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        *builder.options_mut() = options(builder.options_mut().clone(), self.deadline);
        builder.build()
    }

    fn unreachable(&self, error: &NetError) -> Error {
        let why = format!("the servers of {:?} cannot be asked for: {error}", self.domain);
        failed(ErrorKind::Unreachable, why)
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

/// Each name server has its time before the next is asked, and a name is asked for once at each.
fn options(mut options: ResolverOpts, deadline: Duration) -> ResolverOpts {
    options.timeout = options.timeout.min(deadline / 2);
    options.attempts = 2;
    options
}

fn check(what: &str, text: &str, also: char) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == also;
    let whole = text.split(also).all(|part| !part.is_empty() && part.len() < 64);
    match whole && text.chars().all(allowed) && text.len() <= 200 {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "{text:?} is no {what}; one has letters, digits and {also:?}, such as {}",
            if also == '.' { "example.com" } else { "blue" }
        ))),
    }
}

fn failed(kind: ErrorKind, why: String) -> Error {
    Error::new(kind, crate::Outcome::NotApplied, why)
}

/// A number below another, by chance.
fn below(end: u32) -> u32 {
    getrandom::u32().unwrap_or(0) % end.max(1)
}
