//! Requests that are sent once over HTTP/1.1, to an endpoint that gave a sign of life.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use etcd_proto::call::{Outcome, Outgoing, Replay};

use super::attempt::{Failed, Sent, ended};
use super::question::{Asked, Ended};
use super::{Channel, Shared};
use crate::conn::Peer;
use crate::error::{Attempt, Cause, Error, Kind, Phase};
use crate::failover::pauses;
use crate::http1::{Failure, Http1, Reply};
use crate::progress::Progress;
use crate::wait::before;

/// How often a request is tried again whose endpoint proved that it did not get it.
const MOST_TRIES: usize = 8;

/// A reply whose head has come, and what it took to get it.
pub(super) struct Answered {
    pub(super) peer: Arc<Peer>,
    pub(super) reply: Reply,
    pub(super) came: Came,
}

/// What came before a reply.
#[derive(Debug)]
pub(super) struct Came {
    began: Instant,
    attempts: Vec<Attempt>,
}

impl Came {
    /// The error that a call is whose reply broke off.
    pub(super) fn broke(mut self, peer: &Peer, (phase, cause): Failure, outcome: Outcome) -> Error {
        let kind = cause.kind(phase);
        self.attempts.push(peer.attempt(phase, cause, self.began));
        Error::new(kind, outcome, self.attempts)
    }
}

impl Channel {
    /// A call that is sent once, on a connection whose endpoint gave a sign of life.
    pub(super) async fn deliver(
        &self,
        question: Asked<'_>,
        outgoing: Outgoing,
        replay: Replay,
        deadline: Instant,
    ) -> Ended {
        let Answered { peer, reply, came } = self.dispatch(&outgoing, replay, deadline).await?;
        let progress = Progress::default();
        let whole = reply.whole(self.shared.config.max_reply, &progress);
        match ended(before(deadline, whole).await) {
            Ok((incoming, connection)) => {
                peer.give_back(connection);
                self.hear(question, &peer, incoming).map(|_| ())
            }
            Err(failure) => {
                let applied = matches!(failure.1, Cause::TooLarge(_));
                let outcome = match replay {
                    Replay::Safe => Outcome::NotApplied,
                    _ if applied => Outcome::Applied,
                    _ => Outcome::Unknown,
                };
                self.shared.failed(&peer, &failure.1.to_string(), Instant::now());
                Err(came.broke(&peer, failure, outcome))
            }
        }
    }

    /// Sends a request to an endpoint that is ready, and again only with proof that it did not
    /// get it, or when it may be repeated. Ends with the head of the reply.
    pub(super) async fn dispatch(
        &self,
        outgoing: &Outgoing,
        replay: Replay,
        deadline: Instant,
    ) -> Result<Answered, Error> {
        let mut course: Option<super::course::Course<'_>> = None;
        let mut pauses = pauses(self.shared.seed());
        let mut tries = 0;
        loop {
            let (peer, connection) = match (self.shared.ready_now(), &mut course) {
                (Some(ready), None) => ready,
                (_, course) => {
                    let course =
                        course.get_or_insert_with(|| self.course(deadline, Phase::Connect));
                    course.race(|peer, _| self.shared.ready(peer)).await?
                }
            };
            tries += 1;
            let began = Instant::now();
            let failed = match self.shared.send_once(peer, connection, outgoing, deadline).await {
                Ok((peer, reply)) => {
                    let attempts = course.as_mut().map_or(Vec::new(), |course| course.made());
                    return Ok(Answered { peer, reply, came: Came { began, attempts } });
                }
                Err(failed) => failed,
            };
            let (phase, kind) = (failed.phase, failed.cause.kind(failed.phase));
            // Followers of 0.x point at a dead leader until they have another.
            let turned_away = matches!(failed.cause, Cause::LeaderGone(_));
            let course = course.get_or_insert_with(|| self.course(deadline, Phase::Connect));
            course.missed(failed);
            let led_astray = kind == Kind::Redirect && !turned_away;
            let unsent = phase == Phase::Connect || replay == Replay::Safe;
            let most = if led_astray { course.endpoints() } else { MOST_TRIES };
            let enough = tries >= most && !turned_away;
            if !unsent || enough || Instant::now() >= deadline {
                let outcome = if unsent { Outcome::NotApplied } else { Outcome::Unknown };
                return Err(course.error(kind, outcome));
            }
            if turned_away {
                let until = deadline.min(Instant::now() + pauses.pause());
                tokio::time::sleep_until(until.into()).await;
            }
        }
    }
}

impl Shared {
    /// Sends a request on a connection that is ready, and goes where it is redirected.
    async fn send_once(
        &self,
        peer: Arc<Peer>,
        connection: Box<Http1>,
        outgoing: &Outgoing,
        deadline: Instant,
    ) -> Result<(Arc<Peer>, Reply), Failed> {
        let began = Instant::now();
        let by = |peer, (phase, cause)| Failed { peer, phase, cause, began };
        let request = peer.request(outgoing, &outgoing.target);
        let sent = before(deadline, connection.send(request)).await;
        let reply = ended(sent).map_err(|why| by(Arc::clone(&peer), why))?;
        let with = Sent::default();
        let followed = self.follow(&peer, reply, outgoing, &with);
        let (peer, reply) = before(deadline, followed)
            .await
            .ok_or_else(|| by(Arc::clone(&peer), (with.phase(), Cause::Silence)))??;
        self.answered(&peer, Instant::now());
        Ok((peer, reply))
    }

    /// A connection that rests at the best endpoint, when that one answered of late.
    fn ready_now(&self) -> Option<(Arc<Peer>, Box<Http1>)> {
        let now = Instant::now();
        let peer = self.proven_now(now)?;
        let connection = peer.rested(now)?;
        self.counted.attempts.fetch_add(1, Ordering::Relaxed);
        Some((peer, connection))
    }
}
