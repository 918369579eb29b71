//! A session of C: which servers, with which options, and what was opened of it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use etcd_client::blocking;
use etcd_client::session::Event;

use crate::fault::{Code, Fault};
use crate::fork::Born;
use crate::handle::{self, Handle};
use crate::options::Options;

/// So many watches of `etcd_watch()` are kept for the call that goes on with them.
const KEPT: usize = 8;

/// A session. Nothing is sent before the first call.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) born: Born,
    servers: String,
    options: Mutex<Options>,
    opened: OnceLock<blocking::Session>,
    closed: AtomicBool,
    kept: Mutex<VecDeque<KeptWatch>>,
    watchers: Mutex<Vec<usize>>,
}

/// A watch between two calls of `etcd_watch()`.
#[derive(Debug)]
struct KeptWatch {
    prefix: Vec<u8>,
    /// The index that the call which goes on with it asks for.
    next: u64,
    watcher: blocking::Watcher,
}

impl Session {
    /// A session with a list of servers that can be read.
    pub(crate) fn new(servers: String) -> Self {
        Self {
            born: Born::here(),
            servers,
            options: Mutex::default(),
            opened: OnceLock::new(),
            closed: AtomicBool::new(false),
            kept: Mutex::default(),
            watchers: Mutex::default(),
        }
    }

    /// Changes its options, where no call was answered yet.
    pub(crate) fn configure(
        &self,
        change: impl FnOnce(&mut Options) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if self.opened.get().is_some() {
            return Err(Fault::invalid("options are set before the first call of a session"));
        }
        change(&mut lock(&self.options))
    }

    /// The session of the servers; opened when it is first asked for.
    pub(crate) fn opened(&self) -> Result<&blocking::Session, Fault> {
        if let Some(session) = self.opened.get() {
            return Ok(session);
        }
        let options = lock(&self.options).to_session()?;
        let fresh = blocking::Session::open_with(&self.servers, options)?;
        // Another thread may have been faster.
        let session = self.opened.get_or_init(|| fresh);
        if self.closed.load(Ordering::SeqCst) {
            session.stopper().stop();
        }
        Ok(session)
    }

    /// Ends what waits, here and in its watchers.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        if let Some(session) = self.opened.get() {
            session.stopper().stop();
        }
        // Taken out first: to end one may wait for its thread, and the list is not to be locked meanwhile.
        let watchers = std::mem::take(&mut *lock(&self.watchers));
        for watcher in watchers {
            handle::close_watching(std::ptr::without_provenance_mut(watcher));
        }
    }

    /// Has a watcher end with this session.
    pub(crate) fn closes(&self, watcher: Handle) {
        lock(&self.watchers).push(watcher.addr());
        // It may have been closed before it knew of this one.
        if self.closed.load(Ordering::SeqCst) {
            handle::close_watching(watcher);
        }
    }

    /// Forgets a watcher that ended by itself.
    pub(crate) fn forget(&self, watcher: Handle) {
        lock(&self.watchers).retain(|held| *held != watcher.addr());
    }

    /// The first change at or after an index, or the next one. The watch is kept for the call that asks for
    /// what follows: several changes have one index over v3, and no call could ask for the second.
    pub(crate) fn next_change(
        &self,
        prefix: &[u8],
        from: Option<u64>,
        take: impl FnOnce(&etcd_client::session::Change) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let kept = from.and_then(|from| self.take_kept(prefix, from));
        let mut watcher = match kept {
            Some(watcher) => watcher,
            None => self.opened()?.watch(prefix, from)?,
        };
        let change = loop {
            match watcher.next() {
                Some(Ok(Event::Change(change))) => break change,
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err(Fault::new(Code::Closed, "the watch has ended")),
            }
        };
        // One that cannot be told is told again, to a call that can be.
        take(&change)?;
        let next = change.index.saturating_add(1);
        self.keep(KeptWatch { prefix: prefix.to_owned(), next, watcher });
        Ok(())
    }

    fn take_kept(&self, prefix: &[u8], from: u64) -> Option<blocking::Watcher> {
        let mut kept = lock(&self.kept);
        let at = kept.iter().position(|watch| watch.next == from && watch.prefix == prefix)?;
        kept.remove(at).map(|watch| watch.watcher)
    }

    fn keep(&self, watch: KeptWatch) {
        let mut kept = lock(&self.kept);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(watch);
    }
}

/// What a lock guards is whole between any two statements, whoever panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
