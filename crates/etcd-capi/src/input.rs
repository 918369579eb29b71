//! What C passes in.

use std::ffi::{CStr, c_char};
use std::time::Duration;

use etcd_client::Ttl;

use crate::fault::Fault;

/// `ETCD_TEXT`.
const TEXT: usize = usize::MAX;

/// The bytes at an address; nothing at NULL.
///
/// # Safety
///
/// There have to be so many, or a NUL byte behind them where the length says that it is a text.
pub(crate) unsafe fn bytes<'a>(
    what: &str,
    start: *const c_char,
    length: usize,
) -> Result<Option<&'a [u8]>, Fault> {
    if start.is_null() {
        return Ok(None);
    }
    if length == TEXT {
        // SAFETY: the caller promises a NUL byte.
        return Ok(Some(unsafe { CStr::from_ptr(start) }.to_bytes()));
    }
    if isize::try_from(length).is_err() {
        return Err(Fault::invalid(format!(
            "the length of the {what} is {length}: nothing is so long"
        )));
    }
    // SAFETY: the caller promises so many.
    Ok(Some(unsafe { std::slice::from_raw_parts(start.cast(), length) }))
}

/// Bytes that have to be there.
///
/// # Safety
///
/// As for [`bytes`].
pub(crate) unsafe fn needed_bytes<'a>(
    what: &str,
    start: *const c_char,
    length: usize,
) -> Result<&'a [u8], Fault> {
    // SAFETY: the caller promises the same.
    unsafe { bytes(what, start, length) }?
        .ok_or_else(|| Fault::invalid(format!("the {what} is NULL")))
}

/// UTF-8 that has to be there.
///
/// # Safety
///
/// As for [`bytes`].
pub(crate) unsafe fn text<'a>(
    what: &str,
    start: *const c_char,
    length: usize,
) -> Result<&'a str, Fault> {
    // SAFETY: the caller promises the same.
    let bytes = unsafe { needed_bytes(what, start, length) }?;
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        Fault::invalid(format!("the {what} is not UTF-8 from byte {at} on"))
    })
}

/// A key that ends with a NUL byte.
///
/// # Safety
///
/// As for [`bytes`].
pub(crate) unsafe fn key<'a>(start: *const c_char) -> Result<&'a [u8], Fault> {
    // SAFETY: the caller promises the same.
    unsafe { needed_bytes("key", start, TEXT) }
}

/// The number that an address holds; nothing at NULL.
///
/// # Safety
///
/// There has to be one.
pub(crate) unsafe fn number(start: *const libc::c_int) -> Option<libc::c_int> {
    // SAFETY: the caller promises one.
    (!start.is_null()).then(|| unsafe { start.read_unaligned() })
}

/// A time to live that may be without end.
pub(crate) fn ttl_or_none(seconds: u64) -> Option<Ttl> {
    Ttl::from_seconds(seconds)
}

/// A time to live that has an end.
pub(crate) fn ttl(seconds: u64) -> Result<Ttl, Fault> {
    Ttl::from_seconds(seconds)
        .ok_or_else(|| Fault::invalid("a lock needs a time to live of a second or more"))
}

/// How long to wait; nothing is without end.
pub(crate) fn wait(milliseconds: libc::c_int) -> Result<Option<Duration>, Fault> {
    match u64::try_from(milliseconds) {
        Ok(milliseconds) => Ok(Some(Duration::from_millis(milliseconds))),
        Err(_) if milliseconds == -1 => Ok(None),
        Err(_) => Err(Fault::invalid(format!(
            "{milliseconds} ms cannot be waited; give 0 or more, or ETCD_FOREVER"
        ))),
    }
}

/// The index of a lock, as text.
pub(crate) fn index(text: &str) -> Result<u64, Fault> {
    text.parse().map_err(|_| {
        Fault::invalid(format!(
            "{text:?} is no index of a lock; give the text that etcd_lock() gave"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_passed_is_read_or_named() {
        let read = |start: &[u8], length| {
            // SAFETY: each has a NUL byte or so many bytes.
            unsafe { text("index", start.as_ptr().cast(), length) }.map(str::to_owned)
        };
        assert_eq!(read(b"abc\0", TEXT).as_deref(), Ok("abc"));
        assert_eq!(read(b"a\0b", 3).as_deref(), Ok("a\0b"));
        assert_eq!(read(b"", 0).as_deref(), Ok(""));
        let text_of = |read: Result<String, Fault>| read.map_err(|fault| fault.text);
        assert_eq!(
            text_of(read(b"a\xff\0", TEXT)),
            Err("the index is not UTF-8 from byte 1 on".into())
        );
        let far = text_of(read(b"a", usize::MAX - 1)).unwrap_err();
        assert!(far.contains("nothing is so long"), "{far}");
        // SAFETY: nothing is read at NULL.
        let none = unsafe { key(std::ptr::null()) };
        assert_eq!(none.unwrap_err().text, "the key is NULL");
    }

    #[test]
    fn times_are_checked() {
        assert_eq!(wait(-1), Ok(None));
        assert_eq!(wait(0), Ok(Some(Duration::ZERO)));
        assert!(wait(-2).is_err() && ttl(0).is_err() && ttl_or_none(0).is_none());
        assert!(index("12").is_ok() && index("").is_err() && index("-1").is_err());
    }
}
