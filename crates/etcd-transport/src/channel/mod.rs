//! The one place where a request meets a connection.

mod attempt;
mod calls;
mod course;
mod dispatch;
mod stream;

use std::future::poll_fn;
use std::hash::{BuildHasher as _, RandomState};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use etcd_proto::call::{Exchange, HttpVersion, Incoming, Outcome, Outgoing, Refusal, Replay};
use etcd_proto::error::EncodeError;
use etcd_proto::grpc::{self, GRPC_TIMEOUT};
use http::HeaderValue;

use crate::config::{CallOptions, Config};
use crate::conn::Peer;
use crate::endpoint::Endpoint;
use crate::error::{CallError, Cause, Error, Kind, Phase};
use crate::pin::Pin;
use crate::progress::Progress;
use crate::set::{EndpointSet, Health};
use crate::status::{Counters, EndpointStatus};
use attempt::{Failed, Landed};
pub use stream::{OpenStream, Upstream};

/// Longer than any call takes, and short enough to be added to any instant.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

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
        let outgoing = self.prepare(exchange, options)?;
        let now = Instant::now();
        let deadline = now + self.patience(options);
        match (exchange.replay(), E::HTTP) {
            (Replay::Safe, _) | (Replay::Guarded, HttpVersion::Http2) if !options.waits => {
                self.read_at_once(exchange, outgoing, now, deadline, options).await
            }
            // The others are boxed, so that each call does not carry room for all of them about.
            (Replay::Guarded, HttpVersion::Http1) if !options.waits => {
                Box::pin(self.read(exchange, outgoing, deadline, First::None)).await
            }
            (replay, HttpVersion::Http1) => {
                Box::pin(self.deliver(exchange, outgoing, replay, deadline)).await
            }
            (replay, HttpVersion::Http2) => {
                self.deliver_at_once(exchange, outgoing, replay, deadline, options).await
            }
        }
    }

    /// The request of a call, with the headers that its options bring.
    fn prepare<E: Exchange>(
        &self,
        exchange: &E,
        options: &CallOptions,
    ) -> Result<Outgoing, EncodeError> {
        let mut outgoing = exchange.request()?;
        self.may_ask(&outgoing, E::HTTP)?;
        if !options.headers.is_empty() {
            outgoing.headers.extend(options.headers.clone());
        }
        if E::HTTP == HttpVersion::Http2 {
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

    /// A call that may be repeated: raced over the endpoints until one gives an answer that stands.
    async fn read<E: Exchange>(
        &self,
        exchange: &E,
        outgoing: Outgoing,
        deadline: Instant,
        first: First<'_, E::Refusal>,
    ) -> Result<E::Reply, CallError<E::Refusal>> {
        let mut course = self.course(deadline, Phase::Sent);
        let (mut refused, mut begun) = (None, None);
        match first {
            First::None => {}
            First::UnderWay(under_way) => begun = Some(under_way),
            // Over HTTP/1.1 it was tried on a new connection already, where that could help.
            First::Failed(asked, failed) if E::HTTP == HttpVersion::Http1 => {
                course.first_failed(asked, failed);
            }
            First::Failed(_, failed) => course.missed(failed),
            First::Refused(peer, began, refusal, outcome) => {
                course.refused(&peer, &refusal, outcome, began);
                let endpoint = peer.endpoint.clone();
                refused = Some(CallError::Refused { refusal, endpoint, outcome });
            }
        }
        let error = loop {
            let landed = match course.carry(begun.take(), E::HTTP, &outgoing).await {
                Ok(landed) => landed,
                Err(error) if *error.kind() == Kind::TooLarge => {
                    break CallError::Failed(error.succeeded(exchange.replay()));
                }
                Err(error) => break refused.unwrap_or(CallError::Failed(error)),
            };
            course.repeated(landed.repeated);
            match self.decode(exchange, &landed.peer, landed.incoming) {
                Err(CallError::Refused { refusal, endpoint, outcome }) if refusal.may_pass() => {
                    course.refused(&landed.peer, &refusal, outcome, landed.began);
                    refused = Some(CallError::Refused { refusal, endpoint, outcome });
                }
                Err(error) => break error,
                Ok(reply) => return Ok(reply),
            }
        };
        let open = course.is_open() && exchange.replay() != Replay::Safe;
        Err(if open { error.left_open() } else { error })
    }

    /// A call that may be repeated, at the best endpoint where that answered of late: most calls end
    /// here, and need no course.
    async fn read_at_once<E: Exchange>(
        &self,
        exchange: &E,
        outgoing: Outgoing,
        began: Instant,
        deadline: Instant,
        options: &CallOptions,
    ) -> Result<E::Reply, CallError<E::Refusal>> {
        let Some(peer) = self.shared.reached_now(E::HTTP, began) else {
            return Box::pin(self.read(exchange, outgoing, deadline, First::None)).await;
        };
        let progress = Progress::default();
        let mut work = self.begin(E::HTTP, &peer, outgoing, progress.clone(), began);
        let patience = (began + self.shared.config.hedge.min(FOREVER)).min(deadline);
        let first = match until(&mut work, patience).await {
            None => First::UnderWay(course::Begun { peer, began, progress, work }),
            Some(Err(failed)) if matches!(failed.cause, Cause::TooLarge(_)) => {
                return Err(CallError::Failed(self.broke(failed, exchange.replay())));
            }
            Some(Err(failed)) => First::Failed(peer, failed),
            Some(Ok(landed)) => match self.decode(exchange, &landed.peer, landed.incoming) {
                Err(CallError::Refused { refusal, outcome, .. }) if refusal.may_pass() => {
                    First::Refused(landed.peer, landed.began, refusal, outcome)
                }
                answer => return answer,
            },
        };
        let again = self.prepare(exchange, options)?;
        Box::pin(self.read(exchange, again, deadline, first)).await
    }

    /// An attempt that a course can go on with.
    fn begin(
        &self,
        version: HttpVersion,
        peer: &Arc<Peer>,
        outgoing: Outgoing,
        progress: Progress,
        began: Instant,
    ) -> course::Work<'_, Landed> {
        let (shared, peer) = (&*self.shared, Arc::clone(peer));
        match version {
            HttpVersion::Http1 => {
                Box::pin(async move { shared.exchange(peer, &outgoing, &progress).await })
            }
            HttpVersion::Http2 => Box::pin(shared.unary(peer, outgoing, progress, began)),
        }
    }

    fn decode<E: Exchange>(
        &self,
        exchange: &E,
        peer: &Peer,
        incoming: Incoming,
    ) -> Result<E::Reply, CallError<E::Refusal>> {
        let another = E::cluster(&incoming).and_then(|found| self.shared.pin.mismatch(found));
        let decoded = exchange.decode(incoming);
        let outcome = match (exchange.replay(), &decoded) {
            (Replay::Safe, _) => Outcome::NotApplied,
            (Replay::Guarded | Replay::Once, Ok(_)) => Outcome::Applied,
            (Replay::Guarded | Replay::Once, Err(refusal)) => refusal.outcome(),
        };
        if let Some(cause) = another {
            return Err(CallError::Failed(self.mistaken(peer, cause, outcome)));
        }
        let endpoint = || peer.endpoint.clone();
        decoded.map_err(|refusal| CallError::Refused { refusal, endpoint: endpoint(), outcome })
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

/// What became of an attempt that was made before there was a course for it.
enum First<'a, R> {
    /// There was none.
    None,
    /// It has not ended yet.
    UnderWay(course::Begun<'a, Landed>),
    /// An endpoint was asked, and it or the one that it pointed at failed.
    Failed(Arc<Peer>, Failed),
    /// The answer may be another elsewhere or later.
    Refused(Arc<Peer>, Instant, R, Outcome),
}

/// What a piece of work comes to; nothing when the time comes first.
async fn until<T>(work: &mut course::Work<'_, T>, time: Instant) -> Option<Result<T, Failed>> {
    let mut timer = pin!(tokio::time::sleep_until(time.into()));
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(ended) => Poll::Ready(Some(ended)),
        Poll::Pending => timer.as_mut().poll(cx).map(|()| None),
    })
    .await
}

impl Shared {
    /// One attempt of a call that may be repeated.
    async fn carry(
        &self,
        version: HttpVersion,
        peer: Arc<Peer>,
        outgoing: &Outgoing,
        progress: Progress,
    ) -> Result<Landed, Failed> {
        match version {
            HttpVersion::Http1 => self.exchange(peer, outgoing, &progress).await,
            HttpVersion::Http2 => {
                self.unary(peer, outgoing.clone(), progress, Instant::now()).await
            }
        }
    }

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
