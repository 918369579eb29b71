//! What replies are made of: messages, and a status at the end.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use etcd_proto::grpc::{Code, Status};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Frame;
use tokio::sync::mpsc;

/// The body of any reply.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// How many messages of a stream may wait for their reader.
const WAITING: usize = 16;

fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(status.code.0));
    if !status.message.is_empty() {
        trailers.insert("grpc-message", encoded(&status.message));
    }
    trailers
}

fn encoded(text: &str) -> HeaderValue {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    HeaderValue::from_str(&out).unwrap_or(HeaderValue::from_static(""))
}

fn response(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// A refusal, which has no body.
pub(crate) fn refused(status: &Status) -> Response<Body> {
    let mut response = response(Empty::new().map_err(never).boxed_unsync());
    response.headers_mut().extend(trailers(status));
    response
}

/// One message, and that all went well.
pub(super) fn one(frame: Bytes) -> Response<Body> {
    let end = trailers(&Status::new(Code::OK, ""));
    let body = Full::new(frame).with_trailers(std::future::ready(Some(Ok(end))));
    response(body.map_err(never).boxed_unsync())
}

fn never(never: Infallible) -> io::Error {
    match never {}
}

/// Where the messages of a stream go.
pub(super) struct Sender(mpsc::Sender<Frame<Bytes>>);

impl Sender {
    /// Sends a message; returns whether the reader is still there.
    pub(super) async fn send(&self, frame: Bytes) -> bool {
        self.0.send(Frame::data(frame)).await.is_ok()
    }

    /// Ends the stream.
    pub(super) async fn end(self, status: &Status) {
        let _ = self.0.send(Frame::trailers(trailers(status))).await;
    }

    /// Waits until the reader has gone.
    pub(super) async fn closed(&self) {
        self.0.closed().await;
    }
}

/// A reply whose messages come later.
pub(super) fn stream() -> (Sender, Response<Body>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Sender(sender), response(Stream(receiver).boxed_unsync()))
}

/// A body whose pieces come through a queue.
pub(crate) struct Stream(pub(crate) mpsc::Receiver<Frame<Bytes>>);

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|frame| frame.map(Ok))
    }
}
