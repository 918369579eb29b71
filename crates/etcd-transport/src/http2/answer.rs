//! The head of a reply, and what its failure proves.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};

use super::body::{Reply, Whole};
use super::{Call, Failure};
use crate::error::{Cause, Phase};
use crate::progress::Progress;

/// The head of a reply, once it comes. Dropping it ends the request at the server.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(super) response: ResponseFuture,
    /// What knows whether the request still waits for its turn, where it had to.
    pub(super) unopened: Option<SendRequest<Bytes>>,
    /// How much the connection had sent before the request.
    pub(super) written: u64,
    pub(super) call: Option<Call>,
}

impl Future for Answer {
    type Output = Result<Reply, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match ready!(Pin::new(&mut self.response).poll(cx)) {
            Ok(response) => {
                let (head, body) = response.into_parts();
                Poll::Ready(Ok(Reply { head, body, trailers: None, call: self.call.take() }))
            }
            Err(error) => Poll::Ready(Err(self.failure(&error))),
        }
    }
}

impl Answer {
    /// The whole reply, up to `most` bytes of body.
    pub(crate) fn whole(self, most: usize, progress: Progress) -> Whole {
        Whole::of(self, most, progress)
    }

    fn failure(&mut self, error: &h2::Error) -> Failure {
        let mut nobody = Context::from_waker(Waker::noop());
        let waits = self
            .unopened
            .as_mut()
            .is_some_and(|sender| sender.poll_ready(&mut nobody).is_pending());
        let shared = self.call.as_ref().map(|call| &call.0);
        let nothing_left = shared.is_some_and(|shared| shared.gauge.ended_at(self.written));
        let unsent = waits || nothing_left || is_unprocessed(error);
        let silent = shared.is_some_and(|shared| shared.silent.load(Ordering::Relaxed));
        let phase = if unsent { Phase::Connect } else { Phase::Sent };
        (phase, if silent { Cause::Silence } else { cause(error) })
    }
}

/// Whether the server says that it did not look at the request: a stream that it refused, or one
/// above the last that it means to process (RFC 9113, 6.8 and 8.7).
///
/// h2 gives its own connection errors, which prove nothing, another origin than those received.
fn is_unprocessed(error: &h2::Error) -> bool {
    let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    error.is_remote() && (refused || error.is_go_away())
}

/// Whether a stream was reset as one that is done with (RFC 9113, 8.1).
pub(super) fn is_stopped(error: &h2::Error) -> bool {
    error.is_reset() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR)
}

pub(super) fn cause(error: &h2::Error) -> Cause {
    match error.get_io() {
        Some(io) => match io.kind() {
            io::ErrorKind::InvalidData => Cause::NotHttp(io.to_string()),
            io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => Cause::Closed,
            _ => Cause::Io(io.to_string()),
        },
        None if error.is_remote() => Cause::Reset(error.to_string()),
        None => Cause::NotHttp(error.to_string()),
    }
}
