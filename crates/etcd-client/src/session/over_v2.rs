//! The ten calls over the v2 API.

use std::time::{Duration, Instant};

use etcd_proto::tree::{Node, Path};

use super::key::Key;
use super::module_lock;
use super::types::{Entry, Leader, Listed, Previous, SetOptions, Ticket};
use super::watcher::Watcher;
use super::{bytes, text};
use crate::Ttl;
use crate::error::{Error, ErrorKind};
use crate::keep::{Kept, keep};
use crate::keeper::Keeper;
use crate::stop::Stop;
use crate::v2::api::{Delete, Feature, Node as V2Node, PeerLeader, Set, StatsSelf, Version};
use crate::v2::{Client, WatchOptions};

/// A session's calls over the v2 API.
#[derive(Debug)]
pub(super) struct OverV2 {
    client: Client,
    version: Version,
}

impl OverV2 {
    pub(super) fn new(client: Client, version: Version) -> Self {
        Self { client, version }
    }

    pub(super) fn set_endpoints(&self, endpoints: Vec<crate::Endpoint>) {
        self.client.set_endpoints(endpoints);
    }

    pub(super) fn endpoints(&self) -> Vec<etcd_transport::EndpointStatus> {
        self.client.endpoints()
    }

    pub(super) async fn get(&self, key: &[u8]) -> Result<Entry, Error> {
        entry(self.client.get(text("key", key)?).await?).ok_or_else(crate::v2::is_directory)
    }

    pub(super) async fn list(&self, directory: &[u8]) -> Result<Vec<Listed>, Error> {
        let nodes = self.client.list(text("directory", directory)?).await?;
        let listed = |node: V2Node| {
            let (directory, index) = (node.dir, node.modified_index);
            Listed::new(Key::stored(node.key), node.value.map(Into::into), directory, index)
        };
        Ok(nodes.into_iter().map(listed).collect())
    }

    pub(super) async fn tree(&self, directory: &[u8]) -> Result<Node<Entry>, Error> {
        let path: Path = text("directory", directory)?.parse()?;
        let children = self.client.list_recursive(path.as_str()).await?;
        let root = V2Node {
            key: path.as_str().to_owned(),
            dir: true,
            nodes: children,
            ..V2Node::default()
        };
        Ok(entries(root.into_tree()))
    }

    pub(super) async fn set(
        &self,
        key: &[u8],
        value: &[u8],
        options: &SetOptions,
    ) -> Result<u64, Error> {
        let text_key = text("key", key)?;
        let set = Set::new(text_key.parse()?, text("value", value)?).ttl(options.ttl);
        let written = match &options.previous {
            Some(Previous::Value(previous)) => {
                self.client.swap(&set, text_key, text("previous value", previous)?).await
            }
            Some(Previous::Index(index)) => self.write(&set.if_index(*index)).await,
            Some(Previous::Absent) => self.write(&set.if_absent()).await,
            Some(Previous::Present) => self.write(&set.if_present()).await,
            None => self.write(&set).await,
        };
        match written {
            Ok(node) => Ok(node.modified_index),
            Err(error) => Err(self.with_current(key, error).await),
        }
    }

    async fn write(&self, set: &Set) -> Result<V2Node, Error> {
        crate::v2::node(self.client.send(set).await?)
    }

