//! Random sequences of requests, played to two servers, whose replies have to be the same.

mod dice;

use std::fmt::{self, Debug, Display};
use std::time::{Duration, Instant};

pub use dice::Dice;

/// What is drawn where nothing else was asked for.
const SEED: u64 = 1;
/// How many sequences are played where nothing else was asked for.
const SEQUENCES: u64 = 500;

/// How much of a step and of a reply is shown, in characters.
const SHOWN: usize = 4000;

/// How much is to be tried.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// What everything is drawn from.
    pub seed: u64,
    /// How many sequences there are.
    pub sequences: u64,
}

impl Extent {
    /// As `CONFORMANCE_SEED` and `CONFORMANCE_SEQUENCES` have it, else 1 and 500.
    ///
    /// # Panics
    ///
    /// Where one of them is no number.
    pub fn from_environment() -> Self {
        let number = |name: &str, otherwise| match std::env::var(name) {
            Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text:?}")),
            Err(_) => otherwise,
        };
        let seed = number("CONFORMANCE_SEED", SEED);
        Self { seed, sequences: number("CONFORMANCE_SEQUENCES", SEQUENCES) }
    }
}

/// What was played.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// How many sequences.
    pub sequences: u64,
    /// How many steps they had.
    pub steps: usize,
    /// How long it took.
    pub took: Duration,
}

/// A sequence to which the servers answer differently.
#[derive(Debug)]
pub struct Difference<S> {
    /// Which sequence of the seed it is.
    pub sequence: u64,
    /// Its steps, without those that the difference does not need.
    pub steps: Vec<S>,
    /// Each reply of the first server that is not that of the second.
    pub replies: Vec<(String, String)>,
}

impl<S: Debug> Display for Difference<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "sequence {} is answered differently:", self.sequence)?;
        for step in &self.steps {
            writeln!(f, "  {:.SHOWN$}", format!("{step:?}"))?;
        }
        for (first, second) in &self.replies {
            writeln!(f, "the first: {first:.SHOWN$}\nthe other: {second:.SHOWN$}")?;
        }
        Ok(())
    }
}

/// What two servers answered to each step, in order.
pub type Replies = (Vec<String>, Vec<String>);

/// Plays sequences until one is answered differently.
///
/// `play` is given a number that no other sequence has, for keys of its own.
///
/// # Errors
///
/// The first sequence that is answered differently, made as short as it goes.
pub fn compare<S: Clone + Debug>(
    extent: Extent,
    draw: impl Fn(&mut Dice) -> Vec<S>,
    mut play: impl FnMut(u64, &[S]) -> Replies,
) -> Result<Figures, Difference<S>> {
    let began = Instant::now();
    let (mut played, mut count) = (0, 0);
    let mut differ = |steps: &[S]| {
        played += 1;
        differences(play(played, steps))
    };
    for sequence in 0..extent.sequences {
        let steps = draw(&mut Dice::new(extent.seed, sequence));
        count += steps.len();
        let replies = differ(&steps);
        if !replies.is_empty() {
            return Err(shrunk(Difference { sequence, steps, replies }, differ));
        }
    }
    Ok(Figures { sequences: extent.sequences, steps: count, took: began.elapsed() })
}

fn differences((first, second): Replies) -> Vec<(String, String)> {
    let missing = || std::iter::repeat(String::from("nothing"));
    let longest = first.len().max(second.len());
    let pairs = first.into_iter().chain(missing()).zip(second.into_iter().chain(missing()));
    pairs.take(longest).filter(|(one, other)| one != other).collect()
}

/// Leaves out every step without which there still is a difference.
fn shrunk<S: Clone>(
    mut found: Difference<S>,
    mut differ: impl FnMut(&[S]) -> Vec<(String, String)>,
) -> Difference<S> {
    let mut at = found.steps.len();
    while at > 0 {
        at -= 1;
        let mut fewer = found.steps.clone();
        fewer.remove(at);
        let replies = differ(&fewer);
        if !replies.is_empty() {
            found.steps = fewer;
            found.replies = replies;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENT: Extent = Extent { seed: 7, sequences: 1000 };

    fn draw(dice: &mut Dice) -> Vec<u64> {
        (0..8).map(|_| dice.below(10)).collect()
    }

    /// Answers with sums; the second server is wrong once it was told 3 and then 4.
    fn play(_: u64, steps: &[u64]) -> Replies {
        let (mut sum, mut replies, mut wrong, mut had_three) = (0, Vec::new(), Vec::new(), false);
        for step in steps {
            sum += step;
            let fault = u64::from(had_three && *step == 4);
            had_three |= *step == 3;
            replies.push(sum.to_string());
            wrong.push((sum + fault).to_string());
        }
        (replies, wrong)
    }

    #[test]
    fn a_fault_is_found_and_shown_with_no_step_too_many() {
        let found = compare(EXTENT, draw, play).expect_err("a fault");
        assert_eq!(found.steps, [3, 4]);
        assert_eq!(found.replies, [("7".to_owned(), "8".to_owned())]);
        let again = compare(EXTENT, draw, play).expect_err("a fault");
        assert_eq!(again.sequence, found.sequence, "a seed draws the same");
    }

    #[test]
    fn a_reply_too_many_is_a_difference() {
        let found = compare(EXTENT, draw, |_, _| (vec!["a".to_owned()], Vec::new()));
        let found = found.expect_err("a fault");
        assert_eq!(found.replies, [("a".to_owned(), "nothing".to_owned())]);
        assert!(found.steps.is_empty());
    }

    #[test]
    fn servers_that_agree_are_tried_to_the_end() {
        let same = |_: u64, steps: &[u64]| {
            let replies: Vec<_> = steps.iter().map(u64::to_string).collect();
            (replies.clone(), replies)
        };
        let figures = compare(EXTENT, draw, same).expect("no difference");
        assert_eq!((figures.sequences, figures.steps), (1000, 8000));
    }
}
