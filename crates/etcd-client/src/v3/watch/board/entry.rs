//! One watch on the board, and where it is.

use std::time::Instant;

use etcd_transport::backoff::Backoff;

use super::Watch;

/// A watch that is had.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) watch: Watch,
    pub(super) place: Place,
    /// Since when no member has it that should.
    pub(super) homeless: Instant,
    /// How often in a row a server refused it.
    pub(super) refusals: u32,
    pub(super) pauses: Backoff,
}

/// Where a watch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On no member.
    Nowhere,
    /// Asked for.
    Asked,
    /// Known by this id on the stream.
    On(i64),
    /// To be asked for again, when it is time: the server would not keep it.
    Resting(Instant),
    /// Let go of until there is room.
    Lagging,
}

/// How many watches are where.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) nowhere: usize,
    pub(super) asked: usize,
    pub(super) resting: usize,
}

impl Entry {
    pub(super) fn moves(&mut self, place: Place, counts: &mut Counts) {
        counts.of(self.place, |count| *count -= 1);
        self.place = place;
        counts.of(place, |count| *count += 1);
    }
}

impl Counts {
    fn of(&mut self, place: Place, change: impl FnOnce(&mut usize)) {
        match place {
            Place::Nowhere => change(&mut self.nowhere),
            Place::Asked => change(&mut self.asked),
            Place::Resting(_) => change(&mut self.resting),
            Place::On(_) | Place::Lagging => {}
        }
    }
}
