//! An HTTP/2 server made of hand-written frames: it can do what no library would let it.

pub(crate) mod frame;
pub(crate) mod reply;
pub(crate) mod script;
pub(crate) mod server;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use etcd_proto::call::Guarded;
use etcd_proto::v3::{Error, PutRequest, PutResponse, RangeRequest, RangeResponse};
use etcd_transport::{CallError, Channel};

/// The answer to a call of the v3 API.
pub(crate) type Answer<T> = Result<T, CallError<Error>>;

pub(crate) fn put(key: &str) -> PutRequest {
    PutRequest::new(key.to_owned(), "v")
}

pub(crate) fn range(key: &str) -> RangeRequest {
    RangeRequest::new(key.to_owned())
}

/// Whether a call may be repeated, and so what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Once,
    Guarded,
    Safe,
}

pub(crate) const CLASSES: [Class; 3] = [Class::Once, Class::Guarded, Class::Safe];

impl Class {
    /// A call of this class about the key.
    pub(crate) async fn call(self, channel: &Channel, key: &str) -> Answer<()> {
        match self {
            Self::Once => channel.call(&put(key)).await.map(|PutResponse { .. }| ()),
            Self::Guarded => channel.call(&Guarded(put(key))).await.map(|PutResponse { .. }| ()),
            Self::Safe => channel.call(&range(key)).await.map(|RangeResponse { .. }| ()),
        }
    }
}

/// The error of a call that nobody answered.
pub(crate) fn failure<T: std::fmt::Debug>(answer: Answer<T>) -> etcd_transport::Error {
    match answer {
        Err(CallError::Failed(error)) => error,
        other => panic!("not the expected failure: {other:?}"),
    }
}

/// The refusal of a call, and what it proves.
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Answer<T>) -> (Error, etcd_proto::call::Outcome) {
    match answer {
        Err(CallError::Refused { refusal, outcome, .. }) => (refusal, outcome),
        other => panic!("not the expected refusal: {other:?}"),
    }
}

/// A future that ends with nothing when it has been polled so often without being ready.
pub(crate) struct Cut<F> {
    future: Pin<Box<F>>,
    polls: usize,
}

pub(crate) fn cut<F: Future>(future: F, polls: usize) -> Cut<F> {
    Cut { future: Box::pin(future), polls }
}

impl<F: Future> Future for Cut<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        if let Poll::Ready(output) = self.future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        self.polls = self.polls.saturating_sub(1);
        match self.polls {
            0 => Poll::Ready(None),
            _ => Poll::Pending,
        }
    }
}
