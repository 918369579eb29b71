//! What every function does around its work.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;

use crate::fault::{Code, EtcdResult, Fault, Known};
use crate::handle::{self, Handle};
use crate::session::Session;
use crate::watching::Watching;
use crate::{last, signals};

/// What a function returns when it failed.
pub(crate) trait OnFailure {
    fn on_failure(fault: &Fault) -> Self;
}

impl OnFailure for EtcdResult {
    fn on_failure(fault: &Fault) -> Self {
        fault.result()
    }
}

impl<T> OnFailure for *mut T {
    fn on_failure(_: &Fault) -> Self {
        null_mut()
    }
}

impl OnFailure for libc::c_int {
    fn on_failure(_: &Fault) -> Self {
        -1
    }
}

/// Works with a session.
pub(crate) fn with_session<T: OnFailure>(
    session: Handle,
    work: impl FnOnce(&Session) -> Result<T, Fault>,
) -> T {
    guarded(session, || work(&*handle::session(session)?))
}

/// Works with a watcher; how that ends is remembered for its session.
pub(crate) fn with_watching<T: OnFailure>(
    watcher: Handle,
    work: impl FnOnce(&Watching) -> Result<T, Fault>,
) -> T {
    let watching = handle::watching(watcher);
    let session = watching.as_ref().map_or(null_mut(), |watching| watching.session());
    guarded(session, || work(&*watching?))
}

/// Works without anything that goes out of this library: no panic, no signal, no change of `errno`. How it
/// ended is remembered for the session, or for none.
pub(crate) fn guarded<T: OnFailure>(session: Handle, work: impl FnOnce() -> Result<T, Fault>) -> T {
    signals::undisturbed(|| {
        let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(internal()));
        last::remember(session, done.as_ref().err());
        done.unwrap_or_else(|fault| T::on_failure(&fault))
    })
}

/// Works where there is nothing to return.
pub(crate) fn quietly(work: impl FnOnce()) {
    signals::undisturbed(|| {
        // Whatever was to be closed is out of the table by then.
        let _ = catch_unwind(AssertUnwindSafe(work));
    });
}

fn internal() -> Fault {
    let text = "a fault of this library, which should be reported";
    Fault { outcome: Known::Unknown, ..Fault::new(Code::Internal, text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr::without_provenance_mut;

    #[test]
    fn a_panic_is_a_result() {
        let session = without_provenance_mut(9);
        let result: EtcdResult = guarded(session, || panic!("on purpose"));
        assert_eq!(result, EtcdResult::Wtf);
        let result: *mut u8 = guarded(session, || panic!("on purpose"));
        assert!(result.is_null());
        quietly(|| panic!("on purpose"));
    }
}