    pub(super) async fn delete(&self, key: &[u8], previous: Option<&[u8]>) -> Result<(), Error> {
        let path: Path = text("key", key)?.parse()?;
        let delete = match previous {
            None => Delete::new(path),
            // Servers cannot compare with an empty value: its index is read and compared.
            Some([]) => {
                let present = self.get(key).await?;
                if !present.value.is_empty() {
                    let kind = ErrorKind::PreconditionFailed { current: Some(present.value) };
                    return Err(Error::new(
                        kind,
                        crate::Outcome::NotApplied,
                        "the value is not empty",
                    ));
                }
                Delete::new(path).if_index(present.index)
            }
            Some(previous) => Delete::new(path).if_value(text("previous value", previous)?),
        };
        match self.client.send(&delete).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.with_current(key, error).await),
        }
    }

    /// A failed condition says what stands there.
    async fn with_current(&self, key: &[u8], error: Error) -> Error {
        if !error.is_precondition_failed() {
            return error;
        }
        let current = self.get_current(key).await;
        error.into_kind(ErrorKind::PreconditionFailed { current })
    }

    async fn get_current(&self, key: &[u8]) -> Option<bytes::Bytes> {
        self.get(key).await.ok().map(|entry| entry.value)
    }

    pub(super) async fn leader(&self) -> Result<Leader, Error> {
        if Feature::Members.require(self.version).is_ok() {
            let member = self.client.leader().await?;
            return Ok(Leader::new(member.id.to_string(), member.name, member.client_urls));
        }
        let name = self.client.send(&StatsSelf).await?.leader_info.leader;
        let url = match self.old_client_url(&name).await {
            Some(url) => url,
            None => self.client.send(&PeerLeader).await?,
        };
        Ok(Leader::new(name.clone(), name, vec![url]))
    }

    /// Where clients reach a member of 0.x, as it says in the store: `etcd=URL&raft=URL`.
    async fn old_client_url(&self, name: &str) -> Option<String> {
        let machine =
            self.client.get_serializable(&format!("/_etcd/machines/{name}")).await.ok()?;
        let url = machine
            .value?
            .split('&')
            .find_map(|field| field.strip_prefix("etcd=")?.to_owned().into())?;
        Some(url.replace("%3A", ":").replace("%2F", "/"))
    }

    pub(super) fn watch(&self, prefix: &[u8], from_index: Option<u64>) -> Result<Watcher, Error> {
        let options = WatchOptions::new().recursive().from_index(from_index);
        Ok(Watcher::over_v2(self.client.watch(text("prefix", prefix)?, options)?))
    }

    pub(super) async fn lock(
        &self,
        key: &[u8],
        ttl: Ttl,
        stop: impl Future<Output = ()>,
    ) -> Result<Ticket, Error> {
        let path = lock_path(key)?;
        if self.has_lock_module() {
            let take = |stop| module_lock::acquire(&self.client, path, ttl, stop);
            return Stop::beside(stop, take).await;
        }
        let lock = self.client.lock_unless(path.as_str(), ttl, stop).await?;
        Ok(Ticket::new(Key::of(&path), lock.index(), ttl, lock.deadline()))
    }

    pub(super) async fn renew(&self, key: &[u8], index: u64, ttl: Ttl) -> Result<Ticket, Error> {
        let path = lock_path(key)?;
        if self.has_lock_module() {
            return module_lock::renew(&self.client, path, index, ttl).await;
        }
        let lock = self.client.renew_lock(path.as_str(), index, ttl).await?;
        Ok(Ticket::new(Key::of(&path), index, ttl, lock.deadline()))
    }

    pub(super) async fn unlock(&self, key: &[u8], index: u64) -> Result<(), Error> {
        let path = lock_path(key)?;
        if self.has_lock_module() {
            return module_lock::release(&self.client, path, index).await;
        }
        self.client.unlock(path.as_str(), index).await
    }

    pub(super) async fn hold<T>(
        &self,
        ticket: &mut Ticket,
        work: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let keeper = Keeper::until(ticket.ttl.duration(), ticket.deadline);
        let mut held = Held { over: self, ticket, keeper };
        tokio::select! {
            biased;
            lost = keep(&mut held) => Err(lost),
            done = work => Ok(done),
        }
    }

    /// etcd 0.2 and 0.3 lock on the server, and their other clients expect it there.
    fn has_lock_module(&self) -> bool {
        Feature::LockModule.require(self.version).is_ok()
    }
}

fn lock_path(key: &[u8]) -> Result<Path, Error> {
    let path: Path = text("key", key)?.parse()?;
    match path.is_root() {
        true => Err(Error::invalid("the root cannot be locked; give a key")),
        false => Ok(path),
    }
}

/// A lock that is kept by its ticket.
struct Held<'a> {
    over: &'a OverV2,
    ticket: &'a mut Ticket,
    keeper: Keeper,
}

impl Kept for Held<'_> {
    fn keeper(&mut self) -> &mut Keeper {
        &mut self.keeper
    }

    async fn renew(&mut self) -> Result<(), Error> {
        let sent = Instant::now();
        let renewed =
            self.over.renew(self.ticket.key.as_bytes(), self.ticket.index, self.ticket.ttl).await?;
        self.keeper.renewed(sent);
        self.ticket.deadline = renewed.deadline;
        Ok(())
    }

    fn late(&self, _: Option<Error>) -> Error {
        Error::late(&self.ticket.key, self.ticket.index)
    }
}

/// A key; nothing for a directory.
fn entry(node: V2Node) -> Option<Entry> {
    let ttl = node.ttl.and_then(|ttl| u64::try_from(ttl).ok()).map(Duration::from_secs);
    (!node.dir)
        .then(|| Entry::new(Key::stored(node.key), bytes(node.value), node.modified_index, ttl))
}

fn entries(node: Node<V2Node>) -> Node<Entry> {
    let children = node.children.into_iter().map(entries).collect();
    Node { name: node.name, value: node.value.and_then(entry), children }
}
