//! One HTTP/2 connection, driven by a task of its own and shared by many calls.
//!
//! It stands on h2, on which hyper's HTTP/2 stands too: a call then needs no task of its own, and
//! the errors tell which requests the server did not process.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use etcd_proto::call::Incoming;
use etcd_proto::grpc::Status;
use h2::client::{Connection, ResponseFuture, SendRequest};
use h2::{PingPong, RecvStream, SendStream};
use http::HeaderMap;
use http::request::Request;
use http::response::Parts;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio::time::Sleep;

use crate::error::{Cause, Phase};
use crate::multiplexed::Multiplexed;
use crate::progress::Progress;
use crate::socket::Gauge;

/// Why an exchange on a connection failed, and how far it got.
pub(crate) type Failure = (Phase, Cause);

/// The largest frame that we take; servers in Go send 16 KiB at most, others fill it.
const MAX_FRAME: u32 = 256 << 10;
/// The longest list of headers that we take.
const MAX_HEADERS: u32 = 16 << 10;
/// How long a connection may have had no request before the next one has it looked at first.
const LOOK_AFTER: Duration = Duration::from_millis(1);
/// A piece of a body that is smaller is copied: it would hold the buffer in which it came.
const SMALL: usize = 4096;
/// The bytes that gRPC puts before a message, the length of which are the last four.
const MESSAGE_HEAD: usize = 5;

/// How much the other side may send before it is read: to one stream, and to all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    pub(crate) stream: u32,
    pub(crate) connection: u32,
}

/// How a connection is asked whether the other side is there, while it has requests under way.
///
/// etcd ends connections that ask more than once in 5 s, or with no request under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pings {
    /// How long nothing may come before it is asked.
    pub(crate) after: Duration,
    /// How long it may take to answer.
    pub(crate) answer: Duration,
}

/// A connection that takes requests.
#[derive(Debug)]
pub(crate) struct Http2 {
    sender: SendRequest<Bytes>,
    shared: Arc<Shared>,
    used: Instant,
}

/// What a connection, its driver and its calls know of each other.
#[derive(Debug)]
struct Shared {
    gauge: Arc<Gauge>,
    /// How many calls are under way.
    calls: AtomicUsize,
    /// The other side did not answer when asked whether it is there.
    silent: AtomicBool,
    /// Why the connection ended, once it has.
    end: OnceLock<Cause>,
}

/// A call that is under way, while this lives.
#[derive(Debug)]
struct Call(Arc<Shared>);

