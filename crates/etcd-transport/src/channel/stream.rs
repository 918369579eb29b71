//! Requests that are sent once, and replies that come piece by piece.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use etcd_proto::call::{Outcome, Outgoing, Replay, StreamDecoder, Streaming};
use http::HeaderMap;

use super::attempt::{Failed, ended};
use super::{Channel, Shared};
use crate::config::CallOptions;
use crate::conn::Peer;
use crate::endpoint::Endpoint;
use crate::error::{CallError, Cause, Error, Kind, Phase};
use crate::failover::pauses;
use crate::http1::{Http1, Reply};

/// How often a request is tried again whose endpoint proved that it did not get it.
const MOST_TRIES: usize = 8;

impl Channel {
    /// Sends a request whose reply is a stream, and waits for the head of the reply.
    ///
    /// Until the head comes, endpoints are changed as for a call; afterwards the stream stays
    /// where it is.
    ///
    /// # Errors
    ///
    /// As for [`call`](Self::call).
    pub async fn stream<S: Streaming>(
        &self,
        streaming: &S,
        options: &CallOptions,
    ) -> Result<OpenStream<S>, CallError<S::Refusal>> {
        let outgoing = streaming.request()?;
        let deadline = self.deadline(options);
        let (peer, reply) =
            self.dispatch(&outgoing, Replay::Safe, deadline).await.map_err(CallError::Failed)?;
        if streaming.accepts(reply.head.status) {
            return Ok(OpenStream { peer, reply: Some(reply), decoder: streaming.decoder() });
        }
        let endpoint = peer.endpoint.clone();
        let whole =
            tokio::time::timeout_at(deadline.into(), reply.whole(self.shared.config.max_reply))
                .await;
        let (incoming, connection) = ended(whole).map_err(|(phase, cause)| {
            let (kind, attempt) = (cause.kind(phase), peer.attempt(phase, cause, Instant::now()));
            CallError::Failed(Error::new(kind, Outcome::NotApplied, vec![attempt]))
        })?;
        peer.give_back(connection);
        let refusal = streaming.refusal(incoming);
        Err(CallError::Refused { refusal, endpoint, outcome: Outcome::NotApplied })
    }

