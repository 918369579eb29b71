//! The calls of the old library, as they were declared there.

use std::ffi::{c_char, c_int, c_uint};

use etcd_client::ErrorKind;
use etcd_client::blocking;
use etcd_client::session::{Change, ChangeKind, SetOptions};

use crate::call::with_session;
use crate::fault::{EtcdResult, Fault};
use crate::handle::Handle;
use crate::{input, output};

/// See the header.
///
/// # Safety
///
/// The key has to be a text, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_get(session: Handle, key: *mut c_char) -> *mut c_char {
    with_session(session, |session| {
        // SAFETY: the caller promises a text.
        let (key, session) = (unsafe { input::key(key) }?, session.opened()?);
        match session.get(key) {
            Ok(entry) => output::string("value", &entry.value),
            Err(error) if *error.kind() == ErrorKind::IsDirectory => {
                output::string("listing", &children(session, key)?)
            }
            Err(error) => Err(error.into()),
        }
    })
}

/// The keys of a directory's children, one a line.
fn children(session: &blocking::Session, key: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut lines = Vec::new();
    for child in session.list(key)? {
        lines.extend(child.key.as_bytes());
        lines.push(b'\n');
    }
    Ok(lines)
}

/// See the header.
///
/// # Safety
///
/// Key, value and condition have to be texts, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_set(
    session: Handle,
    key: *mut c_char,
    value: *mut c_char,
    precond: *mut c_char,
    ttl: c_uint,
) -> EtcdResult {
    with_session(session, |session| {
        // SAFETY: the caller promises texts.
        let (key, value, previous) = unsafe {
            let value = input::needed_bytes("value", value, usize::MAX);
            (input::key(key)?, value?, input::bytes("precond", precond, usize::MAX)?)
        };
        let mut options = SetOptions::new().ttl(input::ttl_or_none(ttl.into()));
        if let Some(previous) = previous {
            options = options.previous(previous.to_vec());
        }
        session.opened()?.set_with(key, value, &options)?;
        Ok(EtcdResult::Ok)
    })
}

/// See the header.
///
/// # Safety
///
/// The key has to be a text, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_delete(session: Handle, key: *mut c_char) -> EtcdResult {
    with_session(session, |session| {
        // SAFETY: the caller promises a text.
        session.opened()?.delete(unsafe { input::key(key) }?)?;
        Ok(EtcdResult::Ok)
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn etcd_leader(session: Handle) -> *mut c_char {
    with_session(session, |session| {
        let leader = session.opened()?.leader()?;
        let place = leader.client_urls.first().unwrap_or(&leader.name);
        output::string("leader's name", place.as_bytes())
    })
}

/// See the header.
///
/// # Safety
///
/// The prefix has to be a text or NULL, and the others valid or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch(
    session: Handle,
    pfx: *mut c_char,
    keyp: *mut *mut c_char,
    valuep: *mut *mut c_char,
    index_in: *mut c_int,
    index_out: *mut c_int,
) -> EtcdResult {
    // SAFETY: the caller promises places.
    unsafe {
        output::clear(keyp);
        output::clear(valuep);
    }
    with_session(session, |session| {
        // SAFETY: the caller promises a text and an index.
        let (prefix, from) =
            unsafe { (input::needed_bytes("prefix", pfx, usize::MAX)?, input::number(index_in)) };
        let from = from.map(first_index).transpose()?;
        session.next_change(prefix, from.filter(|from| *from > 0), |change| {
            let index = int(change.index)?;
            let (key, value) = strings(change)?;
            // SAFETY: the caller promises that they can be written; what has no place is freed.
            unsafe {
                output::put(index_out, index);
                give(keyp, key);
                give(valuep, value);
            }
            Ok(())
        })?;
        Ok(EtcdResult::Ok)
    })
}

fn first_index(index: c_int) -> Result<u64, Fault> {
    u64::try_from(index)
        .map_err(|_| Fault::invalid(format!("no change has the index {index}; give 0 or more")))
}

fn int(index: u64) -> Result<c_int, Fault> {
    c_int::try_from(index).map_err(|_| {
        Fault::does_not_fit(format!(
            "the index {index} is larger than an int; take etcd_watch_start()"
        ))
    })
}

/// The key and the value of a change. A directory that was made has no value, but is not deleted.
fn strings(change: &Change) -> Result<(*mut c_char, *mut c_char), Fault> {
    let value = match (&change.value, change.kind) {
        (Some(value), _) => output::string("value", value)?,
        (None, ChangeKind::Set) => output::copied(b"")?,
        (None, _) => std::ptr::null_mut(),
    };
    match output::string("key", change.key.as_bytes()) {
        Ok(key) => Ok((key, value)),
        Err(fault) => {
            // SAFETY: it is ours, and nobody has it.
            unsafe { output::free(value) };
            Err(fault)
        }
    }
}

/// Gives a string, or frees it where there is no place for it.
///
/// # Safety
///
/// The place has to be writable, or NULL; the string of `malloc`, or NULL.
unsafe fn give(to: *mut *mut c_char, string: *mut c_char) {
    // SAFETY: the caller promises the same.
    unsafe {
        match to.is_null() {
            true => output::free(string),
            false => output::put(to, string),
        }
    }
}

/// See the header.
///
/// # Safety
///
/// Key and index have to be texts or NULL, and the place writable or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_lock(
    session: Handle,
    key: *mut c_char,
    ttl: c_uint,
    index_in: *mut c_char,
    index_out: *mut *mut c_char,
) -> EtcdResult {
    with_session(session, |session| {
        // SAFETY: the caller promises texts.
        let (key, held) = unsafe { (input::key(key)?, renewed(index_in)?) };
        // It may be the same place as index_in points from, which is read by now.
        let ttl = input::ttl(ttl.into())?;
        if held.is_none() && index_out.is_null() {
            return Err(Fault::invalid("index_out is NULL: nobody could unlock what was locked"));
        }
        let session = session.opened()?;
        let ticket = match held {
            Some(index) => session.renew(key, index, ttl)?,
            None => session.lock(key, ttl)?,
        };
        let text = output::string("index", ticket.index.to_string().as_bytes())?;
        // SAFETY: the caller promises that it can be written.
        unsafe { give(index_out, text) };
        Ok(EtcdResult::Ok)
    })
}

/// The index of a lock that is to be renewed; nothing where one is to be taken.
///
/// # Safety
///
/// It has to be a text, or NULL.
unsafe fn renewed(index_in: *mut c_char) -> Result<Option<u64>, Fault> {
    if index_in.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller promises a text.
    unsafe { input::text("index", index_in, usize::MAX) }.and_then(input::index).map(Some)
}

/// See the header.
///
/// # Safety
///
/// Key and index have to be texts, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_unlock(
    session: Handle,
    key: *mut c_char,
    index: *mut c_char,
) -> EtcdResult {
    with_session(session, |session| {
        // SAFETY: the caller promises texts.
        let (key, index) = unsafe { (input::key(key)?, input::text("index", index, usize::MAX)?) };
        session.opened()?.unlock(key, input::index(index)?)?;
        Ok(EtcdResult::Ok)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Code;

    #[test]
    fn an_index_that_is_too_large_is_an_error_and_no_other_number() {
        assert_eq!(int(2_147_483_647), Ok(c_int::MAX));
        for index in [2_147_483_648, u64::MAX] {
            assert_eq!(int(index).map_err(|fault| fault.code), Err(Code::DoesNotFit));
        }
        assert!(first_index(-1).is_err() && first_index(0).is_ok());
    }
}
