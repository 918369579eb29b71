//! Keys: reading, writing, transactions.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use bytes::Bytes;
use etcd_proto::call::Outcome;
use etcd_proto::ids::Revision;
use etcd_proto::key::{IntoBytes, KeyRange};
use etcd_proto::v3::error::message;
use etcd_proto::v3::{
    CompactionRequest, CompactionResponse, Compare, DeleteRangeRequest, DeleteRangeResponse,
    KeyValue, PutRequest, PutResponse, RangeRequest, RangeResponse, Rpc as _, TxnRequest,
    TxnResponse,
};
use etcd_transport::CallOptions;

use super::core::Core;
use super::namespace::Namespace;
use crate::error::{Error, ErrorKind};

/// Keys of a store. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Kv {
    pub(super) core: Core,
    pub(super) namespace: Namespace,
    pub(super) options: CallOptions,
}

impl Kv {
    pub(super) fn new(core: Core, namespace: Namespace) -> Self {
        Self { core, namespace, options: CallOptions::default() }
    }

    /// The same keys, with options for each call.
    pub fn with_options(&self, options: CallOptions) -> Self {
        Self { options, ..self.clone() }
    }

    /// Reads a key, linearizably; nothing where there is no such key.
    ///
    /// # Errors
    ///
    /// When the key is empty, the user may not read it, or no member answers.
    pub async fn get(&self, key: impl IntoBytes) -> Result<Option<KeyValue>, Error> {
        let request = RangeRequest::new(KeyRange::one(key));
        Ok(self.read(request).await?.kvs.into_iter().next())
    }

    /// Reads a range of keys, linearizably unless the request says otherwise.
    ///
    /// Awaiting it brings the whole range in one reply; [`Range::stream`] brings it in pieces.
    pub fn range(&self, request: impl Into<RangeRequest>) -> Range {
        Range { kv: self.clone(), request: request.into() }
    }

    /// Writes a key.
    ///
    /// # Errors
    ///
    /// When the key is empty, the user may not write it, the store is full, or no member answers;
    /// [`Error::outcome`] says whether it took effect.
    pub async fn put(
        &self,
        key: impl IntoBytes,
        value: impl IntoBytes,
    ) -> Result<PutResponse, Error> {
        self.put_with(PutRequest::new(key, value)).await
    }

    /// Like [`put`](Self::put), with a lease or other options.
    ///
    /// # Errors
    ///
    /// As for [`put`](Self::put), and when there is no such lease.
    pub async fn put_with(&self, mut request: PutRequest) -> Result<PutResponse, Error> {
        request.key = self.namespace.key(request.key);
        let mut reply = self.core.call_with(&request, &self.options).await?;
        self.namespace.strip_put(&mut reply);
        Ok(reply)
    }

    /// Deletes a key, or a range of keys. Where nothing stands, nothing is deleted, which is no
    /// error.
    ///
    /// # Errors
    ///
    /// As for [`put`](Self::put).
    pub async fn delete(
        &self,
        request: impl Into<DeleteRangeRequest>,
    ) -> Result<DeleteRangeResponse, Error> {
        let mut request = request.into();
        self.namespace.range(&mut request.key, &mut request.range_end);
        let mut reply = self.core.call_with(&request, &self.options).await?;
        self.namespace.strip_delete(&mut reply);
        Ok(reply)
    }

    /// Carries out a transaction: one of two lists of operations, whichever the comparisons choose.
    ///
    /// One that only reads is sent again like a read; any other is sent once.
    ///
    /// # Errors
    ///
    /// As for [`put`](Self::put). That the comparisons do not hold is no error.
    pub async fn txn(&self, mut request: TxnRequest) -> Result<TxnResponse, Error> {
        self.namespace.transaction(&mut request);
        let mut reply = self.core.call_with(&request, &self.options).await?;
        self.namespace.strip_transaction(&mut reply);
        Ok(reply)
    }

