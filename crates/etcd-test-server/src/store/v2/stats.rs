//! How often what was asked of a tree, and how it ended.

use super::error::Error;
use super::event::Event;
use super::operation::Operation;

/// How often something was done, and how often it was refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How often it was done.
    pub success: u64,
    /// How often it was refused.
    pub fail: u64,
}

/// How often what was asked of a tree, and how it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Reads.
    pub gets: Count,
    /// Writes without a condition.
    pub sets: Count,
    /// Removals without a condition.
    pub deletes: Count,
    /// Writes of what had to be there.
    pub updates: Count,
    /// Writes of what was not to be there, in order too.
    pub creates: Count,
    /// Writes on condition of a value or an index.
    pub swaps: Count,
    /// Removals on condition of a value or an index.
    pub compare_deletes: Count,
    /// How many nodes went when their time to live was over.
    pub expired: u64,
}

impl Count {
    /// Counts once.
    pub fn add(&mut self, is_done: bool) {
        let count = if is_done { &mut self.success } else { &mut self.fail };
        *count += 1;
    }
}

impl Stats {
    pub(super) fn add(&mut self, operation: &Operation, done: &Result<Event, Error>) {
        let is_done =
            done.as_ref().map_or_else(|error| is_taken_for_done(operation, error), |_| true);
        let count = match operation {
            Operation::Get { .. } => &mut self.gets,
            Operation::Set(_) => &mut self.sets,
            Operation::Create(_) | Operation::CreateInOrder(_) => &mut self.creates,
            Operation::Update(_) => &mut self.updates,
            Operation::CompareAndSwap(..) => &mut self.swaps,
            Operation::Delete { .. } => &mut self.deletes,
            Operation::CompareAndDelete(_) => &mut self.compare_deletes,
        };
        count.add(is_done);
        let creates = matches!(operation, Operation::Create(_) | Operation::CreateInOrder(_));
        if creates && done.as_ref().is_err_and(|error| error.code == 104) {
            // etcd counts a path through a file twice.
            self.sets.add(false);
        }
    }
}

/// What etcd refuses and yet counts as done: it forgets some refusals before it counts.
fn is_taken_for_done(operation: &Operation, error: &Error) -> bool {
    match operation {
        Operation::Update(_) | Operation::Delete { .. } if error.code == 107 => true,
        Operation::Update(_) => error.code == 102,
        Operation::CompareAndSwap(..) => error.code == 107,
        Operation::CompareAndDelete(_) => matches!(error.code, 101 | 102 | 107),
        _ => false,
    }
}
