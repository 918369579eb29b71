//! Requests whose reply is a stream, and replies that come piece by piece.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use etcd_proto::call::{Duplex, HttpVersion, Outcome, Outgoing, Replay, StreamDecoder, Streaming};
use etcd_proto::error::EncodeError;
use http::HeaderMap;
use tokio::sync::Mutex;

use super::Channel;
use super::attempt::{Failed, ended};
use super::dispatch::Answered;
use crate::config::{CallOptions, Lane};
use crate::conn::Peer;
use crate::endpoint::Endpoint;
use crate::error::{CallError, Cause, Error, Kind, Phase};
use crate::http1;
use crate::http2::{self, Answer, Failure, Upward};
use crate::lane::Sent;
use crate::progress::Progress;
use crate::wait::before;

/// How often a stream is opened anew whose endpoint proved that it did not see it.
const MOST_TRIES: usize = 8;

impl Channel {
    /// Sends a request whose reply is a stream.
    ///
    /// Over HTTP/1.1 it waits for the head of the reply, and until then endpoints are changed as
    /// for a call. Over HTTP/2 the request is sent to an endpoint that gave a sign of life; as
    /// servers may not send a head before the first item, the first
    /// [`next`](OpenStream::next) waits for it. Afterwards the stream stays where it is.
    ///
    /// # Errors
    ///
    /// As for [`call`](Self::call).
    pub async fn stream<S: Streaming>(
        &self,
        streaming: &S,
        options: &CallOptions,
    ) -> Result<OpenStream<S>, CallError<S::Refusal>> {
        let mut outgoing = streaming.request()?;
        self.may_ask(&outgoing, S::HTTP)?;
        outgoing.headers.extend(options.headers.clone());
        let deadline = self.deadline(options);
        if S::HTTP == HttpVersion::Http2 {
            let lane = options.lane.unwrap_or(Lane::Bulk);
            let opened = self.open(streaming, &outgoing, lane, deadline, false).await;
            return opened.map(|(_, down)| down).map_err(CallError::Failed);
        }
        let Answered { peer, reply, came } =
            self.dispatch(&outgoing, Replay::Safe, deadline).await.map_err(CallError::Failed)?;
        if S::accepts(reply.head.status, &reply.head.headers) {
            return Ok(self.opened(streaming, peer, Source::Http1(Box::new(reply))));
        }
        let progress = Progress::default();
        let whole = reply.whole(self.shared.config.max_reply, &progress);
        let whole = ended(before(deadline, whole).await);
        let (incoming, connection) = whole.map_err(|failure| {
            CallError::Failed(came.broke(&peer, failure, Outcome::NotApplied))
        })?;
        peer.give_back(connection);
        let endpoint = peer.endpoint.clone();
        let refusal = S::refusal(incoming);
        Err(CallError::Refused { refusal, endpoint, outcome: Outcome::NotApplied })
    }

    /// Opens a stream in both directions over HTTP/2, with its first message.
    ///
    /// # Errors
    ///
    /// When no endpoint could be reached before the deadline.
    pub async fn duplex<D: Duplex>(
        &self,
        duplex: &D,
        options: &CallOptions,
    ) -> Result<(Upstream<D>, OpenStream<D>), CallError<D::Refusal>> {
        let mut outgoing = duplex.request()?;
        self.may_ask(&outgoing, D::HTTP)?;
        outgoing.headers.extend(options.headers.clone());
        let (deadline, lane) = (self.deadline(options), options.lane.unwrap_or(Lane::Streams));
        let opened = self.open(duplex, &outgoing, lane, deadline, true).await;
        let (up, down) = opened.map_err(CallError::Failed)?;
        Ok((Upstream { up: Mutex::new(up), stream: std::marker::PhantomData }, down))
    }

    async fn open<S: Streaming>(
        &self,
        streaming: &S,
        outgoing: &Outgoing,
        lane: Lane,
        deadline: Instant,
        more: bool,
    ) -> Result<(Upward, OpenStream<S>), Error> {
        let mut course = self.course(deadline, Phase::Connect);
        let mut tries = 0;
        loop {
            let peer = course.reach(lane).await?;
            let began = Instant::now();
            if let Sent::Going(answer, up) = peer.send(lane, outgoing.clone(), more, began) {
                return Ok((up, self.opened(streaming, peer, Source::Opening(answer))));
            }
            // It closed between being reached and being used.
            tries += 1;
            let (phase, cause) = (Phase::Connect, Cause::Closed);
            course.missed(Failed { peer, phase, cause, began });
            if tries == MOST_TRIES {
                return Err(course.error(Kind::Unreachable, Outcome::NotApplied));
            }
        }
    }

    fn opened<S: Streaming>(
        &self,
        streaming: &S,
        peer: Arc<Peer>,
        source: Source,
    ) -> OpenStream<S> {
        let (channel, decoder) = (self.clone(), streaming.decoder());
        OpenStream { channel, peer, source, decoder, began: Instant::now() }
    }
}

/// A reply that comes piece by piece; dropping it ends it at the server too.
#[derive(Debug)]
pub struct OpenStream<S: Streaming> {
    channel: Channel,
    peer: Arc<Peer>,
    source: Source,
    decoder: S::Decoder,
    began: Instant,
}

