//! Where in a stream of bytes a connection is to end.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Cut, Way};

/// Ends one connection at a certain byte: the first that gets there after the fuse is set.
///
/// Bytes of a connection count from when the fuse is set, or from its beginning when it is younger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fuse {
    /// The direction whose bytes count.
    pub way: Way,
    /// So many bytes are carried still …
    pub carried: u64,
    /// … and so many after them are taken and go nowhere; at least the one that burns the fuse.
    pub swallowed: u64,
    /// How the connection ends then.
    pub how: Cut,
}

impl Fuse {
    /// Of replies so many bytes reach the client; the connection ends when there is one more.
    ///
    /// With 0 the server has answered, and the client never hears of it.
    pub fn in_reply(carried: u64, how: Cut) -> Self {
        Self { way: Way::ToClient, carried, swallowed: 1, how }
    }

    /// So many bytes of a request are taken, none is carried, and the connection is reset.
    ///
    /// The client has sent them, and the server never hears of it.
    pub fn before_request(swallowed: u64) -> Self {
        Self { way: Way::ToServer, carried: 0, swallowed, how: Cut::Reset }
    }
}

/// The place where a fuse is set, which all connections look at.
#[derive(Debug, Default)]
pub(super) struct Holder(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    fuse: Option<Fuse>,
    /// Tells one fuse from the next.
    number: u64,
}

impl Holder {
    pub(super) fn set(&self, fuse: Fuse) {
        let mut held = self.held();
        held.fuse = Some(fuse);
        held.number += 1;
    }

    /// Takes out what is set, so that it burns nowhere.
    pub(super) fn clear(&self) {
        self.held().fuse = None;
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One direction of one connection, as far as it counts for the fuse that is set.
#[derive(Debug)]
pub(super) struct Counter {
    way: Way,
    number: u64,
    counted: u64,
}

/// What is to be done with bytes that have come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All are carried.
    Carry,
    /// So many are carried, and the connection ends when so many more have been taken.
    Burn { carried: usize, swallowed: u64, how: Cut },
}

impl Counter {
    pub(super) fn new(way: Way) -> Self {
        Self { way, number: 0, counted: 0 }
    }

    /// Counts bytes; where they reach the fuse, this connection is the one that burns it.
    pub(super) fn count(&mut self, length: usize, holder: &Holder) -> Verdict {
        let mut held = holder.held();
        if self.number != held.number {
            (self.number, self.counted) = (held.number, 0);
        }
        let (way, counted) = (self.way, self.counted);
        let left = |fuse: &Fuse| fuse.carried.saturating_sub(counted);
        let burns = |fuse: &mut Fuse| fuse.way == way && left(fuse) < length as u64;
        match held.fuse.take_if(burns) {
            None => {
                self.counted += length as u64;
                Verdict::Carry
            }
            Some(fuse) => Verdict::Burn {
                carried: left(&fuse) as usize,
                swallowed: fuse.swallowed.max(1),
                how: fuse.how,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_to_get_there_burns_the_fuse() {
        let holder = Holder::default();
        let [mut asked, mut slow, mut fast] =
            [Way::ToServer, Way::ToClient, Way::ToClient].map(Counter::new);
        assert_eq!(fast.count(1000, &holder), Verdict::Carry);
        holder.set(Fuse::in_reply(10, Cut::Finish));
        assert_eq!(asked.count(1000, &holder), Verdict::Carry, "the other direction");
        assert_eq!(slow.count(9, &holder), Verdict::Carry);
        assert_eq!(fast.count(10, &holder), Verdict::Carry, "ten are carried");
        let burnt = Verdict::Burn { carried: 0, swallowed: 1, how: Cut::Finish };
        assert_eq!(fast.count(1, &holder), burnt);
        assert_eq!(slow.count(9, &holder), Verdict::Carry, "it burns once");
    }

    #[test]
    fn each_fuse_counts_anew() {
        let holder = Holder::default();
        let mut counter = Counter::new(Way::ToServer);
        holder.set(Fuse::before_request(5));
        holder.clear();
        assert_eq!(counter.count(100, &holder), Verdict::Carry);
        let fuse = Fuse { way: Way::ToServer, carried: 100, swallowed: 0, how: Cut::Reset };
        holder.set(fuse);
        assert_eq!(counter.count(60, &holder), Verdict::Carry);
        let burnt = Verdict::Burn { carried: 40, swallowed: 1, how: Cut::Reset };
        assert_eq!(counter.count(60, &holder), burnt);
    }
}
