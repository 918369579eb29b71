//! One HTTP/2 connection, driven by a task of its own and shared by many calls.
//!
//! It stands on h2, on which hyper's HTTP/2 stands too: a call then needs no task of its own, and
//! the errors tell which requests the server did not process.

mod answer;
mod body;
mod pinger;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::SendStream;
use h2::client::{Connection, SendRequest};
use http::request::Request;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;

pub(crate) use self::answer::Answer;
use self::answer::cause;
pub(crate) use self::body::{Reply, Whole};
use self::pinger::Pinger;
pub(crate) use self::pinger::Pings;
use crate::error::{Cause, Phase};
use crate::multiplexed::Multiplexed;
use crate::socket::Gauge;

/// Why an exchange on a connection failed, and how far it got.
pub(crate) type Failure = (Phase, Cause);

/// The largest frame that we take; servers in Go send 16 KiB at most, others fill it.
const MAX_FRAME: u32 = 256 << 10;
/// The longest list of headers that we take.
const MAX_HEADERS: u32 = 16 << 10;
/// How long a connection may have had no request before the next one has it looked at first.
const LOOK_AFTER: Duration = Duration::from_millis(1);

/// How much the other side may send before it is read: to one stream, and to all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    pub(crate) stream: u32,
    pub(crate) connection: u32,
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
    /// Opens HTTP/2 on a socket, and waits for the server's greeting: a sign of life.
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
        // Not spawned yet: a connection that is given up before it is greeted on closes.
        let mut driver = Box::pin(drive(connection, pinger));
        if !greeted_before(&shared.gauge, driver.as_mut()).await {
            let end = shared.end.get().cloned();
            return Err((Phase::Connect, end.unwrap_or(Cause::Closed)));
        }
        shared.gauge.drive();
        tokio::spawn(async {
            // Behind who waits for the connection: what is sent first goes along with our greeting.
            tokio::task::yield_now().await;
            driver.await;
        });
        Ok(Self { sender, shared, used: Instant::now() })
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

/// Whether a connection's other side greets before it ends.
async fn greeted_before(gauge: &Gauge, mut driver: Pin<&mut impl Future<Output = ()>>) -> bool {
    let mut greeted = pin!(gauge.greeted());
    poll_fn(|cx| match greeted.as_mut().poll(cx) {
        Poll::Pending => driver.as_mut().poll(cx).map(|()| false),
        greeted => greeted,
    })
    .await
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
