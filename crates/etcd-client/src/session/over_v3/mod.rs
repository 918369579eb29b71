//! The ten calls over the v3 API.

mod keys;
mod lock;
mod watch;

use std::time::Duration;

use bytes::Bytes;
use etcd_proto::key::KeyRange;
use etcd_proto::plain::Lossless;
use etcd_proto::tree::Node;

use self::keys::Child;
use super::key::Key;
use super::types::{Entry, Leader, Listed, Previous, SetOptions};
use crate::error::{Error, ErrorKind};
use crate::v3::Client;
use crate::v3::api::{
    Compare, CompareResult, DeleteRangeRequest, KeyValue, PutRequest, RangeRequest, RangeResponse,
    RequestOp, TxnRequest, TxnResponse,
};
use crate::{EndpointStatus, Outcome};
pub(super) use watch::Watcher;

/// How many keys are read at once.
const PAGE: u64 = 1000;

/// A session's calls over the v3 API.
#[derive(Debug)]
pub(super) struct OverV3 {
    client: Client,
}

impl OverV3 {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    pub(super) fn set_endpoints(&self, endpoints: Vec<crate::Endpoint>) {
        self.client.set_endpoints(endpoints);
    }

    pub(super) fn endpoints(&self) -> Vec<EndpointStatus> {
        self.client.endpoints()
    }

    /// A key; where none stands, whether a directory does is read in the same transaction.
    pub(super) async fn get(&self, key: &[u8]) -> Result<Entry, Error> {
        let path = Key::parse(key)?;
        let read = TxnRequest::new().then([
            RequestOp::from(RangeRequest::new(path.bytes())),
            RequestOp::from(RangeRequest::new(keys::inside(&path)).limit(1).keys_only()),
        ]);
        let [found, inside] = two(self.client.kv().txn(read).await?);
        match found.kvs.into_iter().next().filter(|_| !path.is_root()) {
            Some(entry) => self.entry(entry).await,
            None if path.is_root() || !inside.kvs.is_empty() => Err(crate::v2::is_directory()),
            None => Err(not_found(&path)),
        }
    }

    async fn entry(&self, entry: KeyValue) -> Result<Entry, Error> {
        let ttl = self.time_left(&entry).await?;
        Ok(Entry::new(Key::stored(entry.key), entry.value, index(entry.mod_revision), ttl))
    }

    /// How long the lease of a key still lasts; nothing where it has none.
    async fn time_left(&self, entry: &KeyValue) -> Result<Option<Duration>, Error> {
        let Some(lease) = entry.lease_id() else { return Ok(None) };
        let left = self.client.lease().time_to_live(lease).await?;
        // A lease that has ended in the meantime takes its keys with it.
        let seconds = left.and_then(|left| u64::try_from(left.ttl).ok()).unwrap_or(0);
        Ok(Some(Duration::from_secs(seconds)))
    }

    pub(super) async fn list(&self, directory: &[u8]) -> Result<Vec<Listed>, Error> {
        let path = Key::parse(directory)?;
        let (mut listed, mut revision) = (Vec::new(), 0);
        let KeyRange { key: mut from, range_end } = keys::inside(&path);
        loop {
            let range = KeyRange { key: from, range_end: range_end.clone() };
            let page = RangeRequest::new(range).limit(PAGE).revision(revision);
            let page = self.client.kv().range(page).await?;
            // All pages show one state of the store.
            revision = if revision == 0 { page.revision().0 } else { revision };
            let (children, next) = keys::children(&path, page.kvs, page.more);
            listed.extend(children.into_iter().map(listed_child));
            match next {
                Some(next) => from = next,
                None if listed.is_empty() => return self.empty(&path).await,
                None => return Ok(listed),
            }
        }
    }

    /// What a directory is that holds nothing.
    async fn empty(&self, path: &Key) -> Result<Vec<Listed>, Error> {
        if path.is_root() {
            return Ok(Vec::new());
        }
        match self.client.kv().get(path.bytes()).await? {
            Some(_) => Err(Error::new(
                ErrorKind::NotADirectory,
                Outcome::NotApplied,
                format!("a value stands at {path:?}, not a directory"),
            )),
            None => Err(not_found(path)),
        }
    }

