//! A socket under HTTP/2: it looks at how the other side greets and whether it floods us, and keeps
//! writes together.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::frames::Frames;
use crate::socket::Gauge;
use crate::tls;

/// A socket that carries HTTP/2.
#[derive(Debug)]
pub(crate) struct Multiplexed<S> {
    socket: S,
    gauge: Arc<Gauge>,
    /// How the other side began, as far as it matters and has come.
    greeting: Vec<u8>,
    frames: Frames,
    asked: AtomicBool,
    /// What of our own beginning waits to be sent with what comes after it.
    preface: &'static [u8],
}

/// What an HTTP/2 connection begins with, which h2 writes alone.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// So many frames are taken at once before those who read have their turn: each that waits for them
/// costs some hundred bytes, however little it brings.
const AT_ONCE: usize = 512;

/// How much of a greeting tells what it is: a frame's length, and then its type.
const GREETING: usize = 4;
/// The type of the frame that every HTTP/2 server begins with.
const SETTINGS: u8 = 4;

impl<S> Multiplexed<S> {
    pub(crate) fn new(socket: S, gauge: Arc<Gauge>) -> Self {
        let greeting = Vec::with_capacity(GREETING);
        let (frames, asked) = (Frames::default(), AtomicBool::new(false));
        Self { socket, gauge, greeting, frames, asked, preface: &[] }
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

impl<S: AsyncWrite + Unpin> Multiplexed<S> {
    /// Writes what is left of the preface, with the next bytes behind it.
    fn poll_begin(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let both = [io::IoSlice::new(self.preface), io::IoSlice::new(buf)];
            let written = ready!(Pin::new(&mut self.socket).poll_write_vectored(cx, &both))?;
            let begun = written.min(self.preface.len());
            self.preface = &self.preface[begun..];
            if written == 0 || written > begun {
                return Poll::Ready(Ok(written - begun));
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
        if self.frames.are_many(AT_ONCE) {
            // Whoever waits for what came is woken already, and runs before this goes on: also the
            // future that a runtime blocks on, which a task that woke itself would go before.
            return pin!(tokio::task::yield_now()).poll(cx).map(Ok);
        }
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.socket).poll_read(cx, buf));
        if read.is_err() || buf.filled().len() == before {
            // h2 would still write what it holds: whoever asks what was sent needs an answer now.
            self.gauge.end();
            return Poll::Ready(read.map_err(tls::in_words));
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
        if buf == PREFACE {
            self.preface = PREFACE;
            return Poll::Ready(Ok(buf.len()));
        }
        if self.gauge.may_wait() {
            return Poll::Pending;
        }
        if self.preface.is_empty() {
            return Pin::new(&mut self.socket).poll_write(cx, buf);
        }
        self.poll_begin(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.may_write()?;
        if self.gauge.may_wait() {
            return Poll::Pending;
        }
        match bufs.iter().find(|buf| !buf.is_empty()) {
            Some(first) if !self.preface.is_empty() => self.poll_begin(cx, first),
            _ => Pin::new(&mut self.socket).poll_write_vectored(cx, bufs),
        }
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn the_preface_goes_with_what_follows_it() {
        for room in [1, 10, PREFACE.len(), PREFACE.len() + 3, 100] {
            let (ours, mut theirs) = duplex(room);
            let mut socket = Multiplexed::new(ours, Arc::default());
            socket.write_all(PREFACE).await.unwrap();
            tokio::spawn(async move {
                for part in [&b"settings"[..], b"more"] {
                    socket.write_all(part).await.unwrap();
                }
            });
            let mut came = Vec::new();
            theirs.read_to_end(&mut came).await.unwrap();
            assert_eq!(came, [PREFACE, b"settingsmore"].concat(), "{room}");
        }
    }

    #[tokio::test]
    async fn the_answer_to_a_greeting_waits_for_the_connection_to_be_driven() {
        let (ours, mut theirs) = duplex(100);
        let gauge = Arc::new(Gauge::default());
        let mut socket = Multiplexed::new(ours, Arc::clone(&gauge));
        socket.write_all(b"settings").await.unwrap();
        theirs.write_all(&[0, 0, 0, SETTINGS]).await.unwrap();
        socket.read_exact(&mut [0; GREETING]).await.unwrap();
        let mut nobody = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut socket).poll_write(&mut nobody, b"answer").is_pending());
        gauge.drive();
        socket.write_all(b"answer").await.unwrap();
        drop(socket);
        let mut came = String::new();
        theirs.read_to_string(&mut came).await.unwrap();
        assert_eq!(came, "settingsanswer");
    }
}
