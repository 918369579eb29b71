//! How much of a reply has come, as seen by those who wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many bytes more, and a reply is on its way: fewer may be dripped to hold a call up.
const STRIDE: usize = 16 << 10;

/// Counts the bytes of a reply; clones share the count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    came: Arc<AtomicUsize>,
}

impl Progress {
    /// More bytes came.
    pub(crate) fn add(&self, bytes: usize) {
        self.came.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether enough has come since this last said so.
    pub(crate) fn is_made(&self) -> bool {
        let made = self.came.load(Ordering::Relaxed) >= STRIDE;
        if made {
            self.came.store(0, Ordering::Relaxed);
        }
        made
    }
}
