//! Elections: the first key below a name leads, and its value says who that is.
//!
//! Every client of etcd that holds elections by the same recipe stands in the same one: the Go
//! client's `concurrency.Election`, `etcdctl elect`, the server's own Election service.

mod course;
mod leaders;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use etcd_proto::key::IntoBytes;
use etcd_proto::v3::{KeyValue, PutRequest, TxnRequest, TxnResponse};

use super::Client;
use super::lease::KeptLease;
use super::lock::{FencingToken, Held, Line, LockOptions, Lost, holding, take};
use crate::error::Error;

pub use leaders::Leaders;

impl Client {
    /// The election of this name.
    pub fn election(&self, name: impl IntoBytes) -> Election {
        Election { client: self.clone(), name: name.into_bytes() }
    }
}

/// An election, in which one of those who stand leads at a time. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Election {
    client: Client,
    name: Bytes,
}

impl Election {
    /// Stands for election with a value that says who it is, and waits until it leads.
    ///
    /// The options are those of a lock, most often its time to live alone. When this is dropped
    /// while it waits, it stands no longer, as for [`Client::lock`].
    ///
    /// ```no_run
    /// use etcd_client::{Client, Ttl};
    ///
    /// # async fn example(client: Client, ttl: Ttl) -> Result<(), etcd_client::Error> {
    /// let leadership = client.election("scheduler").campaign("10.0.0.1:80", ttl).await?;
    /// leadership.run(async { println!("leading") }).await?;
    /// leadership.resign().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Client::lock`].
    pub async fn campaign(
        &self,
        value: impl IntoBytes,
        options: impl Into<LockOptions>,
    ) -> Result<Leadership, Error> {
        let held = take(&self.client, &self.name, value.into_bytes(), options.into()).await?;
        Ok(Leadership { held })
    }

    /// Who leads, with what was proclaimed last; nothing when nobody does.
    ///
    /// # Errors
    ///
    /// When no member answers or the user may not do this.
    pub async fn leader(&self) -> Result<Option<KeyValue>, Error> {
        Ok(leaders::read(&self.client, &Line::of(&self.name)).await?.leader)
    }

    /// Who leads, from now on: each leader, and what it proclaims.
    ///
    /// Who led only for a moment may be left out; the last one never is.
    pub fn observe(&self) -> Leaders {
        Leaders::new(self.client.clone(), Line::of(&self.name))
    }
}

/// A leadership that is held.
///
/// No election can keep a leader that is stopped for longer than its time to live from waking up
/// beside the next one: see [`Lock`](super::Lock), whose mechanics it has.
///
/// Dropping it resigns in the background, as far as the runtime goes on and a server can be
/// reached; else it ends with its lease. Dropping never blocks.
#[must_use = "a leadership that is dropped is given up"]
pub struct Leadership {
    held: Held,
}

impl fmt::Debug for Leadership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leadership")
            .field("key", self.key())
            .field("lease", &self.lease().id())
            .field("token", &self.fencing_token())
            .finish_non_exhaustive()
    }
}

holding!(Leadership, "leadership");

impl Leadership {
    /// Has another value say who leads, only if that is still so.
    ///
    /// # Errors
    ///
    /// As for [`txn`](Self::txn).
    pub async fn proclaim(&self, value: impl IntoBytes) -> Result<TxnResponse, Error> {
        let put = PutRequest::new(self.key(), value).lease(self.lease().id());
        self.held.txn(TxnRequest::new().then([put])).await
    }

    /// Gives it up, and revokes a lease of its own.
    ///
    /// # Errors
    ///
    /// As for [`Lock::release`](super::Lock::release).
    pub async fn resign(self) -> Result<(), Error> {
        self.held.release().await
    }
}