    /// Sends a request to an endpoint that is ready, and again only with proof that it did not
    /// get it, or when it may be repeated. Ends with the head of the reply.
    pub(super) async fn dispatch(
        &self,
        outgoing: &Outgoing,
        replay: Replay,
        deadline: Instant,
    ) -> Result<(Arc<Peer>, Reply), Error> {
        let mut course = None;
        let mut pauses = pauses(self.shared.seed());
        let mut tries = 0;
        loop {
            let (peer, connection) = match (self.shared.ready_now(), &mut course) {
                (Some(ready), None) => ready,
                (_, course) => {
                    let course =
                        course.get_or_insert_with(|| self.course(deadline, Phase::Connect));
                    course.race(|peer| self.shared.ready(peer)).await?
                }
            };
            tries += 1;
            let failed = match self.shared.deliver(peer, connection, outgoing, deadline).await {
                Ok(answered) => return Ok(answered),
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
    async fn deliver(
        &self,
        peer: Arc<Peer>,
        connection: Box<Http1>,
        outgoing: &Outgoing,
        deadline: Instant,
    ) -> Result<(Arc<Peer>, Reply), Failed> {
        let began = Instant::now();
        let by = |peer, (phase, cause)| Failed { peer, phase, cause, began };
        let request = peer.request(outgoing, &outgoing.target);
        let sent = tokio::time::timeout_at(deadline.into(), connection.send(request)).await;
        let reply = ended(sent).map_err(|why| by(Arc::clone(&peer), why))?;
        let followed = self.follow(&peer, reply, outgoing);
        let (peer, reply) = tokio::time::timeout_at(deadline.into(), followed)
            .await
            .map_err(|_| by(peer, (Phase::Sent, Cause::Silence)))??;
        self.answered(&peer, Instant::now());
        Ok((peer, reply))
    }

    /// A connection that rests at the best endpoint, when that one answered of late.
    fn ready_now(&self) -> Option<(Arc<Peer>, Box<Http1>)> {
        let now = Instant::now();
        let peer = {
            let endpoints = self.endpoints();
            let (peer, health) = endpoints.best(now)?;
            health.is_proven(self.config.proven, now).then(|| Arc::clone(peer))?
        };
        let connection = peer.rested(now)?;
        self.counted.attempts.fetch_add(1, Ordering::Relaxed);
        Some((peer, connection))
    }
}

/// A reply that comes piece by piece; dropping it ends it at the server too.
#[derive(Debug)]
pub struct OpenStream<S: Streaming> {
    peer: Arc<Peer>,
    source: Source,
    decoder: S::Decoder,
    most: usize,
}

/// Where the pieces come from.
#[derive(Debug)]
enum Source {
    Http1(Box<http1::Reply>),
    /// The head has not come yet.
    Opening(Answer),
    Http2(Box<http2::Reply>),
    Ended,
}

impl<S: Streaming> OpenStream<S> {
    /// The headers of the reply; empty before they have come and once it has ended.
    pub fn headers(&self) -> &HeaderMap {
        static NONE: std::sync::LazyLock<HeaderMap> = std::sync::LazyLock::new(HeaderMap::new);
        match &self.source {
            Source::Http1(reply) => &reply.head.headers,
            Source::Http2(reply) => &reply.head.headers,
            Source::Opening(_) | Source::Ended => &NONE,
        }
    }

    /// Who sends it.
    pub fn endpoint(&self) -> &Endpoint {
        &self.peer.endpoint
    }

    /// The next item; nothing when the server ended the stream.
    ///
    /// It may be dropped and called again without losing an item.
    ///
    /// # Errors
    ///
    /// When the server refuses to go on, the connection ends in the middle, or what comes is no
    /// item. Nothing more follows.
    pub async fn next(&mut self) -> Result<Option<S::Item>, CallError<S::Refusal>> {
        if matches!(self.source, Source::Opening(_)) {
            self.begin().await?;
        }
        while !matches!(self.source, Source::Ended) {
            match self.decoder.next() {
                Ok(Some(item)) => return Ok(Some(item)),
                Ok(None) => {}
                Err(error) => return Err(self.broken(Phase::ReplyStarted, Cause::NotHttp(error.to_string()))),
            }
            match self.chunk().await {
                Some(Ok(bytes)) => self.decoder.push(bytes),
                Some(Err((phase, cause))) => return Err(self.broken(phase, cause)),
                None => return self.ended().map(|()| None),
            }
        }
        Ok(None)
    }

    /// Waits for the head of the reply, which says whether a stream follows.
    async fn begin(&mut self) -> Result<(), CallError<S::Refusal>> {
        let Source::Opening(answer) = &mut self.source else { return Ok(()) };
        let reply = match answer.await {
            Ok(reply) => reply,
            Err((phase, cause)) => return Err(self.broken(phase, cause)),
        };
        if S::accepts_head(&reply.head) {
            self.source = Source::Http2(Box::new(reply));
            return Ok(());
        }
        self.source = Source::Ended;
        match reply.whole(self.most).await {
            Ok(incoming) => Err(self.refused(S::head_refusal(incoming))),
            Err((phase, cause)) => Err(self.broken(phase, cause)),
        }
    }

    async fn chunk(&mut self) -> Option<Result<Bytes, Failure>> {
        match &mut self.source {
            Source::Http1(reply) => reply.chunk().await,
            Source::Http2(reply) => reply.chunk().await,
            Source::Opening(_) | Source::Ended => None,
        }
    }

    /// The body has come to its end.
    fn ended(&mut self) -> Result<(), CallError<S::Refusal>> {
        match std::mem::replace(&mut self.source, Source::Ended) {
            Source::Http1(reply) => {
                self.peer.give_back(reply.into_connection());
                Ok(())
            }
            Source::Http2(reply) => {
                S::ended(&reply.head.headers, reply.trailers()).map_err(|why| self.refused(why))
            }
            Source::Opening(_) | Source::Ended => Ok(()),
        }
    }
}
