//! One attempt at one endpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use etcd_proto::call::{Incoming, Outgoing};
use http::header::LOCATION;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode};

use super::{Shared, VERSION};
use crate::conn::Peer;
use crate::error::{Attempt, Cause, Phase};
use crate::http1::{Failure, Http1, Reply};
use crate::progress::Progress;
use crate::redirect::{self, Destination};

/// The longest reply to a question for a sign of life.
const MAX_SIGN_OF_LIFE: usize = 64 << 10;

/// An attempt that brought a reply.
#[derive(Debug)]
pub(super) struct Landed {
    pub(super) peer: Arc<Peer>,
    pub(super) incoming: Incoming,
    pub(super) began: Instant,
    /// The request may have been processed before, on a connection that broke.
    pub(super) repeated: bool,
}

/// An attempt that failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) peer: Arc<Peer>,
    pub(super) phase: Phase,
    pub(super) cause: Cause,
    pub(super) began: Instant,
}

impl Shared {
    /// Carries a request that may be repeated to one endpoint, and brings the whole reply.
    pub(super) async fn exchange(
        &self,
        peer: Arc<Peer>,
        outgoing: &Outgoing,
        progress: &Progress,
    ) -> Result<Landed, Failed> {
        let began = Instant::now();
        // Nobody knows why a rested connection ends; a new one tells whether the server is there.
        let (reached, sent) = match peer.rested(began) {
            Some(connection) => {
                match connection.send(peer.request(outgoing, &outgoing.target)).await {
                    Ok(reply) => (Phase::Connect, Some(reply)),
                    Err((phase, _)) => (phase, None),
                }
            }
            None => (Phase::Connect, None),
        };
        let by = |peer: &Arc<Peer>, (phase, cause): Failure| {
            let phase = reached.max(phase);
            Failed { peer: Arc::clone(peer), phase, cause, began }
        };
        let reply = match sent {
            Some(reply) => reply,
            None => self.send_anew(&peer, outgoing).await.map_err(|why| by(&peer, why))?,
        };
        let followed = self.follow(&peer, reply, outgoing, &Sent::default()).await;
        let (answerer, reply) =
            followed.map_err(|failed| Failed { phase: reached.max(failed.phase), ..failed })?;
        let whole = reply.whole(self.config.max_reply, progress).await;
        let (incoming, connection) = whole.map_err(|why| by(&answerer, why))?;
        answerer.give_back(connection);
        self.answered(&answerer, Instant::now());
        Ok(Landed { peer: answerer, incoming, began, repeated: reached > Phase::Connect })
    }

    /// A connection whose endpoint gave a sign of life of late.
    pub(super) async fn ready(&self, peer: Arc<Peer>) -> Result<(Arc<Peer>, Box<Http1>), Failed> {
        let began = Instant::now();
        let failed = |(phase, cause)| Failed { peer: Arc::clone(&peer), phase, cause, began };
        let proven = self.proven(&peer, began);
        if let Some(connection) = peer.rested(began).filter(|_| proven) {
            return Ok((peer, connection));
        }
        let mut connection = self.connect(&peer).await.map_err(failed)?;
        if !proven {
            connection = self.sign_of_life(&peer, connection).await.map_err(failed)?;
        }
        Ok((peer, connection))
    }

    async fn send_anew(&self, peer: &Peer, outgoing: &Outgoing) -> Result<Reply, Failure> {
        let connection = self.connect(peer).await?;
        connection.send(peer.request(outgoing, &outgoing.target)).await
    }

    async fn connect(&self, peer: &Peer) -> Result<Box<Http1>, Failure> {
        let connection = peer.connect().await?;
        self.counted.connections.fetch_add(1, Ordering::Relaxed);
        Ok(connection)
    }

