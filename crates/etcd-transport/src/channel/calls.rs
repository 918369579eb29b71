//! Calls with one reply, over the HTTP/2 connection that an endpoint's calls share.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use etcd_proto::call::{Exchange, Incoming, Outcome, Outgoing, Refusal as _, Replay};
use etcd_proto::grpc;
use http::Method;
use http::uri::PathAndQuery;

use super::attempt::{Failed, Landed};
use super::{Channel, Shared};
use crate::config::Lane;
use crate::conn::Peer;
use crate::error::{CallError, Cause, Phase};
use crate::failover::pauses;
use crate::http2::{Failure, Outbound};
use crate::lane::Found;
use crate::progress::Progress;

/// How often a request is tried again whose endpoint proved that it did not process it.
const MOST_TRIES: u32 = 8;
/// An empty message in its frame.
const EMPTY: Bytes = Bytes::from_static(&[0; grpc::FRAME_HEAD]);

impl Channel {
    /// A call that is sent to an endpoint that gave a sign of life, and again only with proof that
    /// it was not processed.
    pub(super) async fn deliver_once<E: Exchange>(
        &self,
        exchange: &E,
        outgoing: &Outgoing,
        replay: Replay,
        deadline: Instant,
    ) -> Result<E::Reply, CallError<E::Refusal>> {
        let (mut course, mut pauses) = (None, pauses(self.shared.seed()));
        let (mut tries, mut refused) = (0, None);
        loop {
            let peer = match (self.shared.reached_now(), &mut course) {
                (Some(peer), None) => peer,
                (_, course) => {
                    let course =
                        course.get_or_insert_with(|| self.course(deadline, Phase::Connect));
                    let reached = course.race(|peer, _| self.shared.reach(peer, Lane::Calls)).await;
                    reached.map_err(|error| refused.take().unwrap_or(CallError::Failed(error)))?
                }
            };
            tries += 1;
            let sent = self.shared.unary_until(peer, outgoing, deadline).await;
            let course = course.get_or_insert_with(|| self.course(deadline, Phase::Connect));
            match sent {
                Ok(landed) => match self.decode(exchange, &landed.peer, landed.incoming) {
                    Err(CallError::Refused { refusal, endpoint, outcome })
                        if outcome == Outcome::NotApplied && refusal.may_pass() =>
                    {
                        course.refused(&landed.peer, &refusal, outcome, landed.began);
                        refused = Some(CallError::Refused { refusal, endpoint, outcome });
                        let until = deadline.min(Instant::now() + pauses.pause());
                        tokio::time::sleep_until(until.into()).await;
                    }
                    answer => return answer,
                },
                Err(failed) => {
                    let (phase, kind) = (failed.phase, failed.cause.kind(failed.phase));
                    let applied = matches!(failed.cause, Cause::TooLarge(_));
                    course.missed(failed);
                    let unsent = phase == Phase::Connect;
                    if !unsent || tries >= MOST_TRIES || Instant::now() >= deadline {
                        let outcome = match replay {
                            Replay::Safe => Outcome::NotApplied,
                            _ if unsent => Outcome::NotApplied,
                            _ if applied => Outcome::Applied,
                            _ => Outcome::Unknown,
                        };
                        return Err(CallError::Failed(course.error(kind, outcome)));
                    }
                }
            }
        }
    }
}

impl Shared {
    /// One attempt at one endpoint, on a new connection where there is none.
    pub(super) async fn unary(
        &self,
        peer: Arc<Peer>,
        outgoing: &Outgoing,
        progress: &Progress,
    ) -> Result<Landed, Failed> {
        let began = Instant::now();
        match self.try_unary(&peer, outgoing, progress).await {
            Ok(incoming) => Ok(Landed { peer, incoming, began, repeated: false }),
            Err((phase, cause)) => Err(Failed { peer, phase, cause, began }),
        }
    }

    async fn unary_until(
        &self,
        peer: Arc<Peer>,
        outgoing: &Outgoing,
        deadline: Instant,
    ) -> Result<Landed, Failed> {
        let began = Instant::now();
        let progress = Progress::default();
        let attempt = self.unary(Arc::clone(&peer), outgoing, &progress);
        let silent = |_| Failed { peer, phase: Phase::Sent, cause: Cause::Silence, began };
        tokio::time::timeout_at(deadline.into(), attempt).await.map_err(silent)?
    }

    async fn try_unary(
        &self,
        peer: &Peer,
        outgoing: &Outgoing,
        progress: &Progress,
    ) -> Result<Incoming, Failure> {
        if !peer.is_open(Lane::Calls) {
            self.open(peer, Lane::Calls).await?;
        }
        let body = Outbound::message(outgoing.body.clone());
        let reply = peer.send(Lane::Calls, outgoing, body)?.await?;
        let incoming = reply.whole(self.config.max_reply, progress).await?;
        self.answered(peer, Instant::now());
        Ok(incoming)
    }

    /// Sees to it that an endpoint has a connection and gave a sign of life of late.
    pub(super) async fn reach(&self, peer: Arc<Peer>, lane: Lane) -> Result<Arc<Peer>, Failed> {
        let began = Instant::now();
        let reached = match self.open(&peer, lane).await {
            Ok(Found::Before) if !self.proven(&peer, began) => self.ask(&peer, lane).await,
            opened => opened.map(drop),
        };
        match reached {
            Ok(()) => Ok(peer),
            Err((_, cause)) => Err(Failed { peer, phase: Phase::Connect, cause, began }),
        }
    }

    /// The best endpoint, where it has a connection and answered of late.
    fn reached_now(&self) -> Option<Arc<Peer>> {
        let now = Instant::now();
        let peer = {
            let endpoints = self.endpoints();
            let (peer, health) = endpoints.best(now)?;
            health.is_proven(self.config.proven, now).then(|| Arc::clone(peer))?
        };
        self.counted.attempts.fetch_add(1, Ordering::Relaxed);
        peer.is_open(Lane::Calls).then_some(peer)
    }

    /// Opens a connection where there is none; the server's greeting on it is a sign of life.
    async fn open(&self, peer: &Peer, lane: Lane) -> Result<Found, Failure> {
        let found = peer.open(lane).await?;
        if found == Found::Made {
            self.counted.connections.fetch_add(1, Ordering::Relaxed);
            self.answered(peer, Instant::now());
        }
        Ok(found)
    }

    /// Asks for gRPC's health: any answer will do, also that there is no such service.
    async fn ask(&self, peer: &Peer, lane: Lane) -> Result<(), Failure> {
        let question = Outgoing {
            method: Method::POST,
            target: PathAndQuery::from_static("/grpc.health.v1.Health/Check"),
            headers: grpc::headers(),
            body: EMPTY,
        };
        peer.send(lane, &question, Outbound::message(EMPTY))?.await?;
        self.answered(peer, Instant::now());
        Ok(())
    }
}