    pub(super) async fn tree(&self, directory: &[u8]) -> Result<Node<Entry>, Error> {
        let path = Key::parse(directory)?;
        let below = keys::below(&path);
        let mut stream = self.client.kv().range(keys::inside(&path)).stream();
        let mut found = Vec::new();
        while let Some(page) = stream.next().await {
            for entry in page? {
                let rest = entry.key.strip_prefix(&below[..]).unwrap_or_default();
                if !keys::is_hidden(rest) {
                    let (rest, key) = (Lossless(rest).to_string(), Key::stored(entry.key));
                    found.push((
                        rest,
                        Entry::new(key, entry.value, index(entry.mod_revision), None),
                    ));
                }
            }
        }
        if found.is_empty() {
            self.empty(&path).await?;
        }
        let mut root = Node::from_flat(found);
        root.name = Lossless(path.name()).to_string();
        Ok(root)
    }

    pub(super) async fn set(
        &self,
        key: &[u8],
        value: &[u8],
        options: &SetOptions,
    ) -> Result<u64, Error> {
        let path = Key::parse(key)?;
        if path.is_root() {
            return Err(Error::invalid("the root is a directory; give a key"));
        }
        let lease = match options.ttl {
            Some(ttl) => self.client.lease().grant(ttl).await?.id,
            None => 0,
        };
        let put = PutRequest::new(path.bytes(), value).lease(lease);
        let written = self.write(&path, put.into(), options.previous.as_ref()).await;
        // What may have been written keeps its lease.
        if lease != 0 && written.as_ref().is_err_and(Error::is_definitely_not_applied) {
            let _ = self.client.lease().revoke(lease).await;
        }
        written
    }

    pub(super) async fn delete(&self, key: &[u8], previous: Option<&[u8]>) -> Result<(), Error> {
        let path = Key::parse(key)?;
        let delete = DeleteRangeRequest::new(path.bytes());
        let previous = match previous {
            Some(previous) => Previous::Value(Bytes::copy_from_slice(previous)),
            None => Previous::Present,
        };
        self.write(&path, delete.into(), Some(&previous)).await.map(drop)
    }

    /// Changes a key on a condition. Where that does not hold, what stands there, and whether a
    /// directory does, is read in the same transaction.
    async fn write(
        &self,
        path: &Key,
        change: RequestOp,
        previous: Option<&Previous>,
    ) -> Result<u64, Error> {
        let key = path.bytes();
        let compare = previous.map(|previous| match previous {
            Previous::Absent => Compare::absent(&key),
            Previous::Present => Compare::exists(&key),
            Previous::Value(value) => Compare::value(&key, CompareResult::EQUAL, value),
            Previous::Index(index) => {
                let revision = i64::try_from(*index).unwrap_or(i64::MAX);
                Compare::mod_revision(&key, CompareResult::EQUAL, revision)
            }
        });
        let request = TxnRequest::new().when(compare).then([change]).or_else([
            RequestOp::from(RangeRequest::new(&key)),
            RequestOp::from(RangeRequest::new(keys::inside(path)).limit(1).keys_only()),
        ]);
        let reply = self.client.kv().txn(request).await?;
        if reply.succeeded {
            return Ok(index(reply.revision().0));
        }
        let [found, inside] = two(reply);
        match found.kvs.into_iter().next() {
            Some(entry) => Err(Error::new(
                ErrorKind::PreconditionFailed { current: Some(entry.value) },
                Outcome::NotApplied,
                format!("{path:?} is not as required"),
            )),
            None if !inside.kvs.is_empty() => Err(crate::v2::is_directory()),
            None => Err(not_found(path)),
        }
    }

    pub(super) fn watch(&self, prefix: &[u8], from_index: Option<u64>) -> Result<Watcher, Error> {
        Ok(Watcher::new(&self.client, Key::parse(prefix)?, from_index))
    }

    pub(super) async fn leader(&self) -> Result<Leader, Error> {
        let leader = self.client.cluster().leader().await?;
        let id = leader.member_id().to_string();
        Ok(Leader::new(id, leader.name, leader.client_urls))
    }
}

fn listed_child(child: Child) -> Listed {
    match child {
        Child::Key(entry) => {
            let (key, index) = (Key::stored(entry.key), index(entry.mod_revision));
            Listed::new(key, Some(entry.value), false, index)
        }
        Child::Directory { path, index } => Listed::new(path, None, true, index),
    }
}

/// The replies to two reads.
fn two(reply: TxnResponse) -> [RangeResponse; 2] {
    let mut ranges = reply.responses.into_iter().map(|response| response.into_range());
    [ranges.next(), ranges.next()].map(|range| range.flatten().unwrap_or_default())
}

fn not_found(path: &Key) -> Error {
    let message = format!("there is no key {path:?}");
    Error::new(ErrorKind::KeyNotFound, Outcome::NotApplied, message)
}

/// Revisions are never negative.
fn index(revision: i64) -> u64 {
    u64::try_from(revision).unwrap_or(0)
}
