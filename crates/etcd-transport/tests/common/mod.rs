//! What the tests share: servers that misbehave as a script says, and the calls made to them.

// Each test file uses its share.
#![allow(dead_code)]

pub(crate) mod http2;
pub(crate) mod place;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod script;
pub(crate) mod server;

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use etcd_proto::tree::Path;
use etcd_proto::v2;
use etcd_transport::endpoint::Endpoint;
use etcd_transport::{CallError, Channel, Config};

/// The answer to a call of the key API.
pub(crate) type Answer = Result<v2::KeyReply, CallError<v2::Error>>;

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A path that is known to be one.
pub(crate) fn key(text: &str) -> Path {
    text.parse().unwrap()
}

pub(crate) fn get(name: &str) -> v2::Get {
    v2::Get::new(key(name))
}

pub(crate) fn set(name: &str) -> v2::Set {
    v2::Set::new(key(name), "v")
}

/// A configuration whose every limit is short, for tests that are not about the defaults.
pub(crate) fn quick() -> Config {
    let mut config = Config::default().deadline(ms(400)).rounds(2);
    config.attempt = ms(100);
    config.hedge = ms(30);
    config.connect = ms(100);
    config
}

/// A configuration whose limits decide nothing, however slow the machine is.
pub(crate) fn patient() -> Config {
    let mut config = Config::default().deadline(ms(30_000));
    config.attempt = config.deadline;
    config.hedge = config.deadline;
    config.connect = config.deadline;
    config
}

pub(crate) fn channel<'a>(
    endpoints: impl IntoIterator<Item = &'a Endpoint>,
    config: Config,
) -> Channel {
    Channel::new(endpoints.into_iter().cloned().collect(), config)
}

/// An error and all that it was caused by, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

/// The error of a call that nobody answered.
pub(crate) fn failure(answer: Answer) -> etcd_transport::Error {
    match answer {
        Err(CallError::Failed(error)) => error,
        other => panic!("not the expected failure: {other:?}"),
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
