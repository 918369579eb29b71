//! A watch on a thread of its own, and the queue between it and whoever asks.

use std::collections::VecDeque;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use etcd_client::blocking::{Stopper, Watcher};
use etcd_client::session::Event;

use crate::fault::{Code, Fault};
use crate::fork::Born;
use crate::handle::Handle;
use crate::signals;

/// So many changes wait for whoever asks; then the thread waits, and the server with it.
const QUEUE: usize = 1024;

/// A watch.
#[derive(Debug)]
pub(crate) struct Watching {
    pub(crate) born: Born,
    session: usize,
    shared: Arc<Shared>,
    stopper: Stopper,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What both threads know.
#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue<Event>>,
    /// A change came, or the end.
    came: Condvar,
    /// A change was taken, or nobody will.
    taken: Condvar,
}

#[derive(Debug)]
struct Queue<T> {
    changes: VecDeque<T>,
    end: Option<Fault>,
    closed: bool,
    /// Holds a byte while there is something to be taken.
    readable: (PipeReader, PipeWriter),
}

impl Watching {
    /// Starts a thread for a watch of a session.
    pub(crate) fn start(session: Handle, watcher: Watcher) -> Result<Self, Fault> {
        let no_thread =
            |error| Fault::new(Code::Internal, format!("no watch can be started: {error}"));
        let queue = Queue {
            changes: VecDeque::new(),
            end: None,
            closed: false,
            readable: pipe().map_err(no_thread)?,
        };
        let (came, taken) = (Condvar::new(), Condvar::new());
        let shared = Arc::new(Shared { queue: Mutex::new(queue), came, taken });
        let (stopper, feeds) = (watcher.stopper(), Arc::clone(&shared));
        let named = thread::Builder::new().name("etcd-watch".to_owned());
        let thread = signals::all_blocked(|| named.spawn(move || feeds.feed(watcher)));
        Ok(Self {
            born: Born::here(),
            session: session.addr(),
            shared,
            stopper,
            thread: Mutex::new(Some(thread.map_err(no_thread)?)),
        })
    }

    /// The session that it is of.
    pub(crate) fn session(&self) -> Handle {
        std::ptr::without_provenance_mut(self.session)
    }

    /// What can be read from while there is something to be taken.
    pub(crate) fn descriptor(&self) -> libc::c_int {
        self.shared.lock().readable.0.as_raw_fd()
    }

    /// The next change, waiting so long at the most; nothing where none came.
    pub(crate) fn next(&self, most: Option<Duration>) -> Result<Option<Event>, Fault> {
        let until = most.map(|most| Instant::now() + most);
        let mut queue = self.shared.lock();
        loop {
            if queue.closed {
                return Err(Fault::closed());
            }
            if let Some(change) = queue.take() {
                self.shared.taken.notify_one();
                return Ok(Some(change));
            }
            if let Some(end) = &queue.end {
                return Err(end.clone());
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(None);
            }
            queue = self.shared.wait(queue, left);
        }
    }

    /// Ends the watch and its thread.
    pub(crate) fn close(&self) {
        self.shared.lock().closed = true;
        self.stopper.stop();
        self.shared.came.notify_all();
        self.shared.taken.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // It has nothing to say: how the watch ended is in the queue.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Puts all changes into the queue, and the end behind them.
    fn feed(&self, watcher: Watcher) {
        let mut end = Fault::new(Code::Closed, "the watch has ended");
        for event in watcher {
            match event {
                Ok(event) => self.put(event),
                Err(error) => end = error.into(),
            }
            if self.lock().closed {
                return;
            }
        }
        let mut queue = self.lock();
        queue.signal_first();
        queue.end = Some(end);
        self.came.notify_all();
    }

    fn put(&self, event: Event) {
        let mut queue = self.lock();
        while queue.changes.len() == QUEUE && !queue.closed {
            queue = self.taken.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.signal_first();
        queue.changes.push_back(event);
        self.came.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Queue<Event>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        queue: MutexGuard<'a, Queue<Event>>,
        most: Option<Duration>,
    ) -> MutexGuard<'a, Queue<Event>> {
        match most {
            None => self.came.wait(queue).unwrap_or_else(PoisonError::into_inner),
            Some(most) => {
                self.came.wait_timeout(queue, most).unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }
}

impl<T> Queue<T> {
    /// Makes the descriptor readable, where nothing has yet.
    fn signal_first(&mut self) {
        if self.changes.is_empty() && self.end.is_none() {
            // A pipe of which both ends are here has room for a byte, and cannot fail.
            let _ = self.readable.1.write_all(&[1]);
        }
    }

    /// The first change; the descriptor is readable no longer when it was the last.
    fn take(&mut self) -> Option<T> {
        let change = self.changes.pop_front()?;
        if self.changes.is_empty() && self.end.is_none() {
            let _ = self.readable.0.read_exact(&mut [0]);
        }
        Some(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue<u8> {
        Queue {
            changes: VecDeque::new(),
            end: None,
            closed: false,
            readable: pipe().expect("a pipe"),
        }
    }

    fn is_readable(queue: &Queue<u8>) -> bool {
        let fd = queue.readable.0.as_raw_fd();
        let mut asked = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: one is given.
        unsafe { libc::poll(&raw mut asked, 1, 0) == 1 }
    }

    #[test]
    fn it_is_readable_while_there_is_something_to_be_taken() {
        let mut queue = queue();
        assert!(!is_readable(&queue) && queue.take().is_none());
        for _ in 0..3 {
            for _ in 0..2 {
                queue.signal_first();
                queue.changes.push_back(1);
            }
            assert!(is_readable(&queue));
            queue.take();
            assert!(is_readable(&queue));
            queue.take();
            assert!(!is_readable(&queue));
        }
        queue.signal_first();
        queue.changes.push_back(1);
        queue.end = Some(Fault::closed());
        queue.take();
        assert!(is_readable(&queue), "the end waits");
    }
}
