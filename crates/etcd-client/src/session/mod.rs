//! The ten calls: open, close, get, list, set, delete, leader, watch, lock, unlock.
//!
//! They mean the same on every etcd, so a program that keeps to them need not know which one it
//! talks to. Two things old servers cannot do, and the calls say so: etcd 0.2 and 0.3 read at their
//! leader without asking the others whether it still leads, and lock with a module that has faults.
//!
//! A call ends by the deadline of the configuration, and some make more than one request that does:
//! a condition on an empty value reads first, one that fails reads what stands there, `renew` and
//! `unlock` look for their key first, and a removal that is unclear is repeated (`unlock` takes
//! four deadlines at the most). Waiting, by `lock` and by a watcher, lasts as long as it takes.
//!
//! Keys are paths: `foo` and `/foo` are the same key, and directories come and go with
//! what they hold. They are text over v2, which can hold nothing else, and any bytes over v3.

mod detect;
mod key;
mod module_lock;
mod over_v2;
mod over_v3;
mod types;
mod watcher;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use etcd_proto::tree::Node;
use etcd_transport::EndpointStatus;
use etcd_transport::endpoint::Endpoint;

pub use key::Key;
pub use types::{
    Api, Change, ChangeKind, Entry, Event, Gap, InvalidApi, Leader, Listed, Previous,
    SessionOptions, SetOptions, Ticket,
};
pub use watcher::Watcher;

use crate::error::Error;
use crate::{Ttl, v2, v3};

/// Ten calls to an etcd cluster.
///
/// Cloning is cheap, and clones share connections. Dropping the last one closes them.
///
/// ```no_run
/// use etcd_client::Session;
/// use etcd_client::session::SetOptions;
///
/// # async fn example() -> Result<(), etcd_client::Error> {
/// let session = Session::open_str("host-a:2379, host-b:2379").await?;
/// session.set("/config/name", "a").await?;
/// // Only when nobody changed it meanwhile:
/// let error = session.set_with("/config/name", "c", &SetOptions::new().previous("b")).await.unwrap_err();
/// assert!(error.is_precondition_failed());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Session {
    over: Over,
}

/// What a session is made of.
#[derive(Debug, Clone)]
enum Over {
    V2(Arc<over_v2::OverV2>),
    V3(Arc<over_v3::OverV3>),
}

/// The same call, over whichever API it is.
macro_rules! over {
    ($session:ident, $over:ident => $call:expr) => {
        match &$session.over {
            Over::V2($over) => $call,
            Over::V3($over) => $call,
        }
    };
}

impl Session {
    /// Opens a session with these servers, each such as `host:2379`.
    ///
    /// One of them is asked for its version, to find out which API it speaks.
    ///
    /// # Errors
    ///
    /// When one is no server, when none can be reached, or when they speak no API that is known.
    pub async fn open<S: AsRef<str>>(servers: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let mut endpoints = Vec::new();
        for server in servers {
            endpoints.push(server.as_ref().parse()?);
        }
        detect::open(endpoints, SessionOptions::new()).await
    }

