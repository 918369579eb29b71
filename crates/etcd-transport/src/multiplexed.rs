//! A socket under HTTP/2: it looks at how the other side greets and whether it floods us, and keeps
//! writes together.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::frames::Frames;
use crate::socket::Gauge;

/// A socket that carries HTTP/2.
#[derive(Debug)]
pub(crate) struct Multiplexed<S> {
    socket: S,
    gauge: Arc<Gauge>,
    /// How the other side began, as far as it matters and has come.
    greeting: Vec<u8>,
    frames: Frames,
    asked: AtomicBool,
}

/// How much of a greeting tells what it is: a frame's length, and then its type.
const GREETING: usize = 4;
/// The type of the frame that every HTTP/2 server begins with.
const SETTINGS: u8 = 4;

impl<S> Multiplexed<S> {
    pub(crate) fn new(socket: S, gauge: Arc<Gauge>) -> Self {
        let greeting = Vec::with_capacity(GREETING);
        Self { socket, gauge, greeting, frames: Frames::default(), asked: AtomicBool::new(false) }
    }

    fn may_write(&self) -> io::Result<()> {
        if self.gauge.has_ended() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }

    fn look(&mut self, bytes: &[u8]) -> io::Result<()> {
        let more = bytes.iter().take(GREETING - self.greeting.len());
        self.greeting.extend(more);
        match self.greeting.get(GREETING - 1) {
            None => Ok(()),
            Some(&SETTINGS) => {
                self.gauge.greet();
                Ok(())
            }
            Some(_) => {
                let began = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
                let why = format!("it began with {began:?}, which is not HTTP/2");
                Err(io::Error::new(io::ErrorKind::InvalidData, why))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Multiplexed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.socket).poll_read(cx, buf));
        if read.is_err() || buf.filled().len() == before {
            // h2 would still write what it holds: whoever asks what was sent needs an answer now.
            self.gauge.end();
            return Poll::Ready(read);
        }
        let came = &buf.filled()[before..];
        if self.greeting.len() < GREETING {
            self.look(came)?;
        }
        if !self.frames.take(came, Instant::now) {
            let why = "it sends frames without end, and no reply in them";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why)));
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Multiplexed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.may_write()?;
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.may_write()?;
        Pin::new(&mut self.socket).poll_write_vectored(cx, bufs)
    }

    /// h2 asks once, when the connection is made, and gives each frame of 256 bytes or more a
    /// write of its own where the answer is yes; else only from 1,024 bytes on. It asks again
    /// before each write, whether that one may be vectored. So: no, then yes.
    fn is_write_vectored(&self) -> bool {
        self.asked.swap(true, Ordering::Relaxed)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
