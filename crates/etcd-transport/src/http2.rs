//! One HTTP/2 connection, driven by a task of its own and shared by many calls.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use etcd_proto::call::Incoming;
use http::HeaderMap;
use http::request::Request;
use http::response::Parts;
use hyper::body::{Body as _, Frame};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::mpsc;

use crate::error::{Cause, Phase};
use crate::multiplexed::Multiplexed;
use crate::progress::Progress;
use crate::socket::{Gauge, Socket};

/// Why an exchange on a connection failed, and how far it got.
pub(crate) type Failure = (Phase, Cause);

/// The largest frame that we take; servers in Go send 16 KiB at most, others fill it.
const MAX_FRAME: u32 = 256 << 10;
/// The longest list of headers that we take.
const MAX_HEADERS: u32 = 16 << 10;
/// How often a connection with calls under way is asked whether the other side is there. etcd ends
/// connections that ask more than once in 5 s, or that ask with no call under way.
const PING: Duration = Duration::from_secs(10);
/// How long it may take to answer.
const PONG: Duration = Duration::from_secs(3);
/// The bytes that gRPC puts before a message, the length of which are the last four.
const MESSAGE_HEAD: usize = 5;

/// How much the other side may send before it is read: to one stream, and to all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    pub(crate) stream: u32,
    pub(crate) connection: u32,
}

/// A connection that takes requests.
#[derive(Debug)]
pub(crate) struct Http2 {
    sender: SendRequest<Outbound>,
}

impl Http2 {
    /// Opens HTTP/2 on a socket, and waits for the server's greeting: a sign of life.
    pub(crate) async fn open(
        socket: Socket,
        gauge: Arc<Gauge>,
        windows: Windows,
    ) -> Result<Self, Failure> {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(windows.stream)
            .initial_connection_window_size(windows.connection)
            .max_frame_size(MAX_FRAME)
            .max_header_list_size(MAX_HEADERS)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PONG)
            .handshake(TokioIo::new(Multiplexed::new(socket)))
            .await
            .map_err(|error| (Phase::Connect, cause(&error)))?;
        let mut connection = Box::pin(connection);
        let mut greeted = std::pin::pin!(gauge.greeted());
        let ended = poll_fn(|cx| match connection.as_mut().poll(cx) {
            Poll::Ready(end) => Poll::Ready(Some(end)),
            Poll::Pending => greeted.as_mut().poll(cx).map(|()| None),
        })
        .await;
        if let Some(end) = ended {
            return Err((
                Phase::Connect,
                end.map_or_else(|error| cause(&error), |()| Cause::Closed),
            ));
        }
        // Whoever waits for a reply is told why the connection ended.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { sender })
    }

    /// Whether requests may be sent.
    pub(crate) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request; the future waits for the head of the reply, and ends the request when it
    /// is dropped.
    pub(crate) fn send(&mut self, request: Request<Outbound>) -> Answer {
        let answer = self.sender.try_send_request(request);
        Answer(Mutex::new(Box::pin(async move {
            match answer.await {
                Ok(response) => {
                    let (head, body) = response.into_parts();
                    Ok(Reply { head, body, trailers: None })
                }
                Err(mut error) => {
                    let unsent = error.take_message().is_some() || is_unprocessed(error.error());
                    let phase = if unsent { Phase::Connect } else { Phase::Sent };
                    Err((phase, cause(error.error())))
                }
            }
        })))
    }
}

/// The head of a reply, once it comes.
///
/// The mutex is never locked: it lets what holds an answer be shared between threads.
pub(crate) struct Answer(Mutex<Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send>>>);

impl Future for Answer {
    type Output = Result<Reply, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        future.as_mut().poll(cx)
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answer")
    }
}

/// Whether the server says that it did not look at the request: a stream that it refused, or one
/// above the last that it means to process (RFC 9113, 6.8 and 8.7).
///
/// h2 gives its own connection errors, which prove nothing, another origin than those received.
fn is_unprocessed(error: &hyper::Error) -> bool {
    let Some(error) = h2_error(error) else { return false };
    let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    error.is_remote() && (refused || error.is_go_away())
}

fn h2_error(error: &hyper::Error) -> Option<&h2::Error> {
    std::error::Error::source(error)?.downcast_ref()
}