    /// Asks for the version: every etcd answers that, and any answer will do.
    async fn sign_of_life(
        &self,
        peer: &Peer,
        connection: Box<Http1>,
    ) -> Result<Box<Http1>, Failure> {
        let question = Outgoing {
            method: Method::GET,
            target: PathAndQuery::from_static(VERSION),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        let before = |(_, cause): Failure| (Phase::Connect, cause);
        let reply =
            connection.send(peer.request(&question, &question.target)).await.map_err(before)?;
        let (answer, connection) =
            reply.whole(MAX_SIGN_OF_LIFE, &Progress::default()).await.map_err(before)?;
        // In every shape that this reply has had since 0.1 the name is in it. What stands before etcd
        // may have only its keys.
        let is_etcd = answer.body.windows(4).any(|part| part == b"etcd");
        if !is_etcd && answer.status != StatusCode::NOT_FOUND {
            let said = format!("answered {} when asked for its version", answer.status);
            return Err((Phase::Connect, Cause::NotEtcd(said)));
        }
        self.answered(peer, Instant::now());
        match connection {
            Some(connection) => Ok(connection),
            None => self.connect(peer).await,
        }
    }

    /// Goes where redirects lead, with the same method and body. A redirect is proof that the
    /// request was not processed.
    pub(super) async fn follow(
        &self,
        first: &Arc<Peer>,
        reply: Reply,
        outgoing: &Outgoing,
        sent: &Sent,
    ) -> Result<(Arc<Peer>, Reply), Failed> {
        let (mut peer, mut reply, mut foreign) = (Arc::clone(first), reply, false);
        for hops in 0.. {
            let began = Instant::now();
            let redirects = [StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT];
            if !redirects.contains(&reply.head.status) {
                break;
            }
            let refused = |cause: String| {
                // Nobody configured a server that others redirected to.
                let cause = match hops {
                    0 => cause,
                    _ => format!("{cause}, first by {}", first.endpoint),
                };
                let (phase, cause) = (Phase::Connect, Cause::Redirect(cause));
                Failed { peer: Arc::clone(&peer), phase, cause, began }
            };
            sent.turned_away();
            let led = self.destination(hops, &peer, &reply, &mut foreign);
            let (next, target) = led.map_err(refused)?;
            self.counted.redirects.fetch_add(1, Ordering::Relaxed);
            let away = |(phase, cause): (Phase, Cause)| {
                let cause = match phase {
                    Phase::Connect => {
                        Cause::LeaderGone(format!("redirected to {}, {cause}", next.endpoint))
                    }
                    _ => cause,
                };
                Failed { peer: Arc::clone(&next), phase, cause, began }
            };
            let (_, connection) =
                self.ready(Arc::clone(&next)).await.map_err(|f| away((f.phase, f.cause)))?;
            sent.again();
            reply = connection.send(next.request(outgoing, &target)).await.map_err(away)?;
            peer = next;
        }
        Ok((peer, reply))
    }

    /// Who to ask for what. Once a foreign server was asked, nobody gets credentials: it could
    /// have them used for a request of its own choice.
    fn destination(
        &self,
        hops: usize,
        from: &Peer,
        reply: &Reply,
        foreign: &mut bool,
    ) -> Result<(Arc<Peer>, PathAndQuery), String> {
        let location = reply.head.headers.get(LOCATION).map(|location| location.as_bytes());
        let endpoints = self.endpoints();
        let peers = endpoints.order(Instant::now());
        let known: Vec<_> = match foreign {
            true => Vec::new(),
            false => peers.iter().map(|peer| &peer.endpoint).collect(),
        };
        let redirect = redirect::follow(hops, from.endpoint.is_secure(), location, &known)?;
        let next = match redirect.to {
            Destination::Configured(place) => Arc::clone(peers[place]),
            Destination::Foreign(endpoint) => {
                *foreign = true;
                Arc::new(Peer::foreign(endpoint, &self.config))
            }
        };
        Ok((next, redirect.target))
    }
}

/// Whether a request is with a server that may process it, as a redirect turns it away and it is
/// sent to another.
#[derive(Debug, Default)]
pub(super) struct Sent {
    turned_away: AtomicBool,
}

impl Sent {
    /// How far the request got of which nothing more is heard.
    pub(super) fn phase(&self) -> Phase {
        if self.turned_away.load(Ordering::Relaxed) { Phase::Connect } else { Phase::Sent }
    }

    fn turned_away(&self) {
        self.turned_away.store(true, Ordering::Relaxed);
    }

    fn again(&self) {
        self.turned_away.store(false, Ordering::Relaxed);
    }
}

impl Peer {
    pub(super) fn give_back(&self, connection: Option<Box<Http1>>) {
        if let Some(connection) = connection {
            self.rest(connection, Instant::now());
        }
    }

    pub(super) fn attempt(&self, phase: Phase, cause: Cause, began: Instant) -> Attempt {
        Attempt { endpoint: self.endpoint.clone(), phase, cause, took: began.elapsed() }
    }
}

/// What a step came to, or that its time was over when the request may have left.
pub(super) fn ended<T>(step: Option<Result<T, Failure>>) -> Result<T, Failure> {
    step.unwrap_or(Err((Phase::Sent, Cause::Silence)))
}
