//! What `fork()` leaves behind: in the child, what the parent opened is of no use.

use std::cell::RefCell;
use std::sync::MutexGuard;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::fault::{Code, Fault};
use crate::handle::{Table, table};

/// How many forks lie between this process and the one that loaded the library.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// In which process something was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Born(u32);

impl Born {
    pub(crate) fn here() -> Self {
        Self(FORKS.load(Ordering::SeqCst))
    }

    pub(crate) fn is_here(self) -> bool {
        self == Self::here()
    }

    /// Nothing that the parent opened may be touched: the two would write to the same connections.
    pub(crate) fn check(self) -> Result<(), Fault> {
        match self.is_here() {
            true => Ok(()),
            false => Err(Fault::new(
                Code::Forked,
                "this was opened before fork(); open another in the child",
            )),
        }
    }
}

thread_local! {
    /// The table of handles, while this thread forks: the child must not find it locked by a thread that it
    /// has not.
    static HELD: RefCell<Option<MutexGuard<'static, Table>>> = const { RefCell::new(None) };
}

/// Sees to it that forks are noticed.
pub(crate) fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the functions are there as long as the library, which takes them back when it is unloaded.
        unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    });
}

extern "C" fn before() {
    let _ = HELD.try_with(|held| *held.borrow_mut() = Some(table()));
}

extern "C" fn in_parent() {
    let _ = HELD.try_with(|held| drop(held.borrow_mut().take()));
}

extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::SeqCst);
    in_parent();
}
