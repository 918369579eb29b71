//! One endpoint's HTTP/2 connections, one for each kind of traffic.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use etcd_proto::call::Outgoing;
use http::request::Request;
use tokio::sync::watch;

use crate::config::Lane;
use crate::http2::{Answer, Failure, Http2, Outbound, Upward, Windows};

/// A place for one connection, which whoever needs it first has made.
#[derive(Debug, Default)]
pub(crate) struct Place {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Empty,
    /// Being made, by a task that ends even if nobody waits for it any more.
    Dialing(Dialing),
    Open(Http2),
}

type Dialing = watch::Receiver<Option<Result<(), Failure>>>;

impl State {
    /// The connection, where it takes requests.
    fn open(&mut self) -> Option<&mut Http2> {
        let Self::Open(connection) = self else { return None };
        connection.is_open().then_some(connection)
    }
}

impl Lane {
    /// What may come before it is read. Replies to calls are read at once and have room; streams
    /// that nobody reads must not hold much memory, nor stop the others.
    ///
    /// h2 ends a connection on which small frames wait that cost it more than half of its window,
    /// at 256 bytes each: so that a reader may stop, the window is much more than is ever used.
    pub(crate) fn windows(self) -> Windows {
        match self {
            Self::Calls => Windows { stream: 16 << 20, connection: 64 << 20 },
            Self::Streams => Windows { stream: 256 << 10, connection: 128 << 20 },
            Self::Bulk => Windows { stream: 1 << 20, connection: 128 << 20 },
        }
    }
}

/// What became of a request that was to be sent.
pub(crate) enum Sent {
    /// It is on its way.
    Going(Answer, Upward),
    /// There is no connection; this is what was to be sent.
    Closed(Outgoing),
    /// The connection took no more just then; nothing of it left.
    Lost,
}

/// How a connection came to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// It was there before.
    Before,
    /// It was made for this.
    Made,
    /// It was made in the meantime for another.
    Awaited,
}

impl Place {
    /// Whether a connection is there that takes requests.
    pub(crate) fn is_open(&self) -> bool {
        self.state().open().is_some()
    }

    /// Sends what `request` makes, on the connection that is there.
    pub(crate) fn send(
        &self,
        outgoing: Outgoing,
        request: impl FnOnce(Outgoing) -> (Request<()>, Outbound),
        now: Instant,
    ) -> Sent {
        let mut state = self.state();
        let Some(connection) = state.open() else { return Sent::Closed(outgoing) };
        let (request, body) = request(outgoing);
        match connection.send(request, body, now) {
            Some((answer, up)) => Sent::Going(answer, up),
            None => Sent::Lost,
        }
    }

    /// Makes sure that a connection is there, by `dial` where none is and nobody makes one.
    pub(crate) async fn ensure<F>(self: &Arc<Self>, dial: impl Fn() -> F) -> Result<Found, Failure>
    where
        F: Future<Output = Result<Http2, Failure>> + Send + 'static,
    {
        loop {
            let Some((mut dialing, found)) = self.look(&dial) else { return Ok(Found::Before) };
            if let Ok(done) = dialing.wait_for(Option::is_some).await {
                return done.clone().unwrap_or(Ok(())).map(|()| found);
            }
            // The runtime that was to make it is gone: ours makes another.
        }
    }

    /// What to wait for, where there is no connection.
    fn look<F>(self: &Arc<Self>, dial: &impl Fn() -> F) -> Option<(Dialing, Found)>
    where
        F: Future<Output = Result<Http2, Failure>> + Send + 'static,
    {
        let mut state = self.state();
        if state.open().is_some() {
            return None;
        }
        match &*state {
            State::Dialing(dialing) if dialing.has_changed().is_ok() => {
                Some((dialing.clone(), Found::Awaited))
            }
            _ => {
                let (done, dialing) = watch::channel(None);
                *state = State::Dialing(dialing.clone());
                tokio::spawn(make(Arc::clone(self), dial(), done));
                Some((dialing, Found::Made))
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn make(
    place: Arc<Place>,
    dial: impl Future<Output = Result<Http2, Failure>>,
    done: watch::Sender<Option<Result<(), Failure>>>,
) {
    let (state, result) = match dial.await {
        Ok(connection) => (State::Open(connection), Ok(())),
        Err(failure) => (State::Empty, Err(failure)),
    };
    *place.state() = state;
    let _ = done.send(Some(result));
}
