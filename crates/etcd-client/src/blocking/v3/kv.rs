//! Keys.

use etcd_proto::ids::Revision;
use etcd_proto::key::IntoBytes;
use etcd_proto::v3::{
    CompactionRequest, CompactionResponse, DeleteRangeRequest, DeleteRangeResponse, KeyValue,
    PutRequest, PutResponse, RangeRequest, RangeResponse, TxnRequest, TxnResponse,
};
use etcd_transport::CallOptions;

use super::super::pump::Pump;
use super::shadow::{calls, iterates};
use crate::Error;
use crate::v3;

/// Keys of a store, without async; see [`crate::v3::Kv`].
#[derive(Debug, Clone)]
pub struct Kv {
    pub(super) inner: v3::Kv,
    pub(super) pump: Pump,
}

impl Kv {
    /// The same keys, with options for each call.
    pub fn with_options(&self, options: CallOptions) -> Self {
        Self { inner: self.inner.with_options(options), pump: self.pump.clone() }
    }

    /// Reads a range of keys in one reply, linearizably unless the request says otherwise.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    pub fn range(&self, request: impl Into<RangeRequest>) -> Result<RangeResponse, Error> {
        self.pump.run(self.inner.range(request).into_future())
    }

    /// Reads a range piece by piece, all of it at one revision; see [`crate::v3::Range::stream`].
    ///
    /// ```no_run
    /// use etcd_client::{KeyRange, blocking::Client};
    ///
    /// # fn example(client: &Client) -> Result<(), etcd_client::Error> {
    /// for entries in client.kv().range_stream(KeyRange::prefix("/jobs/")) {
    ///     println!("{} more jobs", entries?.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn range_stream(&self, request: impl Into<RangeRequest>) -> RangeStream {
        RangeStream { inner: self.inner.range(request).stream(), pump: self.pump.clone() }
    }
}

calls! { Kv:
    /// Reads a key, linearizably; nothing where there is no such key.
    get(key: impl IntoBytes) -> Option<KeyValue>;
    /// Writes a key.
    put(key: impl IntoBytes, value: impl IntoBytes) -> PutResponse;
    /// Writes a key with a lease or other options.
    put_with(request: PutRequest) -> PutResponse;
    /// Deletes a key, or a range of keys. Where nothing stands, nothing is deleted.
    delete(request: impl Into<DeleteRangeRequest>) -> DeleteRangeResponse;
    /// Carries out a transaction: one of two lists of operations, whichever the comparisons choose.
    txn(request: TxnRequest) -> TxnResponse;
    /// Writes a key where nothing stands; the revision of the change.
    create(key: impl IntoBytes, value: impl IntoBytes) -> Revision;
    /// Writes a key whose last change has this revision; the revision of the new change.
    update_if(key: impl IntoBytes, value: impl IntoBytes, revision: impl Into<Revision>) -> Revision;
    /// Deletes a key whose last change has this revision; the revision of the deletion.
    delete_if(key: impl IntoBytes, revision: impl Into<Revision>) -> Revision;
    /// Gives up the history before a revision: reads and watches cannot go back beyond it.
    compact(request: impl Into<CompactionRequest>) -> CompactionResponse;
}

/// An iterator over the pieces of a range; see [`Kv::range_stream`]. An error is its last item.
#[derive(Debug)]
pub struct RangeStream {
    inner: v3::RangeStream,
    pump: Pump,
}

iterates!(RangeStream, Vec<KeyValue>);

impl RangeStream {
    /// The revision that all keys are read at; known from the first piece on.
    pub fn revision(&self) -> Option<Revision> {
        self.inner.revision()
    }

    /// How many keys the range holds, whatever the limit; known from the first piece on.
    pub fn count(&self) -> Option<u64> {
        self.inner.count()
    }

    /// Whether the limit kept keys back; known after the last piece.
    pub fn more(&self) -> bool {
        self.inner.more()
    }
}
