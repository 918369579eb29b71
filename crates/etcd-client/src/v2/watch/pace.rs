//! Whether a watch asks again at once. Pure.

use std::time::Duration;

use super::machine::Answer;

/// A poll that ends sooner, and brings nothing, was not a wait for a change.
const AT_ONCE: Duration = Duration::from_millis(100);

/// What kind of answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    Listing,
    Event,
    Quiet,
    Cleared,
}

impl Heard {
    pub(super) fn of(answer: &Answer) -> Self {
        match answer {
            Answer::Listed { .. } => Self::Listing,
            Answer::Event(_) => Self::Event,
            Answer::Quiet { .. } => Self::Quiet,
            Answer::Cleared => Self::Cleared,
        }
    }
}

/// How to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// At once, and the next pause is short again.
    Reset,
    /// At once.
    GoOn,
    /// After a pause, which grows from one to the next.
    Pause,
}

/// How to go on after an answer that took so long, and that did or did not move the watch on.
pub(super) fn pace(heard: Heard, moved: bool, took: Duration) -> Pace {
    match heard {
        // History may run away from listings as fast as they are made.
        Heard::Cleared => Pace::Pause,
        Heard::Listing => Pace::GoOn,
        Heard::Event if moved => Pace::Reset,
        // Whoever answers polls at once with nothing that helps would be asked without end.
        Heard::Event | Heard::Quiet if took < AT_ONCE => Pace::Pause,
        Heard::Event | Heard::Quiet => Pace::Reset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_helps_nobody_is_not_asked_for_without_pause() {
        let (soon, late) = (Duration::from_millis(2), Duration::from_secs(10));
        let cases = [
            (Heard::Event, true, soon, Pace::Reset),
            (Heard::Event, false, soon, Pace::Pause),
            (Heard::Event, false, late, Pace::Reset),
            (Heard::Quiet, false, soon, Pace::Pause),
            // The store's index went on meanwhile; that may be thousands of times a second.
            (Heard::Quiet, true, soon, Pace::Pause),
            (Heard::Quiet, false, late, Pace::Reset),
            (Heard::Quiet, true, late, Pace::Reset),
            (Heard::Cleared, true, late, Pace::Pause),
            (Heard::Listing, true, soon, Pace::GoOn),
        ];
        for (heard, moved, took, expected) in cases {
            assert_eq!(pace(heard, moved, took), expected, "{heard:?} {moved} {took:?}");
        }
    }
}