impl Call {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.calls.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Http2 {
    /// Opens HTTP/2 on a socket. Whether there is a server that speaks it is not known before it has
    /// [greeted](Self::greeting).
    pub(crate) async fn open<S>(
        socket: S,
        gauge: Arc<Gauge>,
        windows: Windows,
        pings: Pings,
    ) -> Result<Self, Failure>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, mut connection) = h2::client::Builder::new()
            .initial_window_size(windows.stream)
            .initial_connection_window_size(windows.connection)
            .max_frame_size(MAX_FRAME)
            .max_header_list_size(MAX_HEADERS)
            .enable_push(false)
            .handshake(Multiplexed::new(socket, Arc::clone(&gauge)))
            .await
            .map_err(|error| (Phase::Connect, cause(&error)))?;
        let (calls, silent, end) = (AtomicUsize::new(0), AtomicBool::new(false), OnceLock::new());
        let shared = Arc::new(Shared { gauge, calls, silent, end });
        let pinger = Pinger::new(connection.ping_pong(), pings, Arc::clone(&shared));
        tokio::spawn(drive(connection, pinger));
        Ok(Self { sender, shared, used: Instant::now() })
    }

    /// What waits for the server's greeting, a sign of life.
    pub(crate) fn greeting(&self) -> impl Future<Output = Result<(), Failure>> + use<> {
        let shared = Arc::clone(&self.shared);
        async move {
            match shared.gauge.greeted().await {
                true => Ok(()),
                false => {
                    let end = shared.end.get().cloned();
                    Err((Phase::Connect, end.unwrap_or(Cause::Closed)))
                }
            }
        }
    }

    /// Whether requests may be sent.
    pub(crate) fn is_open(&mut self) -> bool {
        self.is_ready() != Poll::Ready(false)
    }

    /// Sends a request, with the one message of its body or the first of those to come; nothing
    /// where the connection, though [open](Self::is_open) just now, took no more.
    pub(crate) fn send(
        &mut self,
        request: Request<()>,
        body: Outbound,
        now: Instant,
    ) -> Option<(Answer, Upward)> {
        // The task that reads may not have run since: the end of the connection may be there.
        if now.saturating_duration_since(self.used) > LOOK_AFTER {
            self.shared.gauge.look();
        }
        self.used = now;
        let written = self.shared.gauge.written();
        let (response, mut stream) = self.sender.send_request(request, false).ok()?;
        let call = Call::new(&self.shared);
        // A stream that ended at once tells why through its response.
        let _ = stream.send_data(body.first, !body.more);
        let unopened = match self.is_ready() {
            // It waits for its turn; the next one shall wait behind it, not for it.
            Poll::Pending => {
                let another = self.sender.clone();
                Some(std::mem::replace(&mut self.sender, another))
            }
            Poll::Ready(_) => None,
        };
        Some((Answer { response, unopened, written, call: Some(call) }, Upward { stream }))
    }

    fn is_ready(&mut self) -> Poll<bool> {
        let mut nobody = Context::from_waker(Waker::noop());
        self.sender.poll_ready(&mut nobody).map(|ready| ready.is_ok())
    }
}

/// The body of a request: a message, and on a stream in both directions others after it.
#[derive(Debug)]
pub(crate) struct Outbound {
    pub(crate) first: Bytes,
    pub(crate) more: bool,
}

/// The way for further messages of a request; dropping it leaves the request as it is.
#[derive(Debug)]
pub(crate) struct Upward {
    stream: SendStream<Bytes>,
}

impl Upward {
    /// Sends a message as soon as the other side has room for it; whether it still takes any.
    pub(crate) async fn send(this: &Mutex<Self>, message: Bytes) -> bool {
        let mut this = this.lock().await;
        let length = message.len();
        let room = poll_fn(|cx| {
            loop {
                if this.stream.capacity() >= length {
                    return Poll::Ready(true);
                }
                this.stream.reserve_capacity(length);
                match ready!(this.stream.poll_capacity(cx)) {
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Poll::Ready(false),
                }
            }
        });
        room.await && this.stream.send_data(message, false).is_ok()
    }
}

/// The head of a reply, once it comes. Dropping it ends the request at the server.
#[derive(Debug)]
pub(crate) struct Answer {
    response: ResponseFuture,
    /// What knows whether the request still waits for its turn, where it had to.
    unopened: Option<SendRequest<Bytes>>,
    /// How much the connection had sent before the request.
    written: u64,
    call: Option<Call>,
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
        Whole::new(Part::Head(self), most, progress)
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
fn is_stopped(error: &h2::Error) -> bool {
    error.is_reset() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR)
}

