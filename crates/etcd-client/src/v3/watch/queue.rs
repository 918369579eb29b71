//! What a watch has been told and its user has not taken: bounded.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use etcd_proto::ids::Revision;

use super::machine::Batch;
use super::update::{Changes, Update, WatchStatus};
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
    updates: VecDeque<(Update, Weight)>,
    waiting: Weight,
    /// What comes after the last update.
    end: Option<Error>,
    ended: bool,
    /// The watch is let go of on the server until there is room again.
    lags: bool,
    /// The first revision that can be told.
    first: Option<Revision>,
    status: WatchStatus,
    waker: Option<Waker>,
}

/// How much an update takes.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    events: usize,
    bytes: usize,
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

    /// Whether nothing more may be put in. Where nothing waits, something always may.
    pub(super) fn is_full(&self) -> bool {
        self.holds_too_much(self.state().waiting)
    }

    /// Has the watch wait for room where there is none; whether it does. It takes something out
    /// before it waits for more, and that tells when there is room.
    pub(super) fn lags(&self) -> bool {
        let mut state = self.state();
        state.lags = self.holds_too_much(state.waiting);
        state.status.stands &= !state.lags;
        state.lags
    }

    fn holds_too_much(&self, waiting: Weight) -> bool {
        waiting.events >= self.most_events || waiting.bytes >= self.most_bytes
    }

    pub(super) fn changes(&self, batch: Batch) {
        let Batch { events, bytes } = batch;
        let weight = Weight { events: events.len(), bytes };
        let mut state = self.state();
        state.waiting.events += weight.events;
        state.waiting.bytes += weight.bytes;
        state.updates.push_back((Update::Changes(Changes::new(events)), weight));
        state.wake();
    }

    pub(super) fn progress(&self, revision: Revision) {
        let mut state = self.state();
        // One progress tells as much as many.
        if let Some((Update::Progress(last), _)) = state.updates.back_mut() {
            *last = revision;
            return;
        }
        state.updates.push_back((Update::Progress(revision), Weight::default()));
        state.wake();
    }

    /// Ends the watch, once what was told before has been taken.
    pub(super) fn end(&self, error: Error) {
        let mut state = self.state();
        if !state.ended {
            (state.end, state.ended, state.status.stands) = (Some(error), true, false);
            state.wake();
        }
    }

    /// The watch stands on a member.
    pub(super) fn stands(&self) {
        let mut state = self.state();
        state.status.stands = true;
        state.first = state.first.or(state.status.next);
        state.wake();
    }

    /// The member that the watch was on is lost, or has let go of it.
    pub(super) fn lost(&self) {
        let mut state = self.state();
        if std::mem::replace(&mut state.status.stands, false) {
            state.status.resumes += 1;
        }
    }

    /// A member said something; `next` is the revision that is due after it.
    pub(super) fn heard(&self, now: Instant, next: Option<Revision>) {
        let mut state = self.state();
        (state.status.heard, state.status.next) = (Some(now), next);
    }

    pub(super) fn status(&self) -> WatchStatus {
        self.state().status.clone()
    }

    /// The first revision that the watch can tell; nothing before it stood.
    pub(super) fn first(&self) -> Option<Revision> {
        self.state().first
    }

    /// The next update, or what the user is to be woken for.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Taken {
        let mut state = self.state();
        let next = match state.updates.pop_front() {
            Some((update, weight)) => {
                state.waiting.events -= weight.events;
                state.waiting.bytes -= weight.bytes;
                Poll::Ready(Some(Ok(update)))
            }
            None if state.ended => Poll::Ready(state.end.take().map(Err)),
            None => state.wait(cx),
        };
        let Weight { events, bytes } = state.waiting;
        let drained = state.lags && events <= self.most_events / 2 && bytes <= self.most_bytes / 2;
        state.lags &= !drained;
        Taken { next, drained }
    }

    /// Waits for the watch to stand, or to end.
    pub(super) fn poll_stands(&self, cx: &mut Context<'_>) -> Poll<Option<Revision>> {
        let mut state = self.state();
        match state.first.is_some() || state.status.stands || state.ended {
            true => Poll::Ready(state.first),
            false => state.wait(cx),
        }
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

    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
