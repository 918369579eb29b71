//! How long to wait before trying again.

use std::time::Duration;

/// Pauses that double from `first` up to `most`, each shortened by up to a half at random.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    round: u32,
    random: u64,
}

impl Backoff {
    /// Pauses from `first` to `most`; `seed` decides how they are shortened.
    pub fn new(first: Duration, most: Duration, seed: u64) -> Self {
        Self { first, most, round: 0, random: seed }
    }

    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        let whole = self.first.saturating_mul(1 << self.round.min(16)).min(self.most);
        self.round = self.round.saturating_add(1);
        // splitmix64
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let share = ((mixed >> 40) & 0xffff) as u32;
        whole - whole / 2 * share / 0x1_0000
    }

    /// Starts over with the first pause.
    pub fn reset(&mut self) {
        self.round = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pauses_double_and_stay_within_bounds(seed: u64) {
            let (first, most) = (Duration::from_millis(50), Duration::from_secs(1));
            let mut backoff = Backoff::new(first, most, seed);
            for round in 0..40 {
                let whole = first.saturating_mul(1 << round.min(16)).min(most);
                let pause = backoff.pause();
                prop_assert!(pause <= whole && pause >= whole / 2, "{round}: {pause:?} of {whole:?}");
            }
            backoff.reset();
            prop_assert!(backoff.pause() <= first);
        }
    }
}
