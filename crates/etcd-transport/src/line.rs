//! What carries a connection: a socket, or TLS on one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::socket::Socket;
use crate::tls::TlsStream;

/// A socket, or TLS on one. The socket counts what leaves, so that what TLS still holds was not sent.
#[derive(Debug)]
pub(crate) enum Line {
    Plain(Socket),
    Tls(Box<TlsStream>),
}

macro_rules! on_either {
    ($line:expr, $io:ident => $then:expr) => {
        match $line.get_mut() {
            Line::Plain(io) => {
                let $io = Pin::new(io);
                $then
            }
            Line::Tls(io) => {
                let $io = Pin::new(io.as_mut());
                $then
            }
        }
    };
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        on_either!(self, io => io.poll_read(cx, buf))
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        on_either!(self, io => io.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_either!(self, io => io.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(io) => io.is_write_vectored(),
            Self::Tls(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_either!(self, io => io.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_either!(self, io => io.poll_shutdown(cx))
    }
}