    /// Writes a key where nothing stands; the revision of the change.
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](ErrorKind::PreconditionFailed) with the value that stands there, and
    /// as for [`put`](Self::put).
    pub async fn create(
        &self,
        key: impl IntoBytes,
        value: impl IntoBytes,
    ) -> Result<Revision, Error> {
        let key = key.into_bytes();
        let put = PutRequest::new(key.clone(), value);
        let guarded = TxnRequest::new().when([Compare::absent(key.clone())]).then([put]);
        self.guarded(guarded, key).await
    }

    /// Writes a key whose last change has this revision; the revision of the new change.
    ///
    /// # Errors
    ///
    /// As for [`create`](Self::create).
    pub async fn update_if(
        &self,
        key: impl IntoBytes,
        value: impl IntoBytes,
        revision: impl Into<Revision>,
    ) -> Result<Revision, Error> {
        let key = key.into_bytes();
        let put = PutRequest::new(key.clone(), value);
        let guarded = TxnRequest::new().when([unchanged(&key, revision.into())]).then([put]);
        self.guarded(guarded, key).await
    }

    /// Deletes a key whose last change has this revision; the revision of the deletion.
    ///
    /// # Errors
    ///
    /// As for [`create`](Self::create).
    pub async fn delete_if(
        &self,
        key: impl IntoBytes,
        revision: impl Into<Revision>,
    ) -> Result<Revision, Error> {
        let key = key.into_bytes();
        let delete = DeleteRangeRequest::new(key.clone());
        let guarded = TxnRequest::new().when([unchanged(&key, revision.into())]).then([delete]);
        self.guarded(guarded, key).await
    }

    /// Gives up the history before a revision: reads and watches cannot go back beyond it.
    ///
    /// # Errors
    ///
    /// [`HistoryCleared`](ErrorKind::HistoryCleared) where that was done before, and as for
    /// [`put`](Self::put).
    pub async fn compact(
        &self,
        request: impl Into<CompactionRequest>,
    ) -> Result<CompactionResponse, Error> {
        let request = request.into();
        match self.core.send(&request, &self.options).await {
            Ok(reply) => Ok(reply),
            // An earlier attempt of ours may have done it, and it is done in any case.
            Err(etcd_transport::CallError::Refused {
                refusal, outcome: Outcome::Unknown, ..
            }) if refusal.says(message::COMPACTED) => Ok(CompactionResponse::default()),
            Err(error) => {
                let (path, since) = (CompactionRequest::PATH, CompactionRequest::SINCE);
                Err(self.core.explain(error, path, since).await)
            }
        }
    }

    pub(super) async fn read(&self, mut request: RangeRequest) -> Result<RangeResponse, Error> {
        self.namespace.range(&mut request.key, &mut request.range_end);
        let mut reply = self.core.call_with(&request, &self.options).await?;
        self.namespace.strip_range(&mut reply);
        Ok(reply)
    }

    async fn guarded(&self, request: TxnRequest, key: Bytes) -> Result<Revision, Error> {
        let reply = self.txn(request.or_else([RangeRequest::new(KeyRange::one(key))])).await?;
        if reply.succeeded {
            return Ok(reply.revision());
        }
        let found = reply.responses.into_iter().next().and_then(|found| found.into_range());
        let standing = found.and_then(|found| found.kvs.into_iter().next());
        let current = standing.map(|standing| standing.value);
        let message = match current {
            Some(_) => "another value stands at the key, or a later change of it",
            None => "nothing stands at the key",
        };
        let kind = ErrorKind::PreconditionFailed { current };
        Err(Error::new(kind, Outcome::NotApplied, message))
    }
}

fn unchanged(key: &Bytes, revision: Revision) -> Compare {
    Compare::mod_revision(key.clone(), etcd_proto::v3::CompareResult::EQUAL, revision)
}

/// A range that is to be read, whole or in pieces.
#[derive(Debug, Clone)]
#[must_use = "nothing is read until it is awaited"]
pub struct Range {
    pub(super) kv: Kv,
    pub(super) request: RangeRequest,
}

impl IntoFuture for Range {
    type Output = Result<RangeResponse, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.kv.read(self.request).await })
    }
}