fn cause(error: &hyper::Error) -> Cause {
    if error.is_timeout() {
        return Cause::Silence;
    }
    let Some(h2) = h2_error(error) else {
        return match error.is_canceled() || error.is_closed() {
            true => Cause::Closed,
            false => Cause::NotHttp(error.to_string()),
        };
    };
    match h2.get_io() {
        Some(io) if io.kind() == io::ErrorKind::InvalidData => Cause::NotHttp(io.to_string()),
        Some(io) if io.kind() == io::ErrorKind::BrokenPipe => Cause::Closed,
        Some(io) => Cause::Io(io.to_string()),
        None if h2.is_remote() => Cause::Closed,
        None => Cause::NotHttp(h2.to_string()),
    }
}

/// A reply whose head has come.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) head: Parts,
    body: hyper::body::Incoming,
    trailers: Option<HeaderMap>,
}

impl Reply {
    /// The next piece of the body; nothing at its end.
    pub(crate) async fn chunk(&mut self) -> Option<Result<Bytes, Failure>> {
        loop {
            let frame = poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await?;
            match frame.map(Frame::into_data) {
                Ok(Ok(data)) => return Some(Ok(data)),
                Ok(Err(frame)) => self.trailers = frame.into_trailers().ok(),
                Err(error) => return Some(Err((Phase::ReplyStarted, cause(&error)))),
            }
        }
    }

    /// What came after the body; nothing before its end.
    pub(crate) fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    /// The whole reply, up to `most` bytes of body.
    pub(crate) async fn whole(
        mut self,
        most: usize,
        progress: &Progress,
    ) -> Result<Incoming, Failure> {
        let (mut pieces, mut held) = (Pieces::default(), 0);
        while let Some(chunk) = self.chunk().await {
            let chunk = chunk?;
            held += chunk.len();
            progress.add(chunk.len());
            pieces.push(chunk);
            if held > most || pieces.announced().is_some_and(|length| length > most) {
                return Err((Phase::ReplyStarted, Cause::TooLarge(most)));
            }
        }
        let (status, headers) = (self.head.status, std::mem::take(&mut self.head.headers));
        Ok(Incoming { status, headers, body: pieces.join(held), trailers: self.trailers })
    }
}

/// A body in the pieces in which it came; most have one.
#[derive(Default)]
struct Pieces {
    first: Bytes,
    rest: Vec<Bytes>,
}

impl Pieces {
    fn push(&mut self, piece: Bytes) {
        if self.first.is_empty() {
            self.first = piece;
        } else if self.first.len() < MESSAGE_HEAD {
            self.first = [&self.first[..], &piece[..]].concat().into();
        } else {
            self.rest.push(piece);
        }
    }

    /// The length of the message that the body announces: a reply is refused by it, before that
    /// much of it has come.
    fn announced(&self) -> Option<usize> {
        let [_, length @ ..] = *self.first.first_chunk::<MESSAGE_HEAD>()?;
        usize::try_from(u32::from_be_bytes(length)).ok()
    }

    fn join(self, length: usize) -> Bytes {
        if self.rest.is_empty() {
            return self.first;
        }
        let mut whole = BytesMut::with_capacity(length);
        whole.extend_from_slice(&self.first);
        self.rest.iter().for_each(|piece| whole.extend_from_slice(piece));
        whole.freeze()
    }
}

/// The body of a request: a message, and on a stream the messages that follow.
///
/// It does not tell its length, which would make hyper send a header that no gRPC client sends.
#[derive(Debug)]
pub(crate) struct Outbound {
    first: Option<Bytes>,
    more: Option<mpsc::Receiver<Bytes>>,
}

impl Outbound {
    pub(crate) fn message(message: Bytes) -> Self {
        Self { first: Some(message), more: None }
    }

    pub(crate) fn stream(first: Bytes, more: mpsc::Receiver<Bytes>) -> Self {
        Self { first: Some(first), more: Some(more) }
    }
}

impl hyper::body::Body for Outbound {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        match &mut self.more {
            Some(more) => more.poll_recv(cx).map(|next| next.map(|bytes| Ok(Frame::data(bytes)))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.more.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_read_from_pieces_of_any_size() {
        let mut pieces = Pieces::default();
        for piece in [&b"\0"[..], b"\0\0", b"\x01\x02abc", b"def"] {
            assert_eq!(pieces.announced(), None);
            pieces.push(Bytes::from_static(piece));
            if pieces.first.len() >= MESSAGE_HEAD {
                break;
            }
        }
        assert_eq!(pieces.announced(), Some(0x0102));
        pieces.push(Bytes::from_static(b"def"));
        assert_eq!(pieces.join(11), &b"\0\0\0\x01\x02abcdef"[..]);
    }
}
