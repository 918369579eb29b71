//! Handles that C holds: numbers, not addresses, so that one that was closed is found out.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::fault::Fault;
use crate::fork;
use crate::session::Session;
use crate::watching::Watching;

/// What `etcd_session` and `etcd_watcher` are. NULL is none.
pub type Handle = *mut c_void;

/// What a handle stands for.
#[derive(Debug, Clone)]
pub(crate) enum Held {
    Session(Arc<Session>),
    Watching(Arc<Watching>),
}

impl Held {
    /// Drops it, unless it is the parent's: closing its connections would close those of the parent.
    fn let_go(self) {
        let born = match &self {
            Self::Session(session) => session.born,
            Self::Watching(watching) => watching.born,
        };
        if !born.is_here() {
            std::mem::forget(self);
        }
    }
}

#[derive(Debug)]
pub(crate) struct Table {
    slots: Vec<Slot>,
    free: Vec<usize>,
}

#[derive(Debug)]
struct Slot {
    /// How often the slot was used before: what makes an old handle of it invalid.
    generation: usize,
    held: Option<Held>,
}

static TABLE: Mutex<Table> = Mutex::new(Table { slots: Vec::new(), free: Vec::new() });

/// The low half of a handle is a slot, and the high half its generation.
const HALF: u32 = usize::BITS / 2;
const LOW: usize = (1 << HALF) - 1;

/// The table, whatever happened to a thread that held it: it is whole between any two statements.
pub(crate) fn table() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Table {
    fn add(&mut self, held: Held) -> Option<usize> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(Slot { generation: 0, held: None });
                self.slots.len() - 1
            }
        };
        if slot >= LOW {
            return None;
        }
        self.slots[slot].held = Some(held);
        Some(self.slots[slot].generation << HALF | (slot + 1))
    }

    fn get(&self, handle: usize) -> Option<&Held> {
        let slot = self.slots.get((handle & LOW).checked_sub(1)?)?;
        slot.held.as_ref().filter(|_| slot.generation == handle >> HALF)
    }

    fn take(&mut self, handle: usize) -> Option<Held> {
        self.get(handle)?;
        let at = (handle & LOW) - 1;
        let slot = self.slots.get_mut(at)?;
        let held = slot.held.take();
        // A slot whose generations are used up is never used again.
        if slot.generation < LOW {
            slot.generation += 1;
            self.free.push(at);
        }
        held
    }
}

/// A new handle.
pub(crate) fn add(held: Held) -> Result<Handle, Fault> {
    fork::prepare();
    let handle = table().add(held).ok_or_else(|| Fault::invalid("too many sessions are open"))?;
    Ok(std::ptr::without_provenance_mut(handle))
}

/// The session of a handle.
pub(crate) fn session(handle: Handle) -> Result<Arc<Session>, Fault> {
    let held = table().get(handle.addr()).cloned();
    match held {
        Some(Held::Session(session)) => session.born.check().map(|()| session),
        _ => Err(Fault::closed()),
    }
}

/// The watcher of a handle.
pub(crate) fn watching(handle: Handle) -> Result<Arc<Watching>, Fault> {
    let held = table().get(handle.addr()).cloned();
    match held {
        Some(Held::Watching(watching)) => watching.born.check().map(|()| watching),
        _ => Err(Fault::closed()),
    }
}

/// Takes a session out, after which its handle is of no use; nothing where it is none.
pub(crate) fn close_session(handle: Handle) {
    let is_session = |held: &Held| matches!(held, Held::Session(_));
    close(handle, is_session);
}

/// Takes a watcher out, likewise.
pub(crate) fn close_watching(handle: Handle) {
    close(handle, |held| matches!(held, Held::Watching(_)));
}

fn close(handle: Handle, is_meant: impl FnOnce(&Held) -> bool) {
    let mut table = table();
    let is_meant = table.get(handle.addr()).is_some_and(is_meant);
    let held = if is_meant { table.take(handle.addr()) } else { None };
    drop(table);
    match &held {
        Some(Held::Session(session)) if session.born.is_here() => session.close(),
        Some(Held::Watching(watching)) if watching.born.is_here() => watching.close(),
        _ => {}
    }
    if let Some(held) = held {
        held.let_go();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table { slots: Vec::new(), free: Vec::new() }
    }

    fn held() -> Held {
        Held::Session(Arc::new(Session::new("a".to_owned())))
    }

    #[test]
    fn a_handle_is_of_no_use_once_it_is_closed() {
        let mut table = table();
        let first = table.add(held()).expect("room");
        assert!(table.get(first).is_some() && first != 0);
        assert!(table.take(first).is_some());
        assert!(table.take(first).is_none() && table.get(first).is_none());
        let second = table.add(held()).expect("room");
        assert_eq!(table.slots.len(), 1, "the slot is used again");
        assert!(second != first && table.get(first).is_none() && table.get(second).is_some());
    }

    #[test]
    fn no_other_number_is_a_handle() {
        let mut table = table();
        let handle = table.add(held()).expect("room");
        for number in [0, 2, handle + 1, usize::MAX, handle | 1 << HALF, LOW] {
            assert!(table.get(number).is_none(), "{number:#x}");
            assert!(table.take(number).is_none(), "{number:#x}");
        }
    }

    #[test]
    fn a_slot_is_given_up_when_its_generations_are_used_up() {
        let mut table = table();
        let first = table.add(held()).expect("room");
        table.take(first);
        table.slots[0].generation = LOW;
        let last = table.add(held()).expect("room");
        assert!(table.take(last).is_some());
        table.add(held()).expect("room");
        assert_eq!(table.slots.len(), 2);
    }
}
