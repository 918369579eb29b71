//! The one place where a request meets a connection.

mod attempt;
mod calls;
mod course;
mod dispatch;
mod question;
mod reads;
mod stream;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use etcd_proto::call::{Exchange, HttpVersion, Incoming, Outcome, Outgoing, Replay};
use etcd_proto::error::EncodeError;
use etcd_proto::grpc::{self, GRPC_TIMEOUT};
use http::HeaderValue;

use crate::config::{CallOptions, Config};
use crate::conn::Peer;
use crate::endpoint::Endpoint;
use crate::error::{CallError, Cause, Error, Kind, Phase};
use crate::pin::Pin;
use crate::set::{EndpointSet, Health};
use crate::status::{Counters, EndpointStatus};
use crate::wait::FOREVER;
use question::{Ask, Asked, Ended, Heard, Question};
use reads::First;
pub use stream::{OpenStream, Upstream};

/// A way to an etcd cluster: its endpoints, and connections to them.
///
/// Cloning is cheap, and clones share everything. Each request under way has a connection of its
/// own, which rests afterwards and is used again. Nothing is sent before the first call, and
/// dropping the last clone closes all connections. A call that is dropped closes its connection;
/// what became of a write is then unknown.
#[derive(Debug, Clone)]
pub struct Channel {
    shared: Arc<Shared>,
}

/// How much longer servers are told to work on a call than it is waited for: one that gives up first
/// would have the call interrupted rather than out of time.
const GRACE: Duration = Duration::from_millis(100);

/// Where every etcd tells its version, also to those whom it does not know.
const VERSION: &str = "/version";

/// A deadline, as servers are told of it.
fn told(deadline: Duration) -> HeaderValue {
    grpc::timeout(deadline.saturating_add(GRACE))
}

#[derive(Debug)]
struct Shared {
    config: Config,
    endpoints: Mutex<EndpointSet<Arc<Peer>>>,
    counted: Counted,
    seeds: AtomicU64,
    /// The configured deadline, as servers are told of it.
    timeout: HeaderValue,
    /// The cluster that may answer, shared with channels to one of its endpoints.
    pin: Arc<Pin>,
    /// Why HTTP/1.1 cannot carry the user.
    nameless: Option<EncodeError>,
}

#[derive(Debug, Default)]
struct Counted {
    attempts: AtomicU64,
    failures: AtomicU64,
    connections: AtomicU64,
    redirects: AtomicU64,
}

impl Channel {
    /// A channel to these endpoints, which are tried in this order. Nothing is sent yet.
    ///
    /// Without endpoints every call fails as unreachable.
    pub fn new(endpoints: Vec<Endpoint>, config: Config) -> Self {
        let peers = endpoints.into_iter().map(|endpoint| {
            let peer = Arc::new(Peer::new(endpoint.clone(), &config));
            (endpoint, peer)
        });
        let endpoints = EndpointSet::new(peers);
        let pin = Arc::new(Pin::new(config.cluster));
        Self::with(endpoints, config, pin)
    }

    fn with(endpoints: EndpointSet<Arc<Peer>>, config: Config, pin: Arc<Pin>) -> Self {
        let endpoints = Mutex::new(endpoints);
        // Clients that failed together should not come back together.
        let seeds = RandomState::new().hash_one(0);
        let timeout = told(config.deadline);
        let (counted, seeds) = (Counted::default(), seeds.into());
        let nameless = config.credentials.as_ref().and_then(|user| user.header().err());
        let shared = Shared { endpoints, config, counted, seeds, timeout, pin, nameless };
        Self { shared: Arc::new(shared) }
    }

    /// Carries an exchange to an endpoint and brings back its reply.
    ///
    /// # Errors
    ///
    /// [`CallError::Refused`] with the server's word, or [`CallError::Failed`] when none answered
    /// before the deadline.
    pub async fn call<E: Exchange>(&self, exchange: &E) -> Result<E::Reply, CallError<E::Refusal>> {
        self.call_with(exchange, &CallOptions::default()).await
    }

    /// Like [`call`](Self::call), with options for this one.
    ///
    /// # Errors
    ///
    /// As for [`call`](Self::call).
    pub async fn call_with<E: Exchange>(
        &self,
        exchange: &E,
        options: &CallOptions,
    ) -> Result<E::Reply, CallError<E::Refusal>> {
        let mut question = Question::new(exchange);
        let ended = self.ask(&mut question, options).await;
        question.answer(ended)
    }

    /// Has a question answered, in the way that its protocol and what may be repeated of it call for.
    async fn ask(&self, question: Asked<'_>, options: &CallOptions) -> Ended {
        let outgoing = self.prepare(question, options)?;
        let now = Instant::now();
        let deadline = now + self.patience(options);
        match (question.replay(), question.http()) {
            (Replay::Safe, _) | (Replay::Guarded, HttpVersion::Http2) if !options.waits => {
                self.read_at_once(question, outgoing, now, deadline, options).await
            }
            // The others are boxed, so that each call does not carry room for all of them about.
            (Replay::Guarded, HttpVersion::Http1) if !options.waits => {
                Box::pin(self.read(question, outgoing, deadline, First::None)).await
            }
            (replay, HttpVersion::Http1) => {
                Box::pin(self.deliver(question, outgoing, replay, deadline)).await
            }
            (replay, HttpVersion::Http2) => {
                self.deliver_at_once(question, outgoing, replay, deadline, options).await
            }
        }
    }

