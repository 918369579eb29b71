//! An HTTP/2 server made of hand-written frames: it can do what no library would let it.

pub(crate) mod frame;
pub(crate) mod reply;
pub(crate) mod script;
pub(crate) mod server;

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
