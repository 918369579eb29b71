//! What a server does on a connection: when it is made, and for each request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::frame::settings;
use super::reply;
use crate::common::script::Act;

/// A request, as far as it has come.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Which of the server's connections it came on, from 0.
    pub(crate) connection: usize,
    pub(crate) stream: u32,
    /// How many requests came on the connection before it.
    pub(crate) nth: usize,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Whether this only asks whether the server is there.
    pub(crate) fn is_sign_of_life(&self) -> bool {
        self.body == [0; 5]
    }

    /// Whether this is about the key of this name.
    pub(crate) fn is_about(&self, name: &str) -> bool {
        self.key() == Some(name.as_bytes())
    }

    /// The first field of a request, or of its first field: a tag, a length, and then its bytes.
    fn key(&self) -> Option<&[u8]> {
        let mut found = self.body.get(5..)?;
        while let [0x0a, length, rest @ ..] = found {
            found = rest.get(..usize::from(*length))?;
        }
        Some(found)
    }
}

type OnRequest = dyn Fn(&Request) -> Vec<Act> + Send + Sync;

/// What a server does with connections and requests.
#[derive(Clone)]
pub(crate) struct Script {
    /// What it begins a connection with.
    pub(crate) greeting: Vec<Act>,
    /// When the head of a request came.
    pub(crate) opened: Arc<OnRequest>,
    /// When a request came whole.
    pub(crate) asked: Arc<OnRequest>,
    /// When another message of a stream came.
    pub(crate) more: Arc<OnRequest>,
    /// Whether it answers pings.
    pub(crate) pongs: bool,
}

impl Script {
    /// Answers everything.
    pub(crate) fn healthy() -> Self {
        Self::on(|request| vec![Act::Send(reply::healthy(request))])
    }

    /// Does what the function says for each whole request.
    pub(crate) fn on(asked: impl Fn(&Request) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self {
            greeting: vec![Act::Send(settings(&[]))],
            opened: Arc::new(|_| Vec::new()),
            asked: Arc::new(asked),
            more: Arc::new(|_| Vec::new()),
            pongs: true,
        }
    }

    /// Does what the function says for each request, and answers those for a sign of life.
    pub(crate) fn each(asked: impl Fn(&Request) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self::on(move |request| match request.is_sign_of_life() {
            true => vec![Act::Send(reply::healthy(request))],
            false => asked(request),
        })
    }

    /// Sends what the function says for each request, and answers those for a sign of life.
    pub(crate) fn sends(bytes: impl Fn(u32) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::each(move |request| vec![Act::Send(bytes(request.stream))])
    }

    /// Does this for the first request that is not for a sign of life, and answers all others.
    pub(crate) fn first(asked: impl Fn(&Request) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let count = AtomicUsize::new(0);
        Self::each(move |request| match count.fetch_add(1, Ordering::SeqCst) {
            0 => asked(request),
            _ => vec![Act::Send(reply::healthy(request))],
        })
    }

    /// Begins each connection with this.
    pub(crate) fn greeting(self, acts: impl IntoIterator<Item = Act>) -> Self {
        Self { greeting: acts.into_iter().collect(), ..self }
    }

    /// Begins each connection with these settings.
    pub(crate) fn settings(self, values: &[(u16, u32)]) -> Self {
        self.greeting([Act::Send(settings(values))])
    }

    /// Does this as soon as the head of a request comes.
    pub(crate) fn opened(
        self,
        opened: impl Fn(&Request) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        Self { opened: Arc::new(opened), ..self }
    }

    /// Does this for each further piece of a request that goes on.
    pub(crate) fn more(self, more: impl Fn(&Request) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self { more: Arc::new(more), ..self }
    }

    /// Answers no ping.
    pub(crate) fn without_pongs(self) -> Self {
        Self { pongs: false, ..self }
    }
}