fn cause(error: &h2::Error) -> Cause {
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

/// A reply whose head has come.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) head: Parts,
    body: RecvStream,
    trailers: Option<HeaderMap>,
    call: Option<Call>,
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

/// A body in the pieces in which it came; most have one.
#[derive(Debug, Default)]
struct Pieces {
    first: Bytes,
    rest: Vec<Bytes>,
    small: BytesMut,
}

impl Pieces {
    fn push(&mut self, piece: Bytes) {
        if self.first.is_empty() {
            self.first = piece;
        } else if self.first.len() < MESSAGE_HEAD {
            self.first = [&self.first[..], &piece[..]].concat().into();
        } else if piece.len() < SMALL {
            self.small.extend_from_slice(&piece);
            if self.small.len() >= SMALL {
                self.gather();
            }
        } else {
            self.gather();
            self.rest.push(piece);
        }
    }

    fn gather(&mut self) {
        if !self.small.is_empty() {
            self.rest.push(std::mem::take(&mut self.small).freeze());
        }
    }

    /// The length of the message that the body announces: a reply is refused by it, before that
    /// much of it has come.
    fn announced(&self) -> Option<usize> {
        let [_, length @ ..] = *self.first.first_chunk::<MESSAGE_HEAD>()?;
        usize::try_from(u32::from_be_bytes(length)).ok()
    }

    fn join(mut self, length: usize) -> Bytes {
        self.gather();
        if self.rest.is_empty() {
            return self.first;
        }
        let mut whole = BytesMut::with_capacity(length);
        whole.extend_from_slice(&self.first);
        self.rest.iter().for_each(|piece| whole.extend_from_slice(piece));
        // A clone counts its references at once, where the original looks each time whether it does:
        // of a long list, each key and value is a slice of this.
        whole.freeze().clone()
    }
}

/// Drives a connection until it ends; whoever waits for a reply is told why.
async fn drive<S>(mut connection: Connection<Multiplexed<S>, Bytes>, mut pinger: Pinger)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let end = poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
        Poll::Ready(end) => Poll::Ready(end.map_or_else(|error| cause(&error), |()| Cause::Closed)),
        Poll::Pending => pinger.poll(cx).map(|()| Cause::Silence),
    })
    .await;
    let _ = pinger.shared.end.set(end);
    pinger.shared.gauge.end();
    pinger.shared.gauge.tell();
}

/// Finds out whether the other side of a quiet connection is still there.
struct Pinger {
    shared: Arc<Shared>,
    pings: Option<PingPong>,
    times: Pings,
    timer: Option<Pin<Box<Sleep>>>,
    /// What had been read when the timer was set.
    read: u64,
    asked: bool,
}

impl Pinger {
    fn new(pings: Option<PingPong>, times: Pings, shared: Arc<Shared>) -> Self {
        Self { shared, pings, times, timer: None, read: 0, asked: false }
    }

    /// Ends when the other side was asked and stayed silent.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.shared.calls.load(Ordering::Relaxed) == 0 {
            // With nobody waiting, silence is no sign of anything.
            (self.timer, self.asked) = (None, false);
            return Poll::Pending;
        }
        loop {
            if self.timer.is_none() {
                self.wait(self.times.after);
            }
            let Some(timer) = &mut self.timer else { return Poll::Pending };
            ready!(timer.as_mut().poll(cx));
            let heard = self.shared.gauge.read() != self.read;
            if self.asked && !heard {
                self.shared.silent.store(true, Ordering::Relaxed);
                return Poll::Ready(());
            }
            self.asked = !heard && self.ask(cx);
            self.wait(if self.asked { self.times.answer } else { self.times.after });
        }
    }

    fn wait(&mut self, time: Duration) {
        self.read = self.shared.gauge.read();
        self.timer = Some(Box::pin(tokio::time::sleep(time)));
    }

    /// Sends a ping, once the one before was answered; whether one is under way.
    fn ask(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(pings) = &mut self.pings else { return false };
        let _ = pings.poll_pong(cx);
        // A ping that cannot be sent, as one is under way, is answered or not all the same.
        let _ = pings.send_ping(h2::Ping::opaque());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_read_from_pieces_of_any_size() {
        let mut pieces = Pieces::default();
        for piece in [&b"\0"[..], b"\0\0", b"\x01\x02abc"] {
            assert_eq!(pieces.announced(), None);
            pieces.push(Bytes::from_static(piece));
        }
        assert_eq!(pieces.announced(), Some(0x0102));
        pieces.push(Bytes::from_static(b"def"));
        assert_eq!(pieces.join(11), &b"\0\0\0\x01\x02abcdef"[..]);
    }
}
