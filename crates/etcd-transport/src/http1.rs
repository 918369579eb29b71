//! One HTTP/1.1 connection, driven by the call that uses it.
//!
//! hyper's connection is a future of its own. Polled by the very task that waits for the reply,
//! it costs no wake-up of another task; an idle connection is polled by nobody, and looked at
//! before it is used again.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use etcd_proto::call::Incoming;
use http::request::Request;
use http::response::Parts;
use http_body_util::Full;
use hyper::body::Body as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::error::{Cause, Phase};
use crate::line::Line;
use crate::pieces::Pieces;
use crate::progress::Progress;
use crate::socket::Gauge;
use crate::tls;

/// The longest head of a reply.
const MAX_HEAD: usize = 64 << 10;

/// Why an exchange on a connection failed, and how far it got.
pub(crate) type Failure = (Phase, Cause);

/// A connection that has no request under way.
#[derive(Debug)]
pub(crate) struct Http1 {
    sender: http1::SendRequest<Full<Bytes>>,
    connection: http1::Connection<TokioIo<Line>, Full<Bytes>>,
    gauge: Arc<Gauge>,
    /// Why it ended, once it has.
    ended: Option<Cause>,
}

/// A reply whose head has come.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) head: Parts,
    body: hyper::body::Incoming,
    connection: Box<Http1>,
    /// The body was read to its end, which a body in chunks does not tell itself.
    ended: bool,
}

impl Http1 {
    pub(crate) async fn open(line: Line, gauge: Arc<Gauge>) -> Result<Box<Self>, Failure> {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .handshake(TokioIo::new(line))
            .await
            .map_err(|error| (Phase::Connect, cause(&error)))?;
        Ok(Box::new(Self { sender, connection, gauge, ended: None }))
    }

    /// Whether the other side has kept the connection open, as far as the runtime has seen, or
    /// as the kernel knows it now.
    pub(crate) fn is_alive(&mut self, ask: bool) -> bool {
        if ask {
            self.gauge.ask();
        }
        let mut nobody = Context::from_waker(std::task::Waker::noop());
        self.poll_connection(&mut nobody);
        self.ended.is_none() && !self.sender.is_closed()
    }

    /// Sends a request and waits for the head of the reply.
    pub(crate) async fn send(
        mut self: Box<Self>,
        request: Request<Full<Bytes>>,
    ) -> Result<Reply, Failure> {
        let before = self.gauge.written();
        if self.ready().await.is_err() {
            return Err((Phase::Connect, self.ended.unwrap_or(Cause::Closed)));
        }
        let mut answer = pin!(self.sender.try_send_request(request));
        let connection = &mut self.connection;
        let ended = &mut self.ended;
        let answer = poll_fn(|cx| {
            poll_once(connection, ended, cx);
            match answer.as_mut().poll(cx) {
                // A connection that ended before it took the request leaves it waiting.
                Poll::Pending if ended.is_some() => Poll::Ready(None),
                answer => answer.map(Some),
            }
        })
        .await;
        let Some(answer) = answer else {
            let unsent = self.gauge.written() == before;
            let phase = if unsent { Phase::Connect } else { Phase::Sent };
            return Err((phase, self.ended.unwrap_or(Cause::Closed)));
        };
        match answer {
            Ok(response) => {
                let (head, body) = response.into_parts();
                Ok(Reply { head, body, connection: self, ended: false })
            }
            Err(mut error) => {
                let unsent = error.take_message().is_some() || self.gauge.written() == before;
                let phase = if unsent { Phase::Connect } else { Phase::Sent };
                Err((phase, cause(error.error())))
            }
        }
    }

    async fn ready(&mut self) -> Result<(), hyper::Error> {
        poll_fn(|cx| {
            if let Poll::Ready(ready) = self.sender.poll_ready(cx) {
                return Poll::Ready(ready);
            }
            self.poll_connection(cx);
            self.sender.poll_ready(cx)
        })
        .await
    }

