//! The cluster that may answer.

use std::sync::atomic::{AtomicU64, Ordering};

use etcd_proto::ids::ClusterId;

use crate::config::Cluster;
use crate::error::Cause;

/// The cluster that may answer, once it is known.
#[derive(Debug)]
pub(crate) struct Pin {
    any: bool,
    /// Zero, which no cluster has, while it is not known.
    id: AtomicU64,
}

impl Pin {
    pub(crate) fn new(cluster: Cluster) -> Self {
        let id = match cluster {
            Cluster::Known(id) => id.0,
            Cluster::First | Cluster::Any => 0,
        };
        Self { any: cluster == Cluster::Any, id: id.into() }
    }

    /// Why a reply of this cluster may not be believed; nothing where it may.
    pub(crate) fn mismatch(&self, found: ClusterId) -> Option<Cause> {
        if self.any {
            return None;
        }
        let expected = match self.id.load(Ordering::Relaxed) {
            0 => self.first(found.0),
            known => known,
        };
        let expected = ClusterId(expected);
        (expected != found).then_some(Cause::AnotherCluster { expected, found })
    }

    /// The cluster of the first reply, of those that may come at the same time.
    fn first(&self, found: u64) -> u64 {
        let set = self.id.compare_exchange(0, found, Ordering::Relaxed, Ordering::Relaxed);
        set.map_or_else(|known| known, |_| found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_held_to_unless_another_is_named_or_any_will_do() {
        let (a, b) = (ClusterId(1), ClusterId(2));
        let first = Pin::new(Cluster::First);
        assert_eq!([a, a].map(|id| first.mismatch(id)), [None, None]);
        let cause = Cause::AnotherCluster { expected: a, found: b };
        assert_eq!([b, a].map(|id| first.mismatch(id)), [Some(cause.clone()), None]);
        let known = Pin::new(Cluster::Known(a));
        assert_eq!([b, a].map(|id| known.mismatch(id)), [Some(cause), None]);
        let any = Pin::new(Cluster::Any);
        assert_eq!([a, b].map(|id| any.mismatch(id)), [None, None]);
    }
}