    /// Opens a session with the servers in a list, separated by commas, semicolons or white space.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub async fn open_str(servers: &str) -> Result<Self, Error> {
        Self::open_with(servers, SessionOptions::new()).await
    }

    /// Like [`open_str`](Self::open_str), with options.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub async fn open_with(servers: &str, options: SessionOptions) -> Result<Self, Error> {
        let endpoints = etcd_transport::endpoint::parse_list(servers)?;
        options.config.check(&endpoints).map_err(Error::invalid)?;
        detect::open(endpoints, options).await
    }

    fn over_v2(client: v2::Client, version: v2::api::Version) -> Self {
        Self { over: Over::V2(Arc::new(over_v2::OverV2::new(client, version))) }
    }

    fn over_v3(client: v3::Client) -> Self {
        Self { over: Over::V3(Arc::new(over_v3::OverV3::new(client))) }
    }

    /// Reads a key, linearizably. On etcd 0.2 and 0.3, which cannot, the leader is asked: its
    /// answer is old only while it has been replaced and does not know it yet.
    ///
    /// # Errors
    ///
    /// [`KeyNotFound`](crate::ErrorKind::KeyNotFound) where nothing stands,
    /// [`IsDirectory`](crate::ErrorKind::IsDirectory) where a directory does.
    pub async fn get(&self, key: impl AsRef<[u8]>) -> Result<Entry, Error> {
        over!(self, over => over.get(key.as_ref()).await)
    }

    /// Like [`get`](Self::get), with nothing where nothing stands.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    pub async fn get_opt(&self, key: impl AsRef<[u8]>) -> Result<Option<Entry>, Error> {
        match self.get(key).await {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if error.is_key_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists what a directory holds itself, sorted.
    ///
    /// # Errors
    ///
    /// [`KeyNotFound`](crate::ErrorKind::KeyNotFound) where nothing stands,
    /// [`NotADirectory`](crate::ErrorKind::NotADirectory) where a value does.
    pub async fn list(&self, directory: impl AsRef<[u8]>) -> Result<Vec<Listed>, Error> {
        over!(self, over => over.list(directory.as_ref()).await)
    }

    /// Reads everything below a directory, as a tree.
    ///
    /// # Errors
    ///
    /// As for [`list`](Self::list).
    pub async fn tree(&self, directory: impl AsRef<[u8]>) -> Result<Node<Entry>, Error> {
        over!(self, over => over.tree(directory.as_ref()).await)
    }

    /// Writes a value, whatever stood there; answers with the index of the change.
    ///
    /// # Errors
    ///
    /// [`IsDirectory`](crate::ErrorKind::IsDirectory) where a directory stands. When no answer
    /// came, [`Error::outcome`] says what is known.
    pub async fn set(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.set_with(key, value, &SetOptions::new()).await
    }

    /// Like [`set`](Self::set), on a condition or for a time.
    ///
    /// # Errors
    ///
    /// As for [`set`](Self::set), and
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) with the present value where
    /// the condition does not hold.
    pub async fn set_with(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        options: &SetOptions,
    ) -> Result<u64, Error> {
        over!(self, over => over.set(key.as_ref(), value.as_ref(), options).await)
    }

    /// Removes a key.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get). When no answer came, [`Error::outcome`] says what is known.
    pub async fn delete(&self, key: impl AsRef<[u8]>) -> Result<(), Error> {
        over!(self, over => over.delete(key.as_ref(), None).await)
    }

    /// Removes a key where this value stands.
    ///
    /// # Errors
    ///
    /// As for [`delete`](Self::delete), and
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) where another value stands.
    pub async fn delete_if(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<(), Error> {
        over!(self, over => over.delete(key.as_ref(), Some(value.as_ref())).await)
    }

    /// The member that leads the cluster.
    ///
    /// # Errors
    ///
    /// When no server knows of one.
    pub async fn leader(&self) -> Result<Leader, Error> {
        over!(self, over => over.leader().await)
    }

    /// Watches a key and everything below it, from an index on that may lie in the past, or from
    /// now. Nothing is sent until the watcher is asked.
    ///
    /// # Errors
    ///
    /// When the key cannot be used.
    pub fn watch(
        &self,
        prefix: impl AsRef<[u8]>,
        from_index: Option<u64>,
    ) -> Result<Watcher, Error> {
        match &self.over {
            Over::V2(over) => over.watch(prefix.as_ref(), from_index),
            Over::V3(over) => over.watch(prefix.as_ref(), from_index).map(Watcher::over_v3),
        }
    }

    /// Waits for a lock and takes it.
    ///
    /// A lock is advisory, and lost when it is not renewed in time; see [`Ticket`]. Servers may be
    /// out of reach meanwhile; a minute after the place in the queue may have expired, the wait
    /// ends.
    ///
    /// # Errors
    ///
    /// When no server can be reached any more, or the key cannot be used.
    pub async fn lock(&self, key: impl AsRef<[u8]>, ttl: Ttl) -> Result<Ticket, Error> {
        self.lock_within(key, ttl, None).await
    }

    /// Like [`lock`](Self::lock), waiting no longer than this; zero takes it only when it is free.
    ///
    /// # Errors
    ///
    /// As for [`lock`](Self::lock), and [`LockBusy`](crate::ErrorKind::LockBusy) when the wait is
    /// over.
    pub async fn lock_within(
        &self,
        key: impl AsRef<[u8]>,
        ttl: Ttl,
        wait: Option<Duration>,
    ) -> Result<Ticket, Error> {
        match wait {
            Some(wait) => self.lock_unless(key, ttl, tokio::time::sleep(wait)).await,
            None => self.lock_unless(key, ttl, std::future::pending()).await,
        }
    }

    /// Like [`lock`](Self::lock), unless `stop` ends before its turn has come.
    ///
    /// # Errors
    ///
    /// As for [`lock`](Self::lock), and [`LockBusy`](crate::ErrorKind::LockBusy) when `stop`
    /// ended.
    pub async fn lock_unless(
        &self,
        key: impl AsRef<[u8]>,
        ttl: Ttl,
        stop: impl Future<Output = ()>,
    ) -> Result<Ticket, Error> {
        over!(self, over => over.lock(key.as_ref(), ttl, stop).await)
    }

    /// Has a lock that is held last this long from now, by its index. Over v3 it lasts as long again
    /// as when it was taken, which the ticket tells: a lease cannot be given another time to live.
    ///
    /// # Errors
    ///
    /// [`LockLost`](crate::ErrorKind::LockLost) when it is held no longer.
    pub async fn renew(
        &self,
        key: impl AsRef<[u8]>,
        index: u64,
        ttl: Ttl,
    ) -> Result<Ticket, Error> {
        match &self.over {
            Over::V2(over) => over.renew(key.as_ref(), index, ttl).await,
            Over::V3(over) => over.renew(key.as_ref(), index).await,
        }
    }

    /// Gives up a lock that is held, by its index. Takes up to four times the deadline of a call:
    /// to find its key, and to remove it, which is repeated when its outcome is unclear.
    ///
    /// # Errors
    ///
    /// [`LockLost`](crate::ErrorKind::LockLost) when it was held no longer.
    pub async fn unlock(&self, key: impl AsRef<[u8]>, index: u64) -> Result<(), Error> {
        over!(self, over => over.unlock(key.as_ref(), index).await)
    }

    /// Runs `work` while renewing a lock; `work` is dropped when the lock is lost or may be. The
    /// lock is not given up afterwards.
    ///
    /// # Errors
    ///
    /// [`LockLost`](crate::ErrorKind::LockLost), with `work` dropped before its end.
    pub async fn hold<T>(
        &self,
        ticket: &mut Ticket,
        work: impl Future<Output = T>,
    ) -> Result<T, Error> {
        over!(self, over => over.hold(ticket, work).await)
    }

    /// Each server with how it has done lately.
    pub fn endpoints(&self) -> Vec<EndpointStatus> {
        over!(self, over => over.endpoints())
    }

    /// Puts these servers in place of the present ones, for every clone of this session. They have to
    /// be of the same cluster, and speak the API that the session does.
    ///
    /// What is under way at one that goes goes on there until it ends. Without servers every call
    /// fails as unreachable.
    pub fn set_endpoints(&self, endpoints: Vec<Endpoint>) {
        over!(self, over => over.set_endpoints(endpoints));
    }

    /// Which API the session speaks.
    pub fn api(&self) -> Api {
        match self.over {
            Over::V2(_) => Api::V2,
            Over::V3(_) => Api::V3,
        }
    }

    /// Closes the session. Locks that are held last until their time to live is over.
    pub fn close(self) {}
}

/// Keys and values of a v2 store are text.
fn text<'a>(what: &str, bytes: &'a [u8]) -> Result<&'a str, Error> {
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        Error::invalid(format!(
            "the {what} is not UTF-8 from byte {at} on: the v2 API holds only text"
        ))
    })
}

fn bytes(value: Option<String>) -> Bytes {
    value.map(Bytes::from).unwrap_or_default()
}
