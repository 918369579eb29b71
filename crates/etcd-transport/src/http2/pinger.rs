//! Finding out whether the other side of a quiet connection is still there.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use h2::PingPong;

use super::Shared;
use crate::wait::{after, until};

/// How a connection is asked whether the other side is there, while it has requests under way.
///
/// etcd ends connections that ask more than once in 5 s, or with no request under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pings {
    /// How long nothing may come before it is asked.
    pub(crate) after: Duration,
    /// How long it may take to answer.
    pub(crate) answer: Duration,
}

/// Finds out whether the other side of a quiet connection is still there.
pub(super) struct Pinger {
    pub(super) shared: Arc<Shared>,
    pings: Option<PingPong>,
    times: Pings,
    timer: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// What had been read when the timer was set.
    read: u64,
    asked: bool,
}

impl Pinger {
    pub(super) fn new(pings: Option<PingPong>, times: Pings, shared: Arc<Shared>) -> Self {
        Self { shared, pings, times, timer: None, read: 0, asked: false }
    }

    /// Ends when the other side was asked and stayed silent.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.shared.calls.load(Ordering::Relaxed) == 0 {
            // With nobody waiting, silence is no sign of anything.
            (self.timer, self.asked) = (None, false);
            return Poll::Pending;
        }
        loop {
            if self.timer.is_none() {
                self.wait(self.times.after);
            }
            let Some(timer) = &mut self.timer else { return Poll::Pending };
            ready!(timer.as_mut().poll(cx));
            let heard = self.shared.gauge.read() != self.read;
            if self.asked && !heard {
                self.shared.silent.store(true, Ordering::Relaxed);
                return Poll::Ready(());
            }
            self.asked = !heard && self.ask(cx);
            self.wait(if self.asked { self.times.answer } else { self.times.after });
        }
    }

    fn wait(&mut self, time: Duration) {
        self.read = self.shared.gauge.read();
        self.timer = Some(Box::pin(until(after(time))));
    }

    /// Sends a ping, once the one before was answered; whether one is under way.
    fn ask(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(pings) = &mut self.pings else { return false };
        let _ = pings.poll_pong(cx);
        // A ping that cannot be sent, as one is under way, is answered or not all the same.
        let _ = pings.send_ping(h2::Ping::opaque());
        true
    }
}
