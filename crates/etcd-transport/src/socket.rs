//! A connected socket, and what is known of it from outside.

use std::io::{self, Read as _};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;

/// How much is taken at once from the kernel, past the runtime.
const LOOK: usize = 16 << 10;

/// What is known of a socket from outside, while a connection owns it.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    written: AtomicU64,
    read: AtomicU64,
    ask: AtomicBool,
    look: AtomicBool,
    ended: AtomicBool,
    has_greeted: AtomicBool,
    greeting: Notify,
    /// The connection has a task of its own.
    driven: AtomicBool,
}

impl Gauge {
    /// How many bytes the kernel has taken so far.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// How many bytes have come so far.
    pub(crate) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Has the next read, of a connection at rest, ask the kernel itself whether there is anything
    /// to read: the runtime may not have looked since the connection fell idle.
    pub(crate) fn ask(&self) {
        self.ask.store(true, Ordering::Relaxed);
    }

    /// Has the next read of a connection in use take from the kernel itself what is there, before
    /// anything else is written.
    pub(crate) fn look(&self) {
        self.look.store(true, Ordering::Relaxed);
    }

    /// The connection has ended, and nothing more is written.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Whether the connection has ended without a byte written since there were so many.
    pub(crate) fn ended_at(&self, written: u64) -> bool {
        self.has_ended() && self.written() == written
    }

    /// The other side greeted as an HTTP/2 server does.
    pub(crate) fn greet(&self) {
        self.has_greeted.store(true, Ordering::Release);
        self.tell();
    }

    /// Waits until the other side has greeted as an HTTP/2 server does, or until it is
    /// [told](Self::tell) that it never will; whether it has.
    pub(crate) async fn greeted(&self) -> bool {
        if !self.has_greeted.load(Ordering::Acquire) {
            self.greeting.notified().await;
            // Whoever waits too is to hear of it.
            self.greeting.notify_one();
        }
        self.has_greeted.load(Ordering::Acquire)
    }

    /// Whether what is written now could as well wait for the connection's own task: the answer to a
    /// greeting leaves with the first request.
    pub(crate) fn may_wait(&self) -> bool {
        self.has_greeted.load(Ordering::Relaxed) && !self.driven.load(Ordering::Relaxed)
    }

    /// From now on the connection has a task of its own.
    pub(crate) fn drive(&self) {
        self.driven.store(true, Ordering::Relaxed);
    }

    /// Has nobody wait for a greeting any longer.
    pub(crate) fn tell(&self) {
        self.greeting.notify_one();
    }
}

/// A connected socket that counts what it sends.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: Stream,
    gauge: Arc<Gauge>,
}

#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// The socket, and a look at it from outside.
    pub(crate) fn new(stream: Stream) -> (Self, Arc<Gauge>) {
        let gauge = Arc::new(Gauge::default());
        (Self { stream, gauge: Arc::clone(&gauge) }, gauge)
    }

    /// Whether the other side has closed, or sent what nobody asked for, as the kernel knows now.
    fn is_spoilt(&self) -> bool {
        let mut byte = [std::mem::MaybeUninit::uninit()];
        let peeked = match &self.stream {
            Stream::Tcp(stream) => SockRef::from(stream).peek(&mut byte),
            Stream::Unix(stream) => SockRef::from(stream).peek(&mut byte),
        };
        !matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// What the kernel has now, unless it has nothing.
    fn take(&self, buf: &mut ReadBuf<'_>) -> Option<io::Result<()>> {
        let most = buf.remaining().min(LOOK);
        let into = buf.initialize_unfilled_to(most);
        let taken = match &self.stream {
            Stream::Tcp(stream) => (&*SockRef::from(stream)).read(into),
            Stream::Unix(stream) => (&*SockRef::from(stream)).read(into),
        };
        match taken {
            Ok(bytes) => {
                buf.advance(bytes);
                Some(Ok(()))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Nothing leaves once somebody may have been told that it did not: TLS holds what it could not
    /// write.
    fn may_write(&self) -> io::Result<()> {
        if self.gauge.has_ended() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }

    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.gauge.written.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
        written
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.gauge.ask.load(Ordering::Relaxed) {
            self.gauge.ask.store(false, Ordering::Relaxed);
            if self.is_spoilt() {
                return Poll::Ready(Ok(()));
            }
        }
        let before = buf.filled().len();
        if self.gauge.look.load(Ordering::Relaxed) {
            if let Some(taken) = self.take(buf) {
                self.gauge.read.fetch_add((buf.filled().len() - before) as u64, Ordering::Relaxed);
                return Poll::Ready(taken);
            }
            self.gauge.look.store(false, Ordering::Relaxed);
        }
        let read = match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        self.gauge.read.fetch_add((buf.filled().len() - before) as u64, Ordering::Relaxed);
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.may_write()?;
        let written = match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        };
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // The kernel has less to look at.
        if let [only] = bufs {
            return self.poll_write(cx, only);
        }
        self.may_write()?;
        let written = match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Stream::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        };
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
