//! What is held by the first key of a line, for as long as it surely is.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use etcd_proto::call::Outcome;
use etcd_proto::ids::Revision;
use etcd_proto::key::KeyRange;
use etcd_proto::v3::{TxnRequest, TxnResponse};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::changes::Changes;
use super::entry::Entry;
use super::fence::{Fenced, FencingToken, still_there};
use crate::error::{Error, ErrorKind};
use crate::v3::Client;
use crate::v3::lease::{Ended, KeptLease};
use crate::v3::pauses::Pauses;

/// Why a lock or a leadership is not surely held any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lost {
    /// The lease that it stands on has ended, or may have.
    Lease(Ended),
    /// Its key was removed: with its lease, which was revoked, or by somebody.
    KeyDeleted,
    /// Members of another cluster answer now: one that was set up anew, perhaps from a backup.
    ClusterChanged,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lease(why) => write!(f, "of its lease, {why}"),
            Self::KeyDeleted => f.write_str("its key was removed"),
            Self::ClusterChanged => f.write_str("another cluster answers"),
        }
    }
}

/// The reason why it was lost, once it was.
type Fate = watch::Sender<Option<Lost>>;

/// Something that the first in a line holds.
///
/// Three signals tell of its loss, and the first one counts for good: the renewal of its lease, a
/// watch on its key, and the deadline of the last renewal.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) entry: Entry,
    pub(crate) token: FencingToken,
    fate: Arc<Fate>,
    watch: Watching,
}

/// The task that watches the key; it ends with this.
#[derive(Debug)]
struct Watching(JoinHandle<()>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Held {
    pub(crate) fn new(entry: Entry, token: FencingToken) -> Self {
        let fate = Arc::new(Fate::new(None));
        let key = Watched {
            client: entry.client.clone(),
            key: entry.key.clone(),
            made: token.revision,
            fate: Arc::clone(&fate),
        };
        let watch = Watching(entry.basis.lease.spawn(key.watch()));
        Self { entry, token, fate, watch }
    }

    pub(crate) fn lease(&self) -> &KeptLease {
        &self.entry.basis.lease
    }

    /// How long it is surely held yet. Whoever finds it lost finds so for everybody after.
    pub(crate) fn look(&self) -> Result<Duration, Lost> {
        let mut found = Ok(Duration::ZERO);
        self.fate.send_if_modified(|fate| {
            found = match (*fate, self.lease().look()) {
                (Some(lost), _) => Err(lost),
                (None, Ok(left)) => Ok(left),
                (None, Err(why)) => Err(*fate.insert(Lost::Lease(why))),
            };
            false
        });
        found
    }

    pub(crate) async fn lost(&self) -> Lost {
        let mut wait = pin!(self.wait());
        // Looked at whenever it is polled: timers of a process that was stopped come late.
        poll_fn(|cx| match self.look() {
            Ok(_) => wait.as_mut().poll(cx),
            Err(lost) => Poll::Ready(lost),
        })
        .await
    }

    async fn wait(&self) -> Lost {
        let mut fate = self.fate.subscribe();
        loop {
            if let Err(lost) = self.look() {
                return lost;
            }
            tokio::select! {
                _ = fate.changed() => {}
                _ = self.lease().lost() => {}
            }
        }
    }

    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            biased;
            // What of the work was done nobody knows.
            lost = self.lost() => Err(error(lost).with_outcome(Outcome::Unknown)),
            done = work => Ok(done),
        }
    }

    /// Does a transaction under the condition that the key is still there.
    pub(crate) async fn txn(&self, request: TxnRequest) -> Result<TxnResponse, Error> {
        self.look().map_err(error)?;
        let fenced = Fenced::new(request, still_there(&self.entry.key, self.token.revision));
        let reply = self.entry.client.kv().txn(fenced.request.clone()).await?;
        let same = reply.header.is_none_or(|header| header.cluster() == self.token.cluster_id);
        match fenced.reply(reply) {
            Some(reply) if same => Ok(reply),
            // A key of the same name was made there at the same revision.
            Some(_) => Err(self.lose(Lost::ClusterChanged).with_outcome(Outcome::Applied)),
            None if same => Err(self.lose(Lost::KeyDeleted)),
            None => Err(self.lose(Lost::ClusterChanged)),
        }
    }

    fn lose(&self, why: Lost) -> Error {
        error(lose(&self.fate, why))
    }

    pub(crate) fn leave(self) -> FencingToken {
        let Self { entry, token, watch, .. } = self;
        drop(watch);
        entry.leave();
        token
    }

    pub(crate) async fn release(self) -> Result<(), Error> {
        let Self { entry, token, watch, .. } = self;
        // Not to be told of what is done here.
        drop(watch);
        entry.remove(token).await
    }
}

/// Tells of the loss for this reason, unless it was told before; the reason that holds.
fn lose(fate: &Fate, why: Lost) -> Lost {
    let mut reason = why;
    fate.send_if_modified(|fate| {
        reason = *fate.get_or_insert(why);
        true
    });
    reason
}

pub(crate) fn error(lost: Lost) -> Error {
    Error::lost(format!("it is held no longer, because {lost}"))
}

/// A key whose removal ends what is held.
struct Watched {
    client: Client,
    key: Bytes,
    made: Revision,
    fate: Arc<Fate>,
}

impl Watched {
    /// Tells when the key is removed, and ends then.
    async fn watch(self) {
        let mut pauses = Pauses::new();
        let mut from = Revision(self.made.0 + 1);
        let why = loop {
            match self.removed(&mut from).await {
                Ok(()) => break Lost::KeyDeleted,
                Err(error) if *error.kind() == ErrorKind::AnotherHistory => {
                    break Lost::ClusterChanged;
                }
                Err(error) => tracing::debug!(%error, "a held key is not watched"),
            }
            pauses.pause().await;
            match self.read().await {
                Ok(Some(seen)) => from = from.max(Revision(seen.0 + 1)),
                Ok(None) => break Lost::KeyDeleted,
                Err(error) => tracing::debug!(%error, "a held key cannot be read"),
            }
        };
        lose(&self.fate, why);
    }

    async fn removed(&self, from: &mut Revision) -> Result<(), Error> {
        let mut changes = Changes::from(&self.client, KeyRange::one(&self.key), *from);
        loop {
            for event in changes.next().await? {
                if event.is_delete() {
                    return Ok(());
                }
                let seen = event.kv.map_or(0, |key| key.mod_revision);
                *from = (*from).max(Revision(seen + 1));
            }
        }
    }

    /// As of when the key is there; nothing when it is not, or was made anew.
    async fn read(&self) -> Result<Option<Revision>, Error> {
        let reply = self.client.kv().range(KeyRange::one(&self.key)).await?;
        let ours = reply.kvs.iter().any(|key| key.create_revision == self.made.0);
        Ok(ours.then_some(reply.revision()))
    }
}
