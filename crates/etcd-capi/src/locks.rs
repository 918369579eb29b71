//! Locks with 64-bit indexes and a limit to waiting.

use std::ffi::{c_char, c_int};
use std::time::Instant;

use etcd_client::ErrorKind;
use etcd_client::session::Ticket;

use crate::call::with_session;
use crate::fault::EtcdResult;
use crate::handle::Handle;
use crate::{input, output};

/// A lock that is held, as the header has it.
#[repr(C)]
#[derive(Debug)]
pub struct EtcdTicket {
    index: u64,
    ttl: u64,
    remaining_ms: i64,
}

impl From<Ticket> for EtcdTicket {
    fn from(ticket: Ticket) -> Self {
        let remaining = ticket.deadline.saturating_duration_since(Instant::now());
        Self {
            index: ticket.index,
            ttl: ticket.ttl.duration().as_secs(),
            remaining_ms: i64::try_from(remaining.as_millis()).unwrap_or(i64::MAX),
        }
    }
}

/// See the header.
///
/// # Safety
///
/// The key has to be there, and the place writable or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_lock_n(
    session: Handle,
    key: *const c_char,
    key_length: usize,
    ttl: u64,
    timeout_ms: c_int,
    ticket: *mut EtcdTicket,
) -> EtcdResult {
    with_session(session, |session| {
        // SAFETY: the caller promises a key.
        let key = unsafe { input::needed_bytes("key", key, key_length) }?;
        let (ttl, wait) = (input::ttl(ttl)?, input::wait(timeout_ms)?);
        if ticket.is_null() {
            let why = "the ticket is NULL: nobody could unlock what was locked";
            return Err(crate::fault::Fault::invalid(why));
        }
        match session.opened()?.lock_within(key, ttl, wait) {
            Ok(taken) => {
                // SAFETY: the caller promises a place.
                unsafe { output::put(ticket, taken.into()) };
                Ok(EtcdResult::Ok)
            }
            Err(error) if *error.kind() == ErrorKind::LockBusy => Ok(EtcdResult::NothingYet),
            Err(error) => Err(error.into()),
        }
    })
}

/// See the header.
///
/// # Safety
///
/// The key has to be there, and the place writable or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_renew(
    session: Handle,
    key: *const c_char,
    key_length: usize,
    index: u64,
    ttl: u64,
    ticket: *mut EtcdTicket,
) -> EtcdResult {
    with_session(session, |session| {
        // SAFETY: the caller promises a key.
        let key = unsafe { input::needed_bytes("key", key, key_length) }?;
        let renewed = session.opened()?.renew(key, index, input::ttl(ttl)?)?;
        // SAFETY: the caller promises a place.
        unsafe { output::put(ticket, renewed.into()) };
        Ok(EtcdResult::Ok)
    })
}

/// See the header.
///
/// # Safety
///
/// The key has to be there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_unlock_n(
    session: Handle,
    key: *const c_char,
    key_length: usize,
    index: u64,
) -> EtcdResult {
    with_session(session, |session| {
        // SAFETY: the caller promises a key.
        let key = unsafe { input::needed_bytes("key", key, key_length) }?;
        session.opened()?.unlock(key, index)?;
        Ok(EtcdResult::Ok)
    })
}
