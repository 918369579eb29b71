//! What C is given: memory of `malloc`, which `free` ends.

use std::ffi::c_char;
use std::ptr::null_mut;

use crate::fault::Fault;

/// Writes what is returned, where somewhere to write it was given.
///
/// # Safety
///
/// It has to be NULL or writable.
pub(crate) unsafe fn put<T>(to: *mut T, value: T) {
    if !to.is_null() {
        // SAFETY: the caller promises that it can be written.
        unsafe { to.write_unaligned(value) };
    }
}

/// A place for a string, which is NULL until there is one: nobody frees what was never given.
///
/// # Safety
///
/// It has to be NULL or writable.
pub(crate) unsafe fn clear<T>(to: *mut *mut T) {
    // SAFETY: the caller promises the same.
    unsafe { put(to, null_mut()) };
}

/// A copy with a NUL byte behind it.
pub(crate) fn copied(bytes: &[u8]) -> Result<*mut c_char, Fault> {
    // SAFETY: so much is asked for that the bytes and one more have room.
    unsafe {
        let start: *mut u8 = libc::malloc(bytes.len() + 1).cast();
        if start.is_null() {
            return Err(Fault::no_memory());
        }
        start.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        start.add(bytes.len()).write(0);
        Ok(start.cast())
    }
}

/// A copy of what has no NUL byte of its own.
pub(crate) fn string(what: &str, bytes: &[u8]) -> Result<*mut c_char, Fault> {
    match bytes.contains(&0) {
        true => Err(Fault::does_not_fit(format!(
            "the {what} holds a NUL byte; the functions that give lengths can read it"
        ))),
        false => copied(bytes),
    }
}

/// A string that may be NULL.
///
/// # Safety
///
/// It has to be NULL or of `malloc`, and not freed.
pub(crate) unsafe fn free(start: *mut c_char) {
    // SAFETY: the caller promises the same.
    unsafe { libc::free(start.cast()) };
}
