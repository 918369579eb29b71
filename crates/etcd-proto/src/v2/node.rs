//! Nodes of the v2 store, and the reply that carries them.

use http::HeaderMap;
use serde::Deserialize;

use super::deep;
use super::error::Error;
use super::headers::Headers;
use super::reply;
use crate::call::Incoming;
use crate::tree;

/// A key or directory of the v2 store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Node {
    /// The whole path with its leading slash; `/` for the root.
    pub key: String,
    /// The value; nothing for a directory, and nothing where a change took the value away.
    ///
    /// An empty value is `Some("")`, also from 0.x, which leaves it out of its replies.
    pub value: Option<String>,
    /// Whether this is a directory.
    pub dir: bool,
    /// What a directory holds, as far as was asked for; hidden nodes are never listed.
    ///
    /// What lies more than 128 levels below the node that was asked for is held by the directory
    /// at that depth, so that no key can make a tree too deep for the stack of who reads it.
    #[serde(deserialize_with = "reply::null_as_default")]
    pub nodes: Vec<Self>,
    /// The index of the change that made it.
    pub created_index: u64,
    /// The index of the last change to it.
    pub modified_index: u64,
    /// Whole seconds left to live; nothing for no end.
    pub ttl: Option<i64>,
    /// When it will expire by the server's clock, in RFC 3339.
    pub expiration: Option<String>,
}

impl Node {
    /// The last segment of the key.
    pub fn name(&self) -> &str {
        // Byte by byte: names are short, and sorting asks for them often.
        let from = self.key.bytes().rposition(|byte| byte == b'/').map_or(0, |at| at + 1);
        self.key.get(from..).unwrap_or_default()
    }

    /// Sorts what lies below by name, in-order keys first and as the numbers they are: before 2.2
    /// their names are not padded, and a server sorts `10` before `8`.
    pub fn sort(&mut self) {
        // Numbers before words: to compare mixed pairs as words would be no total order.
        self.nodes.sort_by(|a, b| {
            let rank = |node: &Self| node.name().parse::<u64>().map_or((true, 0), |n| (false, n));
            rank(a).cmp(&rank(b)).then_with(|| a.key.cmp(&b.key))
        });
        self.nodes.iter_mut().for_each(Self::sort);
    }

    /// The same as a tree of keys, each leaf with its node.
    pub fn into_tree(self) -> tree::Node<Self> {
        let name = self.name().to_owned();
        self.into_place(name)
    }

    fn into_place(mut self, name: String) -> tree::Node<Self> {
        let nodes = std::mem::take(&mut self.nodes).into_iter();
        let children = nodes.map(|node| {
            let name = node.name_below(&self.key).to_owned();
            node.into_place(name)
        });
        tree::Node { name, children: children.collect(), value: (!self.dir).then_some(self) }
    }

    /// The key without that of the directory that holds it: more than its last segment where it
    /// lies too deep to be held by its own.
    fn name_below(&self, directory: &str) -> &str {
        let rest = self.key.strip_prefix(directory.trim_end_matches('/'));
        let rest = rest.and_then(|rest| rest.strip_prefix('/')).unwrap_or_default();
        if rest.is_empty() { self.name() } else { rest }
    }

    /// Gives every key its value, which 0.x leaves out when it is empty, and the root its name,
    /// which later servers leave out.
    fn complete(&mut self) {
        if self.key.is_empty() {
            "/".clone_into(&mut self.key);
        }
        if !self.dir && self.value.is_none() {
            self.value = Some(String::new());
        }
        self.nodes.iter_mut().for_each(Self::complete);
    }
}

/// What was done to a node, or what a reply is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "String")]
#[non_exhaustive]
pub enum Action {
    /// Nothing was changed.
    Get,
    /// Written, whatever was there.
    Set,
    /// Made where nothing was.
    Create,
    /// Written where something was.
    Update,
    /// Written where the expected value or index was.
    CompareAndSwap,
    /// Removed.
    Delete,
    /// Removed where the expected value or index was.
    CompareAndDelete,
    /// Removed by the server at the end of its time to live.
    Expire,
    /// A word that is not known here.
    Other(String),
}

impl Action {
    /// Whether the node is gone afterwards.
    pub fn is_removal(&self) -> bool {
        matches!(self, Self::Delete | Self::CompareAndDelete | Self::Expire)
    }
}

impl From<String> for Action {
    fn from(word: String) -> Self {
        match word.as_str() {
            "get" => Self::Get,
            "set" => Self::Set,
            "create" => Self::Create,
            "update" => Self::Update,
            "compareAndSwap" => Self::CompareAndSwap,
            "delete" => Self::Delete,
            "compareAndDelete" => Self::CompareAndDelete,
            "expire" => Self::Expire,
            _ => Self::Other(word),
        }
    }
}

/// A reply of the key API, or an event of a watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyReply {
    /// What was done.
    pub action: Action,
    /// The node as it is now; nothing when the request said `noValueOnSuccess`.
    pub node: Option<Node>,
    /// The node as it was before; nothing where there was none, and never from 0.2.
    pub previous: Option<Node>,
    /// What the headers tell about the store.
    pub headers: Headers,
}

impl KeyReply {
    pub(super) fn decode(reply: &Incoming) -> Result<Self, Error> {
        let body = reply::read("a key reply", reply, read)?;
        Ok(body.with_headers(&reply.headers))
    }
}

/// Reads the body of a key reply, or an event, of any depth.
pub(super) fn read(text: &str) -> Result<KeyReplyBody, serde_json::Error> {
    match serde_json::from_str(text) {
        // It may be only that it is too deep.
        Err(error) if error.is_syntax() => deep::read(text).map_err(|_| error),
        read => read,
    }
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Debug, PartialEq))]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyReplyBody {
    action: Action,
    node: Option<Node>,
    prev_node: Option<Node>,
}

impl KeyReplyBody {
    pub(super) fn with_nodes(mut self, node: Option<Node>, previous: Option<Node>) -> Self {
        self.node = node.or(self.node);
        self.prev_node = previous.or(self.prev_node);
        self
    }

    pub(super) fn with_headers(mut self, headers: &HeaderMap) -> KeyReply {
        if let Some(node) = self.node.as_mut().filter(|_| !self.action.is_removal()) {
            node.complete();
        }
        if let Some(node) = &mut self.prev_node {
            node.complete();
        }
        KeyReply {
            action: self.action,
            node: self.node,
            previous: self.prev_node,
            headers: Headers::read(headers),
        }
    }
}
