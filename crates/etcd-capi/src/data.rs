//! Keys and values with lengths, listings, and the leader.

use std::ffi::{c_char, c_int};

use etcd_client::session::{Listed, SetOptions};

use crate::block::Block;
use crate::call::with_session;
use crate::fault::{EtcdResult, Fault};
use crate::handle::Handle;
use crate::session::Session;
use crate::{input, output};

/// See the header.
///
/// # Safety
///
/// The key has to be there, and places writable or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_get_n(
    session: Handle,
    key: *const c_char,
    key_length: usize,
    value: *mut *mut c_char,
    value_length: *mut usize,
    index: *mut u64,
) -> EtcdResult {
    // SAFETY: the caller promises places.
    unsafe {
        output::clear(value);
        output::put(value_length, 0);
    }
    with_session(session, |session| {
        // SAFETY: the caller promises a key.
        let key = unsafe { input::needed_bytes("key", key, key_length) }?;
        let entry = session.opened()?.get(key)?;
        // SAFETY: the caller promises places.
        unsafe {
            if !value.is_null() {
                output::put(value, output::copied(&entry.value)?);
            }
            output::put(value_length, entry.value.len());
            output::put(index, entry.index);
        }
        Ok(EtcdResult::Ok)
    })
}

/// See the header.
///
/// # Safety
///
/// Key, value and condition have to be there, or NULL; the place writable or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_set_n(
    session: Handle,
    key: *const c_char,
    key_length: usize,
    value: *const c_char,
    value_length: usize,
    precond: *const c_char,
    precond_length: usize,
    ttl: u64,
    index: *mut u64,
) -> EtcdResult {
    with_session(session, |session| {
        // SAFETY: the caller promises that they are there.
        let (key, value, previous) = unsafe {
            let previous = input::bytes("precond", precond, precond_length)?;
            let value = input::needed_bytes("value", value, value_length)?;
            (input::needed_bytes("key", key, key_length)?, value, previous)
        };
        let options = match previous {
            Some(previous) => SetOptions::new().previous(previous.to_vec()),
            None => SetOptions::new(),
        };
        let changed = set(session, key, value, options, ttl)?;
        // SAFETY: the caller promises a place.
        unsafe { output::put(index, changed) };
        Ok(EtcdResult::Ok)
    })
}

/// See the header.
///
/// # Safety
///
/// Key and value have to be there, or NULL; the place writable or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_set_if(
    session: Handle,
    key: *const c_char,
    key_length: usize,
    value: *const c_char,
    value_length: usize,
    condition: c_int,
    previous_index: u64,
    ttl: u64,
    index: *mut u64,
) -> EtcdResult {
    with_session(session, |session| {
        // SAFETY: the caller promises that they are there.
        let (key, value) = unsafe {
            (
                input::needed_bytes("key", key, key_length)?,
                input::needed_bytes("value", value, value_length)?,
            )
        };
        let changed = set(session, key, value, only_if(condition, previous_index)?, ttl)?;
        // SAFETY: the caller promises a place.
        unsafe { output::put(index, changed) };
        Ok(EtcdResult::Ok)
    })
}

/// What has to stand at a key: `etcd_condition`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub enum Condition {
    Absent = 0,
    Present = 1,
    Index = 2,
}

/// Any number may come.
fn only_if(condition: c_int, previous_index: u64) -> Result<SetOptions, Fault> {
    let all = [Condition::Absent, Condition::Present, Condition::Index];
    match all.into_iter().find(|known| *known as c_int == condition) {
        Some(Condition::Absent) => Ok(SetOptions::new().absent()),
        Some(Condition::Present) => Ok(SetOptions::new().present()),
        Some(Condition::Index) => Ok(SetOptions::new().previous_index(previous_index)),
        None => {
            Err(Fault::invalid(format!("there is no condition {condition}; see etcd_condition")))
        }
    }
}

fn set(
    session: &Session,
    key: &[u8],
    value: &[u8],
    options: SetOptions,
    ttl: u64,
) -> Result<u64, Fault> {
    Ok(session.opened()?.set_with(key, value, &options.ttl(input::ttl_or_none(ttl)))?)
}

/// See the header.
///
/// # Safety
///
/// Key and condition have to be there, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_delete_n(
    session: Handle,
    key: *const c_char,
    key_length: usize,
    precond: *const c_char,
    precond_length: usize,
) -> EtcdResult {
    with_session(session, |session| {
        // SAFETY: the caller promises that they are there.
        let (key, previous) = unsafe {
            let previous = input::bytes("precond", precond, precond_length)?;
            (input::needed_bytes("key", key, key_length)?, previous)
        };
        let session = session.opened()?;
        match previous {
            Some(previous) => session.delete_if(key, previous)?,
            None => session.delete(key)?,
        }
        Ok(EtcdResult::Ok)
    })
}

/// A child of a directory, as the header has it.
#[repr(C)]
#[derive(Debug)]
pub struct EtcdEntry {
    key: *mut c_char,
    key_length: usize,
    value: *mut c_char,
    value_length: usize,
    index: u64,
    is_directory: c_int,
}

/// See the header.
///
/// # Safety
///
/// The directory has to be there, and places writable or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_list(
    session: Handle,
    directory: *const c_char,
    directory_length: usize,
    entries: *mut *mut EtcdEntry,
    count: *mut usize,
) -> EtcdResult {
    // SAFETY: the caller promises places.
    unsafe {
        output::clear(entries);
        output::put(count, 0);
    }
    with_session(session, |session| {
        // SAFETY: the caller promises a directory.
        let directory = unsafe { input::needed_bytes("directory", directory, directory_length) }?;
        let listed = session.opened()?.list(directory)?;
        // SAFETY: the caller promises places.
        unsafe {
            if !entries.is_null() {
                output::put(entries, listing(&listed)?);
            }
            output::put(count, listed.len());
        }
        Ok(EtcdResult::Ok)
    })
}

fn listing(listed: &[Listed]) -> Result<*mut EtcdEntry, Fault> {
    let lengths = listed
        .iter()
        .flat_map(|child| [Some(child.key.len()), child.value.as_ref().map(|value| value.len())]);
    let mut block = Block::new(listed.len(), lengths.flatten())?;
    for child in listed {
        let value = child.value.as_deref();
        let entry = EtcdEntry {
            key: block.string(child.key.as_bytes()),
            key_length: child.key.len(),
            value: block.optional(value),
            value_length: value.map_or(0, <[u8]>::len),
            index: child.index,
            is_directory: c_int::from(child.directory),
        };
        block.push(entry);
    }
    Ok(block.finish())
}

/// A member, as the header has it.
#[repr(C)]
#[derive(Debug)]
pub struct EtcdMember {
    id: *mut c_char,
    name: *mut c_char,
    client_urls: *mut c_char,
}

/// See the header.
///
/// # Safety
///
/// The place has to be writable, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_leader_n(
    session: Handle,
    member: *mut *mut EtcdMember,
) -> EtcdResult {
    // SAFETY: the caller promises a place.
    unsafe { output::clear(member) };
    with_session(session, |session| {
        let leader = session.opened()?.leader()?;
        if member.is_null() {
            return Ok(EtcdResult::Ok);
        }
        let texts = [leader.id, leader.name, leader.client_urls.join(",")];
        let mut block = Block::new(1, texts.iter().map(String::len))?;
        let [id, name, client_urls] = texts.map(|text| block.string(text.as_bytes()));
        block.push(EtcdMember { id, name, client_urls });
        // SAFETY: the caller promises a place.
        unsafe { output::put(member, block.finish()) };
        Ok(EtcdResult::Ok)
    })
}
