//! Kills and pauses members, one after another, while a scenario goes on.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::members::Cluster;

/// What is done to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SIGKILL, and started again on its data.
    Kill,
    /// SIGSTOP, and SIGCONT.
    Pause,
}

/// How members are to suffer; the same seed means the same faults.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the choices are drawn from.
    pub seed: u64,
    /// After so many the members are left in peace.
    pub most: usize,
    /// How long a member is down or frozen.
    pub lasts: Range<Duration>,
    /// How long all members are well between two faults.
    pub between: Range<Duration>,
}

/// A fault that a member has come back from.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Which member, in the order of the cluster.
    pub member: usize,
    /// Whether it led when it was struck.
    pub led: bool,
    /// What was done to it.
    pub kind: Kind,
    /// When.
    pub began: Instant,
    /// Until it was up again.
    pub ended: Instant,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { member, kind, led, .. } = self;
        let role = if *led { ", leading" } else { "" };
        write!(f, "{kind:?} m{}{role} {:?}", member + 1, self.ended - self.began)
    }
}

/// A cluster that is well again, and what it went through.
pub type Ended = (Cluster, Vec<Fault>);

/// Faults that go on in the background.
#[derive(Debug)]
pub struct Faults {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<io::Result<Ended>>>,
}

impl Faults {
    /// Begins with a pause between faults.
    pub fn start(cluster: Cluster, plan: Plan) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut cluster = cluster;
            let mut dice = Dice(plan.seed);
            let mut faults = Vec::new();
            while faults.len() < plan.most {
                match stopped.recv_timeout(dice.between(&plan.between)) {
                    Err(RecvTimeoutError::Timeout) => {
                        faults.push(strike(&mut cluster, &plan, &mut dice)?);
                    }
                    _ => break,
                }
            }
            cluster.wait_healthy()?;
            Ok((cluster, faults))
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }

    /// Ends the faults, and waits until all members are healthy.
    ///
    /// # Errors
    ///
    /// When a member could not be struck or did not come back.
    pub fn stop(mut self) -> io::Result<Ended> {
        self.end().unwrap_or_else(|| Err(io::Error::other("the faults had ended")))
    }

    fn end(&mut self) -> Option<io::Result<Ended>> {
        drop(self.stop.take());
        let panicked = |_| Err(io::Error::other("the thread of the faults panicked"));
        Some(self.thread.take()?.join().unwrap_or_else(panicked))
    }
}

/// A scenario that fails must not leave members behind.
impl Drop for Faults {
    fn drop(&mut self) {
        drop(self.end());
    }
}

fn strike(cluster: &mut Cluster, plan: &Plan, dice: &mut Dice) -> io::Result<Fault> {
    let member = dice.below(cluster.members().len());
    let kind = if dice.below(2) == 0 { Kind::Kill } else { Kind::Pause };
    let led = cluster.leader() == Some(member);
    let began = Instant::now();
    match kind {
        Kind::Kill => {
            cluster.kill(member)?;
            thread::sleep(dice.between(&plan.lasts));
            cluster.start_again(member)?;
        }
        Kind::Pause => {
            cluster.pause(member)?;
            thread::sleep(dice.between(&plan.lasts));
            cluster.resume(member)?;
        }
    }
    cluster.wait_healthy()?;
    Ok(Fault { member, led, kind, began, ended: Instant::now() })
}

/// SplitMix64: what a seed gives is the same on every machine.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn between(&mut self, range: &Range<Duration>) -> Duration {
        let span = range.end.saturating_sub(range.start).as_micros() as u64;
        range.start + Duration::from_micros(self.next() % span.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_means_the_same_faults() {
        let mut dice = Dice(1);
        assert_eq!(dice.next(), 0x910a_2dec_8902_5cc1);
        let range = Duration::from_millis(10)..Duration::from_millis(20);
        assert!((0..1000).all(|_| range.contains(&dice.between(&range)) && dice.below(3) < 3));
    }
}
