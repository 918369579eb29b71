//! A server of v3 behind a pipe or a port, and a client that knows nothing but HTTP/2.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use etcd_proto::grpc::{Code, Status, encode};
use etcd_proto::v3::{Member, Message};
use etcd_test_server::store::v3::Store;
use etcd_test_server::v3::{Requests, Server, serve};
use etcd_test_server::{Clock, Version};
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

/// What is said where a stream breaks off.
pub(crate) const BROKEN: &str = "the stream broke off";

pub(crate) type Sent = UnsyncBoxBody<Bytes, Infallible>;

pub(crate) fn server(version: Version, clock: Clock) -> Server {
    let member = |id: u64| Member {
        id,
        name: format!("m{id}"),
        peer_urls: vec![format!("http://127.0.0.1:{id}")],
        client_urls: vec![format!("http://127.0.0.1:1{id}")],
        is_learner: false,
    };
    Server::new(Store::new(version, vec![member(1), member(2)]), clock, 1)
}

pub(crate) async fn accept(
    server: Server,
    line: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) {
    let answer = service_fn(move |request| {
        let server = server.clone();
        async move { Ok::<_, Infallible>(serve(server, request).await) }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    // Whoever hangs up ends the connection; there is nobody to tell.
    let _ = builder.serve_connection(TokioIo::new(line), answer).await;
}

#[derive(Clone)]
pub(crate) struct Client(SendRequest<Sent>);

pub(crate) async fn connect(server: &Server) -> Client {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    tokio::spawn(accept(server.clone(), theirs));
    dial(ours).await
}

/// A client over a connection to whatever speaks HTTP/2.
pub(crate) async fn dial(line: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Client {
    let line = TokioIo::new(line);
    let (send, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), line)
        .await
        .expect("a handshake");
    tokio::spawn(connection);
    Client(send)
}

pub(crate) struct Replies {
    head: HeaderMap,
    body: Incoming,
    read: Requests,
}

impl Replies {
    /// The next message, or the status at the end.
    pub(crate) async fn next<M: Message + Default>(&mut self) -> Result<M, Status> {
        loop {
            if let Some(message) = self.read.message()? {
                return Ok(message);
            }
            let none = || Status::of(&self.head, None).expect("a status");
            let Some(frame) = self.body.frame().await else { return Err(none()) };
            // A stream that breaks off has no status.
            let Ok(frame) = frame else { return Err(Status::new(Code::UNAVAILABLE, BROKEN)) };
            match frame.into_data() {
                Ok(data) => self.read.push(&data),
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    return Err(Status::of(&self.head, Some(&trailers)).expect("a status"));
                }
            }
        }
    }
}

impl Client {
    pub(crate) async fn open(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Sent,
    ) -> Replies {
        let mut request = Request::post(format!("http://etcd{path}"));
        for (name, value) in [("content-type", "application/grpc"), ("te", "trailers")] {
            request = request.header(name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).expect("a request");
        let response = self.0.clone().send_request(request).await.expect("a response");
        let (head, body) = response.into_parts();
        Replies { head: head.headers, body, read: Requests::default() }
    }

    /// Why a call gets no reply.
    pub(crate) async fn fails(&self, path: &str, message: &impl Message) -> hyper::Error {
        let frame = encode(message).expect("a frame");
        let request = Request::post(format!("http://etcd{path}"))
            .header("content-type", "application/grpc")
            .body(http_body_util::Full::new(frame).boxed_unsync());
        let sent = self.0.clone().send_request(request.expect("a request")).await;
        sent.expect_err("no reply")
    }

    /// Whether the connection has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// One message, and whatever it brings.
    pub(crate) async fn send(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
        message: &impl Message,
    ) -> Replies {
        let frame = encode(message).expect("a frame");
        self.open(path, headers, http_body_util::Full::new(frame).boxed_unsync()).await
    }

    pub(crate) async fn call<R: etcd_proto::v3::rpc::Rpc>(
        &self,
        request: &R,
    ) -> Result<R::Reply, Status> {
        self.call_with(&[], request).await
    }

    pub(crate) async fn call_with<R: etcd_proto::v3::rpc::Rpc>(
        &self,
        headers: &[(&'static str, &str)],
        request: &R,
    ) -> Result<R::Reply, Status> {
        let mut replies = self.send(R::PATH, headers, request).await;
        let reply = replies.next().await?;
        match replies.next::<R::Reply>().await {
            Err(status) if status.code == Code::OK => Ok(reply),
            Err(status) => Err(status),
            Ok(_) => Err(Status::new(Code::INTERNAL, "a second reply")),
        }
    }

    /// A call with messages both ways.
    pub(crate) async fn both(&self, path: &str) -> (mpsc::UnboundedSender<Bytes>, Replies) {
        let (sender, receiver) = mpsc::unbounded_channel::<Bytes>();
        let body = Line(receiver).boxed_unsync();
        (sender, self.open(path, &[], body).await)
    }
}

struct Line(mpsc::UnboundedReceiver<Bytes>);

impl hyper::body::Body for Line {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|data| data.map(|data| Ok(Frame::data(data))))
    }
}
