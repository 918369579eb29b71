//! A key in a line: made, waited with until it is first, and taken away.

use std::time::Duration;

use bytes::Bytes;
use etcd_proto::call::{Guarded, Outcome};
use etcd_proto::ids::{ClusterId, Revision};
use etcd_proto::key::KeyRange;
use etcd_proto::v3::{
    Compare, KeyValue, PutRequest, RangeRequest, Rpc as _, TxnRequest, TxnResponse,
};
use etcd_transport::CallOptions;

use super::changes::{Changes, is_compacted};
use super::fence::FencingToken;
use super::place::{Line, Place};
use crate::error::Error;
use crate::v3::Client;
use crate::v3::lease::KeptLease;
use crate::v3::pauses::Pauses;

/// How long to wait for the key before ours to go before the line is read again: servers are known
/// that lose an event.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How long one try may take of what must not be under way twice.
pub(super) const TRY: Duration = Duration::from_secs(2);

/// The lease that a key stands on.
#[derive(Debug, Clone)]
pub(crate) struct Basis {
    pub(crate) lease: KeptLease,
    /// Whether nothing else stands on it, so that it is revoked with the key.
    pub(crate) own: bool,
}

/// A key in a line. When it is dropped it is taken away, in the background.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) client: Client,
    line: Line,
    pub(crate) basis: Basis,
    pub(crate) key: Bytes,
    value: Bytes,
    /// When it was made, once that is known.
    pub(super) made: Option<FencingToken>,
    /// An attempt to make it may yet come through.
    pub(super) unclear: bool,
    /// It is gone, and needs not be taken away.
    pub(super) gone: bool,
}

/// A key that is made, and the keys that were made before it.
struct Made {
    before: Vec<KeyValue>,
    /// Whether there are more of these.
    more: bool,
    /// As of when.
    seen: Revision,
}

impl Entry {
    /// A key that is not made yet.
    pub(crate) fn new(
        client: Client,
        line: Line,
        basis: Basis,
        value: Bytes,
    ) -> Result<Self, Error> {
        // A lease of its own has one key in one line; another may have had this one before, whose
        // removal would meet the new one.
        let nonce = if basis.own { None } else { Some(nonce()?) };
        let key = line.key(basis.lease.id(), nonce);
        Ok(Self { client, line, basis, key, value, made: None, unclear: false, gone: false })
    }

    /// Makes the key, and waits until it is the first in its line.
    ///
    /// # Errors
    ///
    /// [`LockLost`](ErrorKind::LockLost) when its lease or the key ends before.
    pub(crate) async fn take(&mut self) -> Result<FencingToken, Error> {
        let lease = self.basis.lease.clone();
        while_it_lives(&lease, self.turn()).await
    }

    /// Makes the key; nothing when it is not the first in its line.
    ///
    /// # Errors
    ///
    /// As for [`take`](Self::take).
    pub(crate) async fn try_take(&mut self) -> Result<Option<FencingToken>, Error> {
        let lease = self.basis.lease.clone();
        let taken = async {
            let (token, made) = self.make().await?;
            let (place, _) = self.place(token, made).await?;
            Ok((place == Place::First).then_some(token))
        };
        while_it_lives(&lease, taken).await
    }

    async fn turn(&mut self) -> Result<FencingToken, Error> {
        let (token, made) = self.make().await?;
        let (mut place, mut seen) = self.place(token, made).await?;
        let mut pauses = Pauses::new();
        loop {
            match place {
                Place::First => return Ok(token),
                Place::Gone => return Err(Error::lost("its key was removed while it waited")),
                Place::Behind(before) => match self.wait(&before, seen).await {
                    Ok(()) => pauses.reset(),
                    // Where history is gone, the line as it is now tells all that matters.
                    Err(error) if is_compacted(&error) || error.is_transient() => {
                        pauses.pause().await;
                    }
                    Err(error) => return Err(error),
                },
            }
            (place, seen) = self.look(token).await?;
        }
    }

    /// Waits until this key or our own is removed, as of a revision, or it is time to look again.
    async fn wait(&self, before: &Bytes, seen: Revision) -> Result<(), Error> {
        let next = Revision(seen.0 + 1);
        let removed = async |key: &Bytes| {
            let mut changes = Changes::from(&self.client, KeyRange::one(key), next);
            while !changes.next().await?.iter().any(|event| event.is_delete()) {}
            Ok(())
        };
        tokio::select! {
            gone = removed(before) => gone,
            gone = removed(&self.key) => gone,
            () = tokio::time::sleep(LOOK_AGAIN) => Ok(()),
        }
    }

