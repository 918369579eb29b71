//! A reply whose head has come, read as it comes or whole.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use etcd_proto::call::Incoming;
use etcd_proto::grpc::Status;
use h2::RecvStream;
use http::HeaderMap;
use http::response::Parts;

use super::answer::{Answer, cause, is_stopped};
use super::{Call, Failure};
use crate::error::{Cause, Phase};
use crate::pieces::Pieces;
use crate::progress::Progress;

/// A reply whose head has come.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) head: Parts,
    pub(super) body: RecvStream,
    pub(super) trailers: Option<HeaderMap>,
    pub(super) call: Option<Call>,
}

impl Reply {
    /// The next piece of the body; nothing at its end.
    pub(crate) async fn chunk(&mut self) -> Option<Result<Bytes, Failure>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        match ready!(self.body.poll_data(cx)) {
            Some(Ok(data)) => {
                // What is read makes room for more; a stream that has ended needs none.
                let _ = self.body.flow_control().release_capacity(data.len());
                Poll::Ready(Some(Ok(data)))
            }
            // The server wants no more of the request, and has said all that it will.
            Some(Err(error)) if is_stopped(&error) => Poll::Ready(None),
            Some(Err(error)) => Poll::Ready(Some(Err(self.broken(&error)))),
            None => match ready!(self.body.poll_trailers(cx)) {
                Ok(trailers) => {
                    self.trailers = trailers.or_else(|| self.trailers.take());
                    Poll::Ready(None)
                }
                Err(error) if is_stopped(&error) => Poll::Ready(None),
                Err(error) => Poll::Ready(Some(Err(self.broken(&error)))),
            },
        }
    }

    fn broken(&self, error: &h2::Error) -> Failure {
        let shared = self.call.as_ref().map(|call| &call.0);
        let silent = shared.is_some_and(|shared| shared.silent.load(Ordering::Relaxed));
        (Phase::ReplyStarted, if silent { Cause::Silence } else { cause(error) })
    }

    /// What came after the body; nothing before its end.
    pub(crate) fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    /// The whole reply, up to `most` bytes of body.
    pub(crate) fn whole(self, most: usize, progress: Progress) -> Whole {
        Whole::new(Part::Body(self), most, progress)
    }
}

/// A whole reply, once it has come.
///
/// Written by hand: as an async function it would hold what it is given twice, and every call holds
/// one of these.
#[derive(Debug)]
pub(crate) struct Whole {
    part: Part,
    pieces: Pieces,
    held: usize,
    most: usize,
    progress: Progress,
}

/// Which part of a reply is to come.
#[derive(Debug)]
enum Part {
    Head(Answer),
    Body(Reply),
    Nothing,
}

impl Whole {
    /// The reply to a request that is on its way.
    pub(super) fn of(answer: Answer, most: usize, progress: Progress) -> Self {
        Self::new(Part::Head(answer), most, progress)
    }

    fn new(part: Part, most: usize, progress: Progress) -> Self {
        Self { part, pieces: Pieces::default(), held: 0, most, progress }
    }

    /// Takes a piece of the body, where it is not too long.
    fn take(&mut self, piece: Bytes) -> Result<(), Failure> {
        self.held += piece.len();
        self.progress.add(piece.len());
        self.pieces.push(piece);
        let announced = self.pieces.announced().unwrap_or(0);
        if self.held.max(announced) <= self.most {
            return Ok(());
        }
        let Part::Body(Reply { head, .. }) = &self.part else { return Ok(()) };
        // What begins as gRPC is a call's success; anything else is a page of I know not whom, whose
        // first bytes are no length.
        match Status::check_head(head.status, &head.headers).is_ok() {
            true => Err((Phase::ReplyStarted, Cause::TooLarge(self.most))),
            false if self.held <= self.most => Ok(()),
            false => {
                let why = format!("status {} and over {} bytes", head.status, self.most);
                Err((Phase::ReplyStarted, Cause::NotEtcd(why)))
            }
        }
    }
}

impl Future for Whole {
    type Output = Result<Incoming, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            match &mut this.part {
                Part::Head(answer) => {
                    let reply = ready!(Pin::new(answer).poll(cx))?;
                    this.part = Part::Body(reply);
                }
                Part::Body(reply) => match ready!(reply.poll_chunk(cx)) {
                    Some(piece) => this.take(piece?)?,
                    None => break,
                },
                Part::Nothing => break,
            }
        }
        let Part::Body(reply) = std::mem::replace(&mut this.part, Part::Nothing) else {
            return Poll::Ready(Err((Phase::ReplyStarted, Cause::Closed)));
        };
        let body = std::mem::take(&mut this.pieces).join(this.held);
        let (status, headers) = (reply.head.status, reply.head.headers);
        Poll::Ready(Ok(Incoming { status, headers, body, trailers: reply.trailers }))
    }
}