    fn poll_connection(&mut self, cx: &mut Context<'_>) {
        poll_once(&mut self.connection, &mut self.ended, cx);
    }
}

/// A connection that has ended must not be polled again; why it did, a request under way is told.
fn poll_once(
    connection: &mut http1::Connection<TokioIo<Line>, Full<Bytes>>,
    ended: &mut Option<Cause>,
    cx: &mut Context<'_>,
) {
    if ended.is_none()
        && let Poll::Ready(end) = Pin::new(connection).poll(cx)
    {
        *ended = Some(end.map_or_else(|error| cause(&error), |()| Cause::Closed));
    }
}

impl Reply {
    /// The next piece of the body; nothing at its end.
    pub(crate) async fn chunk(&mut self) -> Option<Result<Bytes, Failure>> {
        loop {
            let (body, connection) = (&mut self.body, &mut self.connection);
            let frame = poll_fn(|cx| {
                if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) {
                    return Poll::Ready(frame);
                }
                connection.poll_connection(cx);
                Pin::new(&mut *body).poll_frame(cx)
            })
            .await;
            let Some(frame) = frame else {
                self.ended = true;
                return None;
            };
            match frame.map(hyper::body::Frame::into_data) {
                Ok(Ok(data)) => return Some(Ok(data)),
                Ok(Err(_trailers)) => {}
                Err(error) => return Some(Err((Phase::ReplyStarted, cause(&error)))),
            }
        }
    }

    /// The whole reply, up to `most` bytes of body, and the connection where it can be used again.
    pub(crate) async fn whole(
        mut self,
        most: usize,
        progress: &Progress,
    ) -> Result<(Incoming, Option<Box<Http1>>), Failure> {
        let status = self.head.status;
        // Only a success says by being too large that the request was done.
        let too_large = match status.is_success() {
            true => Cause::TooLarge(most),
            false => Cause::NotEtcd(format!("status {status} and over {most} bytes")),
        };
        let too_large = (Phase::ReplyStarted, too_large);
        if self.body.size_hint().lower() > most as u64 {
            return Err(too_large);
        }
        let mut body = match self.chunk().await {
            Some(first) => first?,
            None => Bytes::new(),
        };
        if !self.body.is_end_stream() {
            let (mut pieces, mut held) = (Pieces::default(), body.len());
            pieces.push(body);
            while held <= most
                && let Some(chunk) = self.chunk().await
            {
                let chunk = chunk?;
                progress.add(chunk.len());
                held += chunk.len();
                pieces.push(chunk);
            }
            if held > most {
                return Err(too_large);
            }
            body = pieces.join(held);
        }
        if body.len() > most {
            return Err(too_large);
        }
        let headers = std::mem::take(&mut self.head.headers);
        Ok((Incoming { status, headers, body, trailers: None }, self.into_connection()))
    }

    /// The connection of a reply that has been read to its end, where it can be used again.
    pub(crate) fn into_connection(mut self) -> Option<Box<Http1>> {
        let mut nobody = Context::from_waker(std::task::Waker::noop());
        self.connection.poll_connection(&mut nobody);
        let ended = self.ended || self.body.is_end_stream();
        (ended && self.connection.ended.is_none()).then_some(self.connection)
    }
}

fn cause(error: &hyper::Error) -> Cause {
    if error.is_parse() || error.is_parse_status() {
        return Cause::NotHttp(error.to_string());
    }
    let io =
        std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    match io {
        Some(io) if tls::is_of_tls(io) => tls::cause(io),
        Some(io) if io.kind() == std::io::ErrorKind::InvalidInput => Cause::NotHttp(io.to_string()),
        Some(io) => Cause::Io(io.to_string()),
        None if error.is_incomplete_message() || error.is_canceled() || error.is_closed() => {
            Cause::Closed
        }
        None => Cause::NotHttp(error.to_string()),
    }
}
