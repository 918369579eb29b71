//! When to renew what has a time to live, and when it must be called lost: pure decisions.

use std::ops::Add;
use std::time::{Duration, Instant};

/// Something that lives for a time and is renewed before it ends.
///
/// The time counts from when a request was sent, never from when its answer came: the server may
/// have carried it out at any moment between. `T` is an instant of whatever clock counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keeper<T = Instant> {
    ttl: Duration,
    /// When the last request was sent that is known to have been carried out.
    confirmed: T,
    /// When the next renewal is due.
    due: T,
    /// How long past its deadline it is still worth renewing.
    patience: Duration,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action<T = Instant> {
    /// Nothing until then.
    Wait(T),
    /// Renew, and give up at this instant.
    Renew(T),
    /// It may have ended: whoever relies on it must stop.
    Lost,
}

impl Keeper {
    /// The same, where nothing relies on it: it may still be there after its deadline, and is
    /// renewed for so much longer before it is called lost.
    pub(crate) fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Something that surely lives until this [`deadline`](Self::deadline).
    pub(crate) fn until(ttl: Duration, deadline: Instant) -> Self {
        let sure = Self::new(ttl, deadline).deadline().saturating_duration_since(deadline);
        Self::new(ttl, deadline.checked_sub(sure).unwrap_or(deadline))
    }
}

impl<T: Copy + Ord + Add<Duration, Output = T>> Keeper<T> {
    /// Something that was made by a request sent at `sent`.
    pub(crate) fn new(ttl: Duration, sent: T) -> Self {
        Self { ttl, confirmed: sent, due: sent + ttl / 3, patience: Duration::ZERO }
    }

    /// Until when it surely lives: a tenth, and at least half a second or a quarter, before the
    /// server's time is over.
    pub(crate) fn deadline(&self) -> T {
        let margin = (self.ttl / 10).max(Duration::from_millis(500)).min(self.ttl / 4);
        self.confirmed + (self.ttl - margin)
    }

    /// When the server's time is over, if it counted from when the request was sent.
    pub(crate) fn end(&self) -> T {
        self.confirmed + self.ttl
    }

    /// When the next renewal is due.
    pub(crate) fn due(&self) -> T {
        self.due
    }

    pub(crate) fn action(&self, now: T) -> Action<T> {
        let end = self.deadline() + self.patience;
        match now {
            _ if now >= end => Action::Lost,
            _ if now >= self.due => Action::Renew(end),
            _ => Action::Wait(self.due.min(end)),
        }
    }

    /// Whether it surely lives, and no renewal is due.
    pub(crate) fn is_fresh(&self, now: T) -> bool {
        now < self.due.min(self.deadline())
    }

    /// A renewal that was sent at `sent` was carried out.
    pub(crate) fn renewed(&mut self, sent: T) {
        self.confirmed = self.confirmed.max(sent);
        self.due = self.confirmed + self.ttl / 3;
    }

    /// A renewal that was sent at `sent` was carried out, and gave another time to live.
    pub(crate) fn renewed_for(&mut self, ttl: Duration, sent: T) {
        if sent >= self.confirmed {
            self.ttl = ttl;
            self.renewed(sent);
        }
    }

    /// A renewal failed in a way that another may not: it is tried again after a while.
    pub(crate) fn failed(&mut self, now: T) {
        self.due = now + (self.ttl / 20).clamp(Duration::from_millis(50), Duration::from_secs(1));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(n: f64) -> Duration {
        Duration::from_secs_f64(n)
    }

    #[test]
    fn it_renews_at_a_third_and_is_lost_before_the_end() {
        let sent = Instant::now();
        let keeper = Keeper::new(seconds(6.0), sent);
        assert_eq!(keeper.action(sent), Action::Wait(sent + seconds(2.0)));
        assert_eq!(keeper.action(sent + seconds(2.0)), Action::Renew(sent + seconds(5.4)));
        assert_eq!(keeper.action(sent + seconds(5.4)), Action::Lost);
    }

    #[test]
    fn a_late_answer_counts_from_its_sending() {
        let sent = Instant::now();
        let mut keeper = Keeper::new(seconds(6.0), sent);
        keeper.renewed(sent + seconds(2.0));
        assert_eq!(keeper.deadline(), sent + seconds(7.4));
        keeper.renewed(sent + seconds(1.0));
        assert_eq!(keeper.deadline(), sent + seconds(7.4));
    }

    #[test]
    fn a_failed_renewal_is_tried_again_soon() {
        let sent = Instant::now();
        let mut keeper = Keeper::new(seconds(6.0), sent);
        keeper.failed(sent + seconds(2.0));
        assert_eq!(keeper.action(sent + seconds(2.0)), Action::Wait(sent + seconds(2.3)));
    }

    #[test]
    fn what_nothing_relies_on_is_renewed_for_longer_and_with_pauses() {
        let sent = Instant::now();
        let mut keeper = Keeper::new(seconds(2.0), sent).patient(seconds(60.0));
        let (deadline, end) = (sent + seconds(1.5), sent + seconds(61.5));
        assert_eq!(keeper.deadline(), deadline);
        assert_eq!(keeper.action(deadline), Action::Renew(end));
        assert!(!keeper.is_fresh(deadline));
        keeper.failed(deadline);
        assert_eq!(keeper.action(deadline), Action::Wait(deadline + seconds(0.1)));
        assert!(!keeper.is_fresh(deadline), "no claim past the deadline");
        assert_eq!(keeper.action(end), Action::Lost);
        keeper.renewed(deadline);
        assert_eq!(keeper.deadline(), deadline + seconds(1.5));
        assert!(keeper.is_fresh(deadline));
    }

    #[test]
    fn a_deadline_tells_when_it_was_confirmed() {
        let keeper = Keeper::new(seconds(6.0), Instant::now());
        assert_eq!(Keeper::until(seconds(6.0), keeper.deadline()), keeper);
    }

    proptest! {
        /// However renewals go: never alive when a server that counted from the sending of the
        /// last one carried out could have let it end.
        #[test]
        fn never_alive_past_the_servers_time(ttl in 1u64..60, steps in proptest::collection::vec((0u64..3000, any::<bool>()), 0..50)) {
            let ttl = Duration::from_secs(ttl);
            let mut now = Instant::now();
            let mut servers_end = now + ttl;
            let mut keeper = Keeper::new(ttl, now);
            for (millis, carried_out) in steps {
                let sent = now;
                now += Duration::from_millis(millis);
                match keeper.action(sent) {
                    Action::Lost => break,
                    _ if carried_out => {
                        servers_end = servers_end.max(sent + ttl);
                        keeper.renewed(sent);
                    }
                    _ => keeper.failed(now),
                }
                if keeper.action(now) != Action::Lost {
                    prop_assert!(now < servers_end);
                }
            }
        }
    }
}
