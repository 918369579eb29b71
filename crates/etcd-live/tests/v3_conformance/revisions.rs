//! Requests with the revisions that a server has.

use etcd_client::v3::api::*;

use super::draw::{FAR, Step};

/// Where a sequence begins on a server.
#[derive(Clone, Copy)]
pub(crate) struct Base(pub(crate) i64);

impl Base {
    fn place(self, revision: &mut i64) {
        match *revision {
            0 => {}
            number if number.unsigned_abs() > FAR => {}
            number if number > 0 => *revision = self.0 + number - 1,
            // Below 1 it would stand for something else.
            number => *revision = (self.0 + number).max(1),
        }
    }

    /// A step as it is to be sent.
    pub(crate) fn placed(self, mut step: Step) -> Step {
        match &mut step {
            Step::Range(range) | Step::RangeStream(range) => self.range(range),
            Step::Txn(txn) => self.txn(txn),
            Step::Compact(compaction) => self.place(&mut compaction.revision),
            Step::Watch(watch) => self.place(&mut watch.start_revision),
            _ => {}
        }
        step
    }

    fn range(self, range: &mut RangeRequest) {
        for revision in [
            &mut range.revision,
            &mut range.min_mod_revision,
            &mut range.max_mod_revision,
            &mut range.min_create_revision,
            &mut range.max_create_revision,
        ] {
            self.place(revision);
        }
    }

    fn txn(self, txn: &mut TxnRequest) {
        for compare in &mut txn.compare {
            use TargetUnion::{CreateRevision, ModRevision};
            if let Some(CreateRevision(revision) | ModRevision(revision)) =
                &mut compare.target_union
            {
                self.place(revision);
            }
        }
        for operation in txn.success.iter_mut().chain(&mut txn.failure) {
            match &mut operation.request {
                Some(RequestUnion::Range(range)) => self.range(range),
                Some(RequestUnion::Txn(txn)) => self.txn(txn),
                _ => {}
            }
        }
    }
}
