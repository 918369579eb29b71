//! Requests answered as the script of faults has it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Frame;
use tokio::sync::Notify;

use crate::api::{Api, reply};
use crate::fault::Fault;
use crate::v3::{Body, refused};

/// Answers a request, unless a fault has another end for it; `end` ends its connection.
pub(crate) async fn answer<B>(api: &Api, request: Request<B>, end: Arc<Notify>) -> Response<Body>
where
    B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
{
    match api.faults.of(request.uri().path()) {
        None => api.answer(request).await,
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            api.answer(request).await
        }
        Some(Fault::Grpc(status)) => refused(&status),
        Some(Fault::Http(status, body)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            reply(status, "application/json", body)
        }
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::ResetBefore) => {
            end.notify_one();
            std::future::pending().await
        }
        Some(Fault::ResetAfter) => {
            let _ = api.answer(request).await;
            end.notify_one();
            std::future::pending().await
        }
        Some(Fault::ResetAfterBytes(left)) => {
            let reply = api.answer(request).await;
            reply.map(|body| Cut { body, left, end }.boxed_unsync())
        }
    }
}

/// A body whose connection ends after so many bytes.
struct Cut {
    body: Body,
    left: usize,
    end: Arc<Notify>,
}

impl hyper::body::Body for Cut {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            self.end.notify_one();
            return Poll::Pending;
        }
        let left = self.left;
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let Poll::Ready(Some(Ok(frame))) = polled else { return polled };
        Poll::Ready(Some(Ok(frame.map_data(|mut data| {
            data.truncate(left);
            self.left -= data.len();
            data
        }))))
    }

    /// Of the whole reply, so that its head promises what does not come.
    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
