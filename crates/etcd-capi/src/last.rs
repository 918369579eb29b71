//! How the last call of a thread ended, by session.

use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::ptr::null;

use crate::fault::{Code, Fault, Known};
use crate::handle::Handle;

/// A thread remembers the errors of so many sessions.
const SESSIONS: usize = 16;

/// An error, as the header has it.
#[repr(C)]
#[derive(Debug)]
pub struct EtcdError {
    code: Code,
    outcome: Known,
    text: *const c_char,
}

/// SAFETY: what it points to lives as long as the program, and is not written to.
unsafe impl Sync for EtcdError {}

static NONE: EtcdError =
    EtcdError { code: Code::None, outcome: Known::NotApplied, text: c"no error".as_ptr() };

#[derive(Debug)]
struct Remembered {
    session: usize,
    error: EtcdError,
    _text: CString,
}

thread_local! {
    /// The newest last. Boxed: C holds addresses of them.
    #[allow(clippy::vec_box, reason = "their addresses must not change")]
    static LAST: RefCell<Vec<Box<Remembered>>> = const { RefCell::new(Vec::new()) };
}

/// Remembers how a call ended.
pub(crate) fn remember(session: Handle, fault: Option<&Fault>) {
    // A thread that ends may have none any more.
    let _ = LAST.try_with(|last| {
        let mut last = last.borrow_mut();
        last.retain(|remembered| remembered.session != session.addr());
        if let Some(fault) = fault {
            if last.len() == SESSIONS {
                last.remove(0);
            }
            last.push(Box::new(remembered(session.addr(), fault)));
        }
    });
}

fn remembered(session: usize, fault: &Fault) -> Remembered {
    let text = CString::new(fault.text.replace('\0', "\\0")).unwrap_or_default();
    let error = EtcdError { code: fault.code, outcome: fault.outcome, text: text.as_ptr() };
    Remembered { session, error, _text: text }
}

fn last(session: Handle) -> *const EtcdError {
    let found = LAST.try_with(|last| {
        let last = last.borrow();
        let found = last.iter().find(|remembered| remembered.session == session.addr());
        found.map_or(null(), |remembered| &raw const remembered.error)
    });
    found.ok().filter(|found| !found.is_null()).unwrap_or(&raw const NONE)
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn etcd_last_error(session: Handle) -> *const EtcdError {
    last(session)
}

#[cfg(test)]
mod tests {
    use std::ptr::without_provenance_mut as handle;

    use super::*;

    fn code(session: usize) -> Code {
        // SAFETY: it is never NULL, and valid until the next call of this thread.
        unsafe { (*last(handle(session))).code }
    }

    #[test]
    fn each_session_has_its_own_and_success_clears_it() {
        remember(handle(1), Some(&Fault::closed()));
        remember(handle(2), Some(&Fault::invalid("x\0y")));
        assert_eq!((code(1), code(2), code(3)), (Code::Closed, Code::InvalidInput, Code::None));
        remember(handle(1), None);
        assert_eq!((code(1), code(2)), (Code::None, Code::InvalidInput));
        assert_eq!(std::thread::spawn(|| code(2)).join().expect("no panic"), Code::None);
    }

    #[test]
    fn no_more_than_so_many_are_kept() {
        for session in 1..100 {
            remember(handle(session), Some(&Fault::closed()));
        }
        assert_eq!((code(1), code(99)), (Code::None, Code::Closed));
        assert_eq!(LAST.with(|last| last.borrow().len()), SESSIONS);
    }
}