/// Where the pieces come from.
#[derive(Debug)]
enum Source {
    Http1(Box<http1::Reply>),
    /// The head has not come yet.
    Opening(Answer),
    Http2(Box<http2::Reply>),
    /// The head said that no stream follows: what does is read whole.
    Refusing(Box<http2::Whole>),
    Ended,
}

impl<S: Streaming> OpenStream<S> {
    /// The headers of the reply; empty before they have come and once it has ended.
    pub fn headers(&self) -> &HeaderMap {
        static NONE: std::sync::LazyLock<HeaderMap> = std::sync::LazyLock::new(HeaderMap::new);
        match &self.source {
            Source::Http1(reply) => &reply.head.headers,
            Source::Http2(reply) => &reply.head.headers,
            Source::Opening(_) | Source::Refusing(_) | Source::Ended => &NONE,
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
        if matches!(self.source, Source::Refusing(_)) {
            return Err(self.refusal().await);
        }
        while !matches!(self.source, Source::Ended) {
            match self.decoder.next() {
                Ok(Some(item)) => return self.ours(item).map(Some),
                Ok(None) => {}
                Err(error) => {
                    return Err(
                        self.broken((Phase::ReplyStarted, Cause::NotHttp(error.to_string())))
                    );
                }
            }
            match self.chunk().await {
                Some(Ok(bytes)) => self.decoder.push(bytes),
                Some(Err(failure)) => return Err(self.broken(failure)),
                None => return self.ended().map(|()| None),
            }
        }
        Ok(None)
    }

    /// An item, unless it is of another cluster than the one that may answer.
    fn ours(&mut self, item: S::Item) -> Result<S::Item, CallError<S::Refusal>> {
        let channel = &self.channel;
        match S::cluster(&item).and_then(|found| channel.shared.pin.mismatch(found)) {
            None => Ok(item),
            Some(cause) => {
                self.source = Source::Ended;
                let error = channel.mistaken(&self.peer, cause, Outcome::NotApplied);
                Err(CallError::Failed(error))
            }
        }
    }

    /// Waits for the head of the reply, which says whether a stream follows.
    async fn begin(&mut self) -> Result<(), CallError<S::Refusal>> {
        let Source::Opening(answer) = &mut self.source else { return Ok(()) };
        let reply = match answer.await {
            Ok(reply) => reply,
            Err(failure) => return Err(self.broken(failure)),
        };
        self.channel.shared.answered(&self.peer, Instant::now());
        self.source = match S::accepts(reply.head.status, &reply.head.headers) {
            true => Source::Http2(Box::new(reply)),
            false => {
                let most = self.channel.shared.config.max_reply;
                Source::Refusing(Box::new(reply.whole(most, Progress::default())))
            }
        };
        Ok(())
    }

    /// Reads what the server says instead of a stream.
    async fn refusal(&mut self) -> CallError<S::Refusal> {
        let Source::Refusing(whole) = &mut self.source else {
            return self.broken((Phase::ReplyStarted, Cause::Closed));
        };
        match whole.await {
            Ok(incoming) => {
                self.source = Source::Ended;
                self.refused(S::refusal(incoming))
            }
            Err(failure) => self.broken(failure),
        }
    }

    async fn chunk(&mut self) -> Option<Result<Bytes, Failure>> {
        match &mut self.source {
            Source::Http1(reply) => reply.chunk().await,
            Source::Http2(reply) => reply.chunk().await,
            Source::Opening(_) | Source::Refusing(_) | Source::Ended => None,
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
                S::ended(&reply.head.headers, reply.trailers()).map_err(|why| self.refused(why))?;
                match self.decoder.is_within_item() {
                    true => Err(self.broken((Phase::ReplyStarted, Cause::Closed))),
                    false => Ok(()),
                }
            }
            Source::Opening(_) | Source::Refusing(_) | Source::Ended => Ok(()),
        }
    }

    fn refused(&self, refusal: S::Refusal) -> CallError<S::Refusal> {
        let endpoint = self.peer.endpoint.clone();
        CallError::Refused { refusal, endpoint, outcome: Outcome::NotApplied }
    }

    fn broken(&mut self, (phase, cause): Failure) -> CallError<S::Refusal> {
        self.source = Source::Ended;
        self.channel.shared.failed(&self.peer, &cause.to_string(), Instant::now());
        let kind = cause.kind(phase);
        let attempt = self.peer.attempt(phase, cause, self.began);
        CallError::Failed(Error::new(kind, Outcome::NotApplied, vec![attempt]))
    }
}

/// The way for further messages of a stream in both directions. Dropping it sends nothing more, and
/// leaves the other direction as it is.
#[derive(Debug)]
pub struct Upstream<D> {
    up: Mutex<Upward>,
    stream: std::marker::PhantomData<fn(D)>,
}

impl<D: Duplex> Upstream<D> {
    /// Sends a message, as soon as the other side has room for it; whether the stream still took it.
    ///
    /// # Errors
    ///
    /// When the message cannot be expressed.
    pub async fn send(&self, message: &D::Message) -> Result<bool, EncodeError> {
        Ok(Upward::send(&self.up, D::encode(message)?).await)
    }
}
