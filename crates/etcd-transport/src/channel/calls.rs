//! Calls with one reply, over the HTTP/2 connection that an endpoint's calls share.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use etcd_proto::call::{HttpVersion, Incoming, Outcome, Outgoing, Replay};
use etcd_proto::grpc;
use http::Method;
use http::uri::PathAndQuery;

use super::attempt::{Failed, Landed};
use super::question::{Asked, Ended, Heard, Passing};
use super::{Channel, Shared};
use crate::config::{CallOptions, Lane};
use crate::conn::Peer;
use crate::error::{Cause, Error, Phase};
use crate::failover::pauses;
use crate::http2::{Answer, Failure, Whole};
use crate::lane::{self, Found};
use crate::progress::Progress;
use crate::wait::before;

/// How often a request is tried again whose endpoint proved that it did not process it.
const MOST_TRIES: u32 = 8;
/// An empty message in its frame.
const EMPTY: Bytes = Bytes::from_static(&[0; grpc::FRAME_HEAD]);

/// A request on its way to a connection.
// Most are done at once: a box for these would cost each call an allocation.
#[allow(clippy::large_enum_variant)]
enum Sending<'a> {
    Done(Whole),
    /// There was no connection.
    Anew(Pin<Box<dyn Future<Output = Result<Incoming, Failure>> + Send + 'a>>),
    /// The connection took no more.
    Lost,
}

/// What an attempt of a call that is sent once came to.
enum Sent {
    /// This is what the call comes to.
    Ended(Ended),
    /// It was not processed, and may be sent again.
    Unsent(Failed),
    /// It was refused without effect, and may not be later.
    Refused(Arc<Peer>, Instant, Passing),
}

impl Channel {
    /// A call that is sent once, to the best endpoint where that has a connection and answered of
    /// late: most calls end here, and need no course.
    pub(super) async fn deliver_at_once(
        &self,
        question: Asked<'_>,
        outgoing: Outgoing,
        replay: Replay,
        deadline: Instant,
        options: &CallOptions,
    ) -> Ended {
        let Some(peer) = self.shared.reached_now(question.http(), Instant::now()) else {
            return Box::pin(self.deliver_once(question, outgoing, replay, deadline, None)).await;
        };
        match self.send_once(question, peer, outgoing, replay, deadline).await {
            Sent::Ended(ended) => ended,
            first => {
                let again = self.prepare(question, options)?;
                Box::pin(self.deliver_once(question, again, replay, deadline, Some(first))).await
            }
        }
    }

    /// A call that is sent to an endpoint that gave a sign of life, and again only with proof that
    /// it was not processed.
    async fn deliver_once(
        &self,
        question: Asked<'_>,
        outgoing: Outgoing,
        replay: Replay,
        deadline: Instant,
        mut first: Option<Sent>,
    ) -> Ended {
        let mut course = self.course(deadline, Phase::Connect);
        let (mut pauses, mut tries, mut refused) = (pauses(self.shared.seed()), 0, false);
        loop {
            let sent = match first.take() {
                Some(first) => first,
                None => match course.reach(Lane::Calls).await {
                    Ok(peer) => {
                        self.send_once(question, peer, outgoing.clone(), replay, deadline).await
                    }
                    // Nobody had more to say than this.
                    Err(_) if refused => return Ok(()),
                    Err(error) => return Err(error),
                },
            };
            tries += 1;
            match sent {
                Sent::Ended(ended) => return ended.map_err(|error| error.after(course.made())),
                Sent::Refused(peer, began, passing) => {
                    course.refused(&peer, passing, began);
                    refused = true;
                    let until = deadline.min(Instant::now() + pauses.pause());
                    tokio::time::sleep_until(until.into()).await;
                }
                Sent::Unsent(failed) => {
                    let kind = failed.cause.kind(failed.phase);
                    course.missed(failed);
                    if tries >= MOST_TRIES || Instant::now() >= deadline {
                        return Err(course.error(kind, Outcome::NotApplied));
                    }
                }
            }
        }
    }

    async fn send_once(
        &self,
        question: Asked<'_>,
        peer: Arc<Peer>,
        outgoing: Outgoing,
        replay: Replay,
        deadline: Instant,
    ) -> Sent {
        let landed = match self.shared.unary_until(peer, outgoing, deadline).await {
            Ok(landed) => landed,
            Err(failed) if failed.phase == Phase::Connect => return Sent::Unsent(failed),
            Err(failed) => return Sent::Ended(Err(self.broke(failed, replay))),
        };
        match self.hear(question, &landed.peer, landed.incoming) {
            Ok(Heard { outcome: Outcome::NotApplied, passing: Some(passing) }) => {
                Sent::Refused(landed.peer, landed.began, passing)
            }
            heard => Sent::Ended(heard.map(|_| ())),
        }
    }

