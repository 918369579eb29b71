//! Instants of a clock that goes on while the machine is suspended: pure.

use std::ops::Add;
use std::time::Duration;

/// An instant as leases count time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Duration);

impl Moment {
    /// So long after the clock's beginning.
    pub(crate) fn at(since: Duration) -> Self {
        Self(since)
    }

    /// How long it is from `earlier` until this; nothing when this is not later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_between_is_never_less_than_nothing() {
        let (early, late) =
            (Moment::at(Duration::from_secs(1)), Moment::at(Duration::from_secs(3)));
        assert_eq!(late.since(early), Duration::from_secs(2));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(early + Duration::from_secs(2), late);
    }

    #[test]
    fn no_duration_is_too_long_to_add() {
        let late = Moment::at(Duration::from_secs(1)) + Duration::MAX;
        assert!(late + Duration::MAX >= late);
    }
}
