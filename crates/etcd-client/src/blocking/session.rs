//! A session without async.

use std::time::Duration;

use etcd_proto::tree::Node;
use etcd_transport::EndpointStatus;
use etcd_transport::endpoint::Endpoint;

use super::pump::Pump;
use super::stopper::Stopper;
use super::work::{self, Held};
use crate::session::{self, Api, Entry, Event, Leader, Listed, SessionOptions, SetOptions, Ticket};
use crate::{Error, Ttl};

/// Ten calls to an etcd cluster, without async; see [`crate::Session`].
#[derive(Debug, Clone)]
pub struct Session {
    inner: session::Session,
    pump: Pump,
}

impl Session {
    /// Opens a session with these servers, each such as `host:2379`.
    ///
    /// # Errors
    ///
    /// When one is no server, when none can be reached, or when they speak no API that is known.
    pub fn open<S: AsRef<str>>(servers: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let pump = Pump::new()?;
        Ok(Self { inner: pump.run(session::Session::open(servers))?, pump })
    }

    /// Opens a session with the servers in a list, separated by commas, semicolons or white space.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn open_str(servers: &str) -> Result<Self, Error> {
        Self::open_with(servers, SessionOptions::new())
    }

    /// Like [`open_str`](Self::open_str), with options.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn open_with(servers: &str, options: SessionOptions) -> Result<Self, Error> {
        let pump = Pump::new()?;
        Ok(Self { inner: pump.run(session::Session::open_with(servers, options))?, pump })
    }

    /// Reads a key, linearizably.
    ///
    /// # Errors
    ///
    /// [`KeyNotFound`](crate::ErrorKind::KeyNotFound) where nothing stands,
    /// [`IsDirectory`](crate::ErrorKind::IsDirectory) where a directory does.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Entry, Error> {
        self.pump.run(self.inner.get(key))
    }

    /// Like [`get`](Self::get), with nothing where nothing stands.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    pub fn get_opt(&self, key: impl AsRef<[u8]>) -> Result<Option<Entry>, Error> {
        self.pump.run(self.inner.get_opt(key))
    }

    /// Lists what a directory holds itself, sorted.
    ///
    /// # Errors
    ///
    /// [`KeyNotFound`](crate::ErrorKind::KeyNotFound) where nothing stands,
    /// [`NotADirectory`](crate::ErrorKind::NotADirectory) where a value does.
    pub fn list(&self, directory: impl AsRef<[u8]>) -> Result<Vec<Listed>, Error> {
        self.pump.run(self.inner.list(directory))
    }

    /// Reads everything below a directory, as a tree.
    ///
    /// # Errors
    ///
    /// As for [`list`](Self::list).
    pub fn tree(&self, directory: impl AsRef<[u8]>) -> Result<Node<Entry>, Error> {
        self.pump.run(self.inner.tree(directory))
    }

    /// Writes a value, whatever stood there; answers with the index of the change.
    ///
    /// # Errors
    ///
    /// [`IsDirectory`](crate::ErrorKind::IsDirectory) where a directory stands. When no answer
    /// came, [`Error::outcome`] says what is known.
    pub fn set(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.pump.run(self.inner.set(key, value))
    }

    /// Like [`set`](Self::set), on a condition or for a time.
    ///
    /// # Errors
    ///
    /// As for [`set`](Self::set), and
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) with the present value where
    /// the condition does not hold.
    pub fn set_with(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        options: &SetOptions,
    ) -> Result<u64, Error> {
        self.pump.run(self.inner.set_with(key, value, options))
    }

    /// Removes a key.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get). When no answer came, [`Error::outcome`] says what is known.
    pub fn delete(&self, key: impl AsRef<[u8]>) -> Result<(), Error> {
        self.pump.run(self.inner.delete(key))
    }

    /// Removes a key where this value stands.
    ///
    /// # Errors
    ///
    /// As for [`delete`](Self::delete), and
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) where another value stands.
    pub fn delete_if(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), Error> {
        self.pump.run(self.inner.delete_if(key, value))
    }

    /// The member that leads the cluster.
    ///
    /// # Errors
    ///
    /// When no server knows of one.
    pub fn leader(&self) -> Result<Leader, Error> {
        self.pump.run(self.inner.leader())
    }

    /// Waits for a lock and takes it.
    ///
    /// A lock is advisory, and lost when it is not renewed in time; see [`Ticket`].
    ///
    /// # Errors
    ///
    /// When no server can be reached any more, or the key cannot be used.
    pub fn lock(&self, key: impl AsRef<[u8]>, ttl: Ttl) -> Result<Ticket, Error> {
        self.pump.run(self.inner.lock(key, ttl))
    }

    /// Like [`lock`](Self::lock), waiting no longer than this; zero takes it only when it is free.
    ///
    /// # Errors
    ///
    /// As for [`lock`](Self::lock), and [`LockBusy`](crate::ErrorKind::LockBusy) when the wait
    /// is over.
    pub fn lock_within(
        &self,
        key: impl AsRef<[u8]>,
        ttl: Ttl,
        wait: Option<Duration>,
    ) -> Result<Ticket, Error> {
        self.pump.run(self.inner.lock_within(key, ttl, wait))
    }

    /// Like [`lock`](Self::lock), unless `stop` says before its turn has come that it is to stop
    /// waiting; it is asked every 50 ms.
    ///
    /// # Errors
    ///
    /// As for [`lock`](Self::lock), and [`LockBusy`](crate::ErrorKind::LockBusy) when it is to
    /// stop.
    pub fn lock_unless(
        &self,
        key: impl AsRef<[u8]>,
        ttl: Ttl,
        stop: impl FnMut() -> bool,
    ) -> Result<Ticket, Error> {
        self.pump.run(self.inner.lock_unless(key, ttl, work::until(stop)))
    }

    /// Has a lock that is held last this long from now, by its index.
    ///
    /// # Errors
    ///
    /// [`LockLost`](crate::ErrorKind::LockLost) when it is held no longer.
    pub fn renew(&self, key: impl AsRef<[u8]>, index: u64, ttl: Ttl) -> Result<Ticket, Error> {
        self.pump.run(self.inner.renew(key, index, ttl))
    }

    /// Gives up a lock that is held, by its index.
    ///
    /// # Errors
    ///
    /// [`LockLost`](crate::ErrorKind::LockLost) when it was held no longer.
    pub fn unlock(&self, key: impl AsRef<[u8]>, index: u64) -> Result<(), Error> {
        self.pump.run(self.inner.unlock(key, index))
    }

    /// Watches a key and everything below it, from an index on that may lie in the past, or from
    /// now.
    ///
    /// # Errors
    ///
    /// When the key cannot be used.
    pub fn watch(
        &self,
        prefix: impl AsRef<[u8]>,
        from_index: Option<u64>,
    ) -> Result<Watcher, Error> {
        let inner = self.pump.within(|| self.inner.watch(prefix, from_index))?;
        Ok(Watcher { inner, pump: self.pump.below(), over: false })
    }

    /// Runs `work` on a thread while this one renews a lock, and ends when both have ended.
    ///
    /// `work` cannot be stopped from outside: it is given a flag that says whether the lock is
    /// still held, and is to look at it before each thing that needs the lock. A panic of `work`
    /// goes on here, once it has ended.
    ///
    /// # Errors
    ///
    /// [`LockLost`](crate::ErrorKind::LockLost) when the lock was lost before `work` ended.
    pub fn hold<T: Send>(
        &self,
        ticket: &mut Ticket,
        work: impl FnOnce(&Held) -> T + Send,
    ) -> Result<T, Error> {
        work::under(&self.pump, work, |ended| self.inner.hold(ticket, ended))
    }

    /// What ends the calls of this session and of its clones and watchers, from another thread.
    pub fn stopper(&self) -> Stopper {
        self.pump.stopper()
    }

    /// Each server with how it has done lately.
    pub fn endpoints(&self) -> Vec<EndpointStatus> {
        self.inner.endpoints()
    }

    /// Puts these servers in place of the present ones.
    pub fn set_endpoints(&self, endpoints: Vec<Endpoint>) {
        self.inner.set_endpoints(endpoints);
    }

    /// Which API the session speaks.
    pub fn api(&self) -> Api {
        self.inner.api()
    }

    /// Closes the session. Locks that are held last until their time to live is over.
    pub fn close(self) {}
}

/// An iterator over changes; see [`Session::watch`]. An error is its last item.
#[derive(Debug)]
pub struct Watcher {
    inner: session::Watcher,
    pump: Pump,
    over: bool,
}

impl Watcher {
    /// What ends this watch, from another thread.
    pub fn stopper(&self) -> Stopper {
        self.pump.stopper()
    }

    /// The next event, when it comes within this time.
    ///
    /// # Errors
    ///
    /// Why the watch ended; nothing follows.
    pub fn next_within(&mut self, most: Duration) -> Result<Option<Event>, Error> {
        let Self { inner, pump, over } = self;
        if *over {
            return Ok(None);
        }
        pump.next_within(most, inner.next()).inspect_err(|_| *over = true)
    }
}

impl Iterator for Watcher {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self { inner, pump, over } = self;
        if *over {
            return None;
        }
        let next = pump.next(inner.next());
        *over = !matches!(next, Some(Ok(_)));
        next
    }
}
