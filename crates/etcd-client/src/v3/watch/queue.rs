//! What a watch has been told and its user has not taken: bounded.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use etcd_proto::ids::Revision;

use super::machine;
use super::update::{Update, WatchStatus};
use crate::error::Error;

/// A queue between the task that reads the stream and the user of one watch.
#[derive(Debug)]
pub(super) struct Queue {
    most_events: usize,
    most_bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    updates: VecDeque<Update>,
    events: usize,
    bytes: usize,
    /// What comes after the last update.
    end: Option<Error>,
    ended: bool,
    /// The watch is let go of on the server until there is room again.
    lags: bool,
    status: WatchStatus,
    waker: Option<Waker>,
}

/// What a user finds.
pub(super) struct Taken {
    pub(super) next: Poll<Option<Result<Update, Error>>>,
    /// There is room again for a watch that was let go of.
    pub(super) drained: bool,
}

impl Queue {
    pub(super) fn new(most_events: usize, most_bytes: usize) -> Self {
        Self {
            most_events: most_events.max(1),
            most_bytes: most_bytes.max(1),
            state: Mutex::default(),
        }
    }

    /// Whether another update may be put in. One always may where there is none.
    pub(super) fn has_room(&self) -> bool {
        let state = self.state();
        state.events < self.most_events && state.bytes < self.most_bytes
    }

    pub(super) fn push(&self, update: Update) {
        let (events, bytes) = weight(&update);
        let mut state = self.state();
        state.status.next = Some(Revision(update.revision().0.saturating_add(1)));
        // One progress tells as much as many.
        if let (Update::Progress(_), Some(Update::Progress(last))) =
            (&update, state.updates.back_mut())
        {
            *last = update.revision();
            return;
        }
        state.events += events;
        state.bytes += bytes;
        state.updates.push_back(update);
        state.wake();
    }

    /// Ends the watch, once what was told before has been taken.
    pub(super) fn end(&self, error: Error) {
        let mut state = self.state();
        if !state.ended {
            (state.end, state.ended) = (Some(error), true);
            state.wake();
        }
    }

    /// The watch stands on a member.
    pub(super) fn stands(&self, next: Option<Revision>) {
        let mut state = self.state();
        state.status.stands = true;
        state.status.next = next;
        state.wake();
    }

    /// The member that the watch was on is lost.
    pub(super) fn lost(&self) {
        let mut state = self.state();
        if std::mem::replace(&mut state.status.stands, false) {
            state.status.resumes += 1;
        }
    }

    /// The watch was let go of on the server, as there is no room.
    pub(super) fn lags(&self) {
        let mut state = self.state();
        state.lags = true;
        state.status.stands = false;
    }

    pub(super) fn heard(&self, now: Instant) {
        self.state().status.heard = Some(now);
    }

    pub(super) fn status(&self) -> WatchStatus {
        self.state().status.clone()
    }

    /// The next update, or what the user is to be woken for.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Taken {
        let mut state = self.state();
        let next = match state.updates.pop_front() {
            Some(update) => {
                let (events, bytes) = weight(&update);
                state.events -= events;
                state.bytes -= bytes;
                Poll::Ready(Some(Ok(update)))
            }
            None if state.ended => Poll::Ready(state.end.take().map(Err)),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        };
        let half = state.events <= self.most_events / 2 && state.bytes <= self.most_bytes / 2;
        let drained = state.lags && half;
        state.lags &= !drained;
        Taken { next, drained }
    }

    /// Waits for the watch to stand, or to end.
    pub(super) fn poll_stands(&self, cx: &mut Context<'_>) -> Poll<Option<Revision>> {
        let mut state = self.state();
        if state.status.next.is_some() || state.ended {
            return Poll::Ready(state.status.next);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// How many events an update holds, and how many bytes it takes.
fn weight(update: &Update) -> (usize, usize) {
    match update {
        Update::Changes(changes) => {
            (changes.events.len(), changes.events.iter().map(machine::size).sum())
        }
        Update::Gap(_) | Update::Progress(_) => (0, 0),
    }
}
