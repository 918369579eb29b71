//! The server's time: it runs by itself, or stands until a test moves it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::time::Instant;

/// The server's time: it runs by itself, or stands until a test moves it.
///
/// Clones are the same clock. Times are durations since the Unix epoch.
#[derive(Clone, Debug)]
pub struct Clock {
    state: Arc<Mutex<State>>,
    moved: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    /// What the clock showed at `since`.
    base: Duration,
    /// When it was started, or `None` while it is held.
    since: Option<Instant>,
}

impl Clock {
    /// A clock that runs, from the system's time on.
    pub fn running() -> Self {
        Self::new(Some(Instant::now()))
    }

    /// A clock that stands at the system's time until it is moved.
    pub fn held() -> Self {
        Self::new(None)
    }

    fn new(since: Option<Instant>) -> Self {
        let base = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { state: Arc::new(Mutex::new(State { base, since })), moved: watch::Sender::new(()) }
    }

    /// What the clock shows, since the Unix epoch.
    pub fn now(&self) -> Duration {
        self.lock().now()
    }

    /// Stops the clock where it is: TTLs and leases end only by [`advance`](Self::advance).
    pub fn hold(&self) {
        let mut state = self.lock();
        state.base = state.now();
        state.since = None;
    }

    /// Lets the clock run again from where it stands.
    pub fn release(&self) {
        let mut state = self.lock();
        state.base = state.now();
        state.since = Some(Instant::now());
        drop(state);
        self.moved.send_replace(());
    }

    /// Moves the clock on, whether it runs or is held; what ends by then ends now.
    pub fn advance(&self, by: Duration) {
        let mut state = self.lock();
        state.base = state.base.saturating_add(by);
        drop(state);
        self.moved.send_replace(());
    }

    /// Waits until the clock shows `time`, however it gets there.
    pub async fn sleep_until(&self, time: Duration) {
        let mut moved = self.moved.subscribe();
        loop {
            moved.borrow_and_update();
            let (left, runs) = {
                let state = self.lock();
                (time.saturating_sub(state.now()), state.since.is_some())
            };
            if left.is_zero() {
                return;
            }
            // The sender lives as long as `self`, so that a change is all there can be.
            let changed = moved.changed();
            if runs {
                let _ = tokio::time::timeout(left, changed).await;
            } else {
                let _ = changed.await;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn now(&self) -> Duration {
        let ran = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        self.base.saturating_add(ran)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_held_clock_moves_by_command_alone() {
        let clock = Clock::held();
        let start = clock.now();
        let sleep = clock.sleep_until(start + Duration::from_secs(3600));
        tokio::pin!(sleep);
        clock.advance(Duration::from_secs(3599));
        assert_eq!(clock.now(), start + Duration::from_secs(3599));
        let pending = tokio::time::timeout(Duration::from_millis(1), &mut sleep).await;
        assert!(pending.is_err(), "an hour is not over yet");
        clock.advance(Duration::from_secs(1));
        sleep.await;
    }

    #[tokio::test]
    async fn holding_wakes_no_sleeper_before_its_time() {
        let clock = Clock::running();
        let end = clock.now() + Duration::from_secs(3600);
        clock.hold();
        let held = clock.now();
        assert_eq!(clock.now(), held);
        clock.release();
        clock.advance(Duration::from_secs(3600));
        clock.sleep_until(end).await;
        assert!(clock.now() >= end);
    }
}
