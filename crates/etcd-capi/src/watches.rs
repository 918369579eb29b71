//! Watches that go on by themselves.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;
use std::sync::Arc;

use etcd_client::session::{ChangeKind, Event};

use crate::block::Block;
use crate::call::{quietly, with_session, with_watching};
use crate::fault::{Code, EtcdResult, Fault};
use crate::handle::{self, Handle, Held};
use crate::watching::Watching;
use crate::{input, output};

/// A change, as the header has it.
#[repr(C)]
#[derive(Debug)]
pub struct EtcdChange {
    kind: Kind,
    index: u64,
    last_index: u64,
    key: *mut c_char,
    key_length: usize,
    value: *mut c_char,
    value_length: usize,
}

/// What happened: `etcd_change_kind`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Set = 0,
    Delete = 1,
    Expire = 2,
    Gap = 3,
}

/// See the header.
///
/// # Safety
///
/// The prefix has to be there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch_start(
    session: Handle,
    prefix: *const c_char,
    prefix_length: usize,
    index: u64,
) -> Handle {
    with_session(session, |of| {
        // SAFETY: the caller promises a prefix.
        let prefix = unsafe { input::needed_bytes("prefix", prefix, prefix_length) }?;
        let watcher = of.opened()?.watch(prefix, (index > 0).then_some(index))?;
        let watching = Watching::start(session, watcher)?;
        let watcher = handle::add(Held::Watching(Arc::new(watching)))?;
        of.closes(watcher);
        Ok(watcher)
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn etcd_watch_fd(watcher: Handle) -> c_int {
    with_watching(watcher, |watching| Ok(watching.descriptor()))
}

/// See the header.
///
/// # Safety
///
/// The place has to be writable, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch_next(
    watcher: Handle,
    timeout_ms: c_int,
    change: *mut *mut EtcdChange,
) -> EtcdResult {
    // SAFETY: the caller promises a place.
    unsafe { output::clear(change) };
    with_watching(watcher, |watching| {
        if change.is_null() {
            return Err(Fault::invalid("the place for the change is NULL, and it would be lost"));
        }
        match watching.next(input::wait(timeout_ms)?)? {
            None => Ok(EtcdResult::NothingYet),
            Some(event) => {
                // SAFETY: the caller promises a place.
                unsafe { output::put(change, told(&event)?) };
                Ok(EtcdResult::Ok)
            }
        }
    })
}

/// A change in one block.
fn told(event: &Event) -> Result<*mut EtcdChange, Fault> {
    let (kind, index, last_index, key, value) = match event {
        Event::Change(change) => {
            let kind = match change.kind {
                ChangeKind::Set => Kind::Set,
                ChangeKind::Delete => Kind::Delete,
                ChangeKind::Expire => Kind::Expire,
                _ => return Err(unknown()),
            };
            (kind, change.index, 0, Some(change.key.as_bytes()), change.value.as_deref())
        }
        Event::Gap(gap) => (Kind::Gap, gap.first, gap.last, None, None),
        _ => return Err(unknown()),
    };
    let mut block = Block::new(1, [key, value].into_iter().flatten().map(<[u8]>::len))?;
    let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    let change = EtcdChange {
        kind,
        index,
        last_index,
        key: block.optional(key),
        key_length: length(key),
        value: block.optional(value),
        value_length: length(value),
    };
    block.push(change);
    Ok(block.finish())
}

fn unknown() -> Fault {
    Fault::new(Code::Internal, "a change of a kind that this library does not know")
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn etcd_watch_stop(watcher: Handle) {
    quietly(|| {
        let session = handle::watching(watcher).map_or(null_mut(), |watching| watching.session());
        if let Ok(session) = handle::session(session) {
            session.forget(watcher);
        }
        handle::close_watching(watcher);
    });
}
