//! What was written, and what a watcher can make of what it was told.

use std::collections::BTreeMap;

use etcd_client::v2::api::Node;
use etcd_client::v2::{Change, Client};
use etcd_client::{Error, Ttl};

/// A change as its writer knows it: the value is gone with a removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) index: u64,
    pub(super) key: String,
    pub(super) value: Option<String>,
}

impl From<&Change> for Written {
    fn from(change: &Change) -> Self {
        let (index, key, value) = (change.index, change.key.clone(), change.value.clone());
        Self { index, key, value }
    }
}

/// The keys that are there, each with its value and the index of its last change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Map(BTreeMap<String, (String, u64)>);

impl Map {
    pub(super) fn apply(&mut self, written: &Written) {
        match &written.value {
            Some(value) => {
                self.0.insert(written.key.clone(), (value.clone(), written.index));
            }
            None => {
                self.0.remove(&written.key);
            }
        }
    }

    pub(super) fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What the store holds below a directory.
    pub(super) async fn stored(client: &Client, directory: &str) -> Result<Self, Error> {
        let mut nodes = client.list_recursive(directory).await?;
        let mut map = Self::default();
        while let Some(Node { key, value, modified_index, nodes: mut below, .. }) = nodes.pop() {
            nodes.append(&mut below);
            if let Some(value) = value {
                map.0.insert(key, (value, modified_index));
            }
        }
        Ok(map)
    }
}

/// Writes, swaps and removes keys below `/w`, one after another.
pub(super) struct Writer {
    client: Client,
    map: Map,
    pub(super) log: Vec<Written>,
}

impl Writer {
    pub(super) fn new(client: Client) -> Self {
        Self { client, map: Map::default(), log: Vec::new() }
    }

    /// One more change: mostly a write, now and then a removal, in 15 directories.
    pub(super) async fn change(&mut self) -> Result<(), Error> {
        let (number, ttl) = (self.log.len(), Ttl::from_seconds(3600).expect("an hour"));
        let (key, value) = (format!("/w/{}/{}", number % 15, number % 53), number.to_string());
        let there = self.map.contains(&key);
        let written = match number % 4 {
            0 | 1 if there => {
                let index = self.client.delete(&key).await?.node.map(|node| node.modified_index);
                Written { index: index.unwrap_or_default(), key, value: None }
            }
            2 if there => self.client.update(&key, &value).await?.into(),
            3 => self.client.set_with_ttl(&key, &value, ttl).await?.into(),
            _ => self.client.set(&key, &value).await?.into(),
        };
        self.note(written);
        Ok(())
    }

    /// The last change, at a key of its own; answers with its index.
    pub(super) async fn end(&mut self, key: &str) -> Result<u64, Error> {
        let written = Written::from(self.client.set(key, "").await?);
        let index = written.index;
        self.note(written);
        Ok(index)
    }

    fn note(&mut self, written: Written) {
        self.map.apply(&written);
        self.log.push(written);
    }
}

impl From<Node> for Written {
    fn from(node: Node) -> Self {
        Self { index: node.modified_index, key: node.key, value: node.value }
    }
}