    /// Makes the key, as often as it takes. Each try finds what an earlier one did.
    async fn make(&mut self) -> Result<(FencingToken, Made), Error> {
        let kv = self.client.kv();
        let put = PutRequest::new(&self.key, &self.value).lease(self.basis.lease.id());
        let last = self.line.newest();
        let mut request = TxnRequest::new()
            .when([Compare::absent(&self.key)])
            .then([last])
            .then([put])
            .or_else([RangeRequest::new(&self.key)]);
        kv.namespace.transaction(&mut request);
        let request = Guarded(request);
        let mut pauses = Pauses::new();
        loop {
            match kv.core.send(&request, &self.making()).await {
                Ok(mut reply) => {
                    kv.namespace.strip_transaction(&mut reply);
                    return self.made(reply);
                }
                Err(error) => {
                    self.unclear |= error.outcome() == Outcome::Unknown;
                    let error = kv.core.explain(error, TxnRequest::PATH, TxnRequest::SINCE).await;
                    if !error.is_transient() {
                        return Err(error);
                    }
                    tracing::debug!(%error, "a key in a line is not made yet");
                    pauses.pause().await;
                }
            }
        }
    }

    /// A late attempt to make the key does no harm when its lease is revoked with it. Else there
    /// must not be one that nobody knows of.
    fn making(&self) -> CallOptions {
        let options = CallOptions::default();
        if self.basis.own { options } else { options.waits().deadline(TRY) }
    }

    fn made(&mut self, reply: TxnResponse) -> Result<(FencingToken, Made), Error> {
        let (seen, cluster_id) = (reply.revision(), cluster_of(&reply));
        let keys = reply.responses.into_iter().next().and_then(|first| first.into_range());
        let keys = keys.unwrap_or_default();
        let (revision, made) = if reply.succeeded {
            (seen, Made { before: keys.kvs, more: keys.more, seen })
        } else {
            // By an attempt of ours whose answer was lost.
            let ours = keys.kvs.first().map(|key| Revision(key.create_revision));
            (ours.unwrap_or(seen), Made { before: Vec::new(), more: true, seen })
        };
        let token = FencingToken { cluster_id, revision };
        self.made = Some(token);
        Ok((token, made))
    }

    async fn place(&self, token: FencingToken, made: Made) -> Result<(Place, Revision), Error> {
        match self.line.before(&made.before, token.revision) {
            Some(before) => Ok((Place::Behind(before.key.clone()), made.seen)),
            None if made.more => self.look(token).await,
            None => Ok((Place::First, made.seen)),
        }
    }

    /// Reads the line up to our key; its place, and as of when.
    async fn look(&self, token: FencingToken) -> Result<(Place, Revision), Error> {
        let mut pauses = Pauses::new();
        loop {
            match self.read(token).await {
                Err(error) if error.is_transient() => pauses.pause().await,
                read => return read,
            }
        }
    }

    async fn read(&self, token: FencingToken) -> Result<(Place, Revision), Error> {
        let mut keys = Vec::new();
        let mut request = self.line.newest().max_create_revision(token.revision);
        let mut seen = None;
        loop {
            let reply = self.client.kv().range(request.clone()).await?;
            let seen = *seen.get_or_insert_with(|| reply.revision());
            let oldest = reply.kvs.last().map(|key| key.create_revision);
            keys.extend(reply.kvs);
            let found = self.line.before(&keys, token.revision).is_some();
            match oldest {
                Some(oldest) if reply.more && !found => {
                    request = request.revision(seen).max_create_revision(oldest - 1);
                }
                _ => return Ok((self.line.place(&keys, &self.key, token.revision), seen)),
            }
        }
    }
}

async fn while_it_lives<T>(
    lease: &KeptLease,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        biased;
        why = lease.lost() => Err(Error::lost(format!("its lease ended while it waited: {why}"))),
        done = work => done,
    }
}

fn cluster_of(reply: &TxnResponse) -> ClusterId {
    reply.header.map(|header| header.cluster()).unwrap_or_default()
}

fn nonce() -> Result<u32, Error> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::unsupported(format!("no random numbers: {error}")))?;
    Ok(u32::from_ne_bytes(bytes))
}