    /// The request of a call, with the headers that its options bring.
    fn prepare(&self, question: &dyn Ask, options: &CallOptions) -> Result<Outgoing, EncodeError> {
        let mut outgoing = question.request()?;
        self.may_ask(&outgoing, question.http())?;
        if !options.headers.is_empty() {
            outgoing.headers.extend(options.headers.clone());
        }
        if question.http() == HttpVersion::Http2 {
            let timeout = match options.deadline {
                Some(deadline) => told(deadline),
                None => self.shared.timeout.clone(),
            };
            outgoing.headers.insert(GRPC_TIMEOUT, timeout);
        }
        Ok(outgoing)
    }

    /// Whether there is an endpoint that may be told the user, and whether the protocol can tell it;
    /// everybody may ask for the version.
    fn may_ask(&self, outgoing: &Outgoing, http: HttpVersion) -> Result<(), EncodeError> {
        if self.shared.config.credentials.is_none() {
            return Ok(());
        }
        if let Some(error) = &self.shared.nameless
            && http == HttpVersion::Http1
            && outgoing.target.path() != VERSION
        {
            return Err(error.clone());
        }
        let endpoints = self.shared.endpoints();
        let mut barred = endpoints.payloads().map(|peer| peer.barred());
        match barred.next() {
            Some(Some(error)) if barred.all(|other| other.is_some()) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Has a question hear an endpoint's reply.
    fn hear(&self, question: Asked<'_>, peer: &Peer, incoming: Incoming) -> Result<Heard, Error> {
        let another = question.cluster(&incoming).and_then(|id| self.shared.pin.mismatch(id));
        let heard = question.hear(incoming, &peer.endpoint);
        match another {
            None => Ok(heard),
            Some(cause) => Err(self.mistaken(peer, cause, heard.outcome)),
        }
    }

    /// The error that the answer of another cluster is; others are asked before its server from now on.
    fn mistaken(&self, peer: &Peer, cause: Cause, outcome: Outcome) -> Error {
        let now = Instant::now();
        self.shared.failed(peer, &cause.to_string(), now);
        let attempt = peer.attempt(Phase::ReplyStarted, cause, now);
        Error::new(Kind::AnotherCluster, outcome, vec![attempt])
    }

    /// Each endpoint with how it has done lately, in the order given.
    pub fn endpoints(&self) -> Vec<EndpointStatus> {
        let status = |(endpoint, health): (&Endpoint, &Health)| EndpointStatus {
            endpoint: endpoint.clone(),
            health: health.clone(),
        };
        self.shared.endpoints().health().map(status).collect()
    }

    /// Puts these endpoints in place of the present ones. Calls under way end where they are, and
    /// endpoints that stay keep their connections.
    pub fn set_endpoints(&self, endpoints: Vec<Endpoint>) {
        let peer = |endpoint: &Endpoint| Arc::new(Peer::new(endpoint.clone(), &self.shared.config));
        self.shared.endpoints().replace(endpoints, peer);
    }

    /// A channel to one endpoint alone, for calls that concern one member. It has the connections of
    /// this channel where it has that endpoint too, and counts for itself.
    pub fn only(&self, endpoint: &Endpoint) -> Self {
        let known = self.shared.endpoints().payload_of(endpoint).cloned();
        let config = self.shared.config.clone();
        let peer = known.unwrap_or_else(|| Arc::new(Peer::new(endpoint.clone(), &config)));
        let pin = Arc::clone(&self.shared.pin);
        Self::with(EndpointSet::new([(endpoint.clone(), peer)]), config, pin)
    }

    /// Has calls ask another endpoint before this one for a while.
    ///
    /// For those who know better than the channel: a server may answer, and yet not do its work.
    pub fn suspect(&self, endpoint: &Endpoint, why: &str) {
        self.shared.endpoints().failed(endpoint, why, Instant::now());
    }

    /// What this channel has done so far.
    pub fn counters(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counted = &self.shared.counted;
        Counters {
            attempts: read(&counted.attempts),
            failures: read(&counted.failures),
            connections: read(&counted.connections),
            redirects: read(&counted.redirects),
        }
    }

    /// How this channel is configured.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    fn deadline(&self, options: &CallOptions) -> Instant {
        Instant::now() + self.patience(options)
    }

    /// How long a call may take.
    fn patience(&self, options: &CallOptions) -> Duration {
        options.deadline.unwrap_or(self.shared.config.deadline).min(FOREVER)
    }

    /// A call's way, on which an attempt that stays silent got this far.
    fn course(&self, deadline: Instant, silence: Phase) -> course::Course<'_> {
        course::Course::new(&self.shared, deadline, silence)
    }
}

impl Shared {
    fn endpoints(&self) -> MutexGuard<'_, EndpointSet<Arc<Peer>>> {
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Differs from call to call and from process to process.
    fn seed(&self) -> u64 {
        self.seeds.fetch_add(0x2545_f491_4f6c_dd1d, Ordering::Relaxed)
    }

    fn answered(&self, peer: &Peer, now: Instant) {
        self.endpoints().answered(&peer.endpoint, now);
    }

    fn failed(&self, peer: &Peer, why: &str, now: Instant) {
        self.counted.failures.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(endpoint = %peer.endpoint, why, "attempt failed");
        self.endpoints().failed(&peer.endpoint, why, now);
    }

    /// The best endpoint, where it answered of late.
    fn proven_now(&self, now: Instant) -> Option<Arc<Peer>> {
        let endpoints = self.endpoints();
        let (peer, health) = endpoints.best(now)?;
        health.is_proven(self.config.proven, now).then(|| Arc::clone(peer))
    }

    fn proven(&self, peer: &Peer, now: Instant) -> bool {
        let endpoints = self.endpoints();
        endpoints
            .health_of(&peer.endpoint)
            .is_some_and(|health| health.is_proven(self.config.proven, now))
    }
}