    /// The error that a call is which may have been processed.
    pub(super) fn broke(&self, failed: Failed, replay: Replay) -> Error {
        let Failed { peer, phase, cause, began } = failed;
        self.shared.failed(&peer, &cause.to_string(), Instant::now());
        let outcome = match replay {
            Replay::Safe => Outcome::NotApplied,
            _ if matches!(cause, Cause::TooLarge(_)) => Outcome::Applied,
            _ => Outcome::Unknown,
        };
        let (kind, attempt) = (cause.kind(phase), peer.attempt(phase, cause, began));
        Error::new(kind, outcome, vec![attempt])
    }
}

impl Shared {
    /// One attempt at one endpoint, on a new connection where there is none. The request is sent
    /// before the future is polled, which need not carry it about then.
    pub(super) fn unary<'a>(
        &'a self,
        peer: Arc<Peer>,
        outgoing: Outgoing,
        progress: Progress,
        began: Instant,
    ) -> impl Future<Output = Result<Landed, Failed>> + Send + use<'a> {
        let most = self.config.max_reply;
        let sent = match peer.send(Lane::Calls, outgoing, false, began) {
            lane::Sent::Going(answer, _) => Sending::Done(answer.whole(most, progress)),
            lane::Sent::Closed(outgoing) => {
                let peer = Arc::clone(&peer);
                Sending::Anew(Box::pin(self.send_on_new(peer, outgoing, progress)))
            }
            lane::Sent::Lost => Sending::Lost,
        };
        async move {
            let landed = match sent {
                Sending::Done(whole) => whole.await,
                Sending::Anew(whole) => whole.await,
                Sending::Lost => Err((Phase::Connect, Cause::Closed)),
            };
            match landed {
                Ok(incoming) => {
                    self.answered(&peer, Instant::now());
                    Ok(Landed { peer, incoming, began, repeated: false })
                }
                Err((phase, cause)) => Err(Failed { peer, phase, cause, began }),
            }
        }
    }

    async fn send_on_new(
        &self,
        peer: Arc<Peer>,
        outgoing: Outgoing,
        progress: Progress,
    ) -> Result<Incoming, Failure> {
        self.open(&peer, Lane::Calls).await?;
        let answer = going(peer.send(Lane::Calls, outgoing, false, Instant::now()))?;
        answer.whole(self.config.max_reply, progress).await
    }

    async fn unary_until(
        &self,
        peer: Arc<Peer>,
        outgoing: Outgoing,
        deadline: Instant,
    ) -> Result<Landed, Failed> {
        let began = Instant::now();
        // Pinned here, it is not moved into the wait.
        let attempt = pin!(self.unary(Arc::clone(&peer), outgoing, Progress::default(), began));
        let silent = || Failed { peer, phase: Phase::Sent, cause: Cause::Silence, began };
        before(deadline, attempt).await.ok_or_else(silent)?
    }

    /// Sees to it that an endpoint has a connection and gave a sign of life of late.
    pub(super) async fn reach(&self, peer: Arc<Peer>, lane: Lane) -> Result<Arc<Peer>, Failed> {
        let began = Instant::now();
        match self.try_reach(&peer, lane, began).await {
            Ok(()) => Ok(peer),
            Err((_, cause)) => Err(Failed { peer, phase: Phase::Connect, cause, began }),
        }
    }

    async fn try_reach(&self, peer: &Peer, lane: Lane, now: Instant) -> Result<(), Failure> {
        let found = self.open(peer, lane).await?;
        match found {
            Found::Before if self.proven(peer, now) => {}
            Found::Before => self.ask(peer, lane).await?,
            // A server's greeting on a new connection is a sign of life.
            Found::Made | Found::Awaited => self.answered(peer, Instant::now()),
        }
        Ok(())
    }

    /// The best endpoint, where it answered of late and has a connection; each request over HTTP/1.1
    /// sees to its own.
    pub(super) fn reached_now(&self, version: HttpVersion, now: Instant) -> Option<Arc<Peer>> {
        let peer = self.proven_now(now)?;
        if version == HttpVersion::Http2 && !peer.is_open(Lane::Calls) {
            return None;
        }
        self.counted.attempts.fetch_add(1, Ordering::Relaxed);
        Some(peer)
    }

    /// Opens a connection where there is none.
    async fn open(&self, peer: &Peer, lane: Lane) -> Result<Found, Failure> {
        let found = peer.open(lane).await?;
        if found == Found::Made {
            self.counted.connections.fetch_add(1, Ordering::Relaxed);
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
        going(peer.send(lane, question, false, Instant::now()))?.await?;
        self.answered(peer, Instant::now());
        Ok(())
    }
}

/// The answer to a request that is on its way.
fn going(sent: lane::Sent) -> Result<Answer, Failure> {
    match sent {
        lane::Sent::Going(answer, _) => Ok(answer),
        lane::Sent::Closed(_) | lane::Sent::Lost => Err((Phase::Connect, Cause::Closed)),
    }
}
