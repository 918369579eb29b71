//! What became of keys, as replies and watches tell it.

use std::time::Duration;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "etcd's own names")]
pub enum Action {
    Get,
    Set,
    Create,
    Update,
    CompareAndSwap,
    Delete,
    CompareAndDelete,
    Expire,
}

impl Action {
    /// etcd's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::Create => "create",
            Self::Update => "update",
            Self::CompareAndSwap => "compareAndSwap",
            Self::Delete => "delete",
            Self::CompareAndDelete => "compareAndDelete",
            Self::Expire => "expire",
        }
    }
}

/// A node as a reply shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Its path, empty for the root.
    pub key: String,
    /// Its value: none for directories, and for what is no more.
    pub value: Option<String>,
    /// Whether it is a directory.
    pub dir: bool,
    /// When it ends, since the Unix epoch.
    pub expiration: Option<Duration>,
    /// The seconds that were left, rounded up.
    pub ttl: u64,
    /// What it holds, in order.
    pub nodes: Vec<Self>,
    /// The index of its last change, 0 for the root.
    pub modified: u64,
    /// The index of its creation, 0 for the root.
    pub created: u64,
}

/// What happened to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub action: Action,
    /// The node now.
    pub node: Shown,
    /// The node before.
    pub previous: Option<Shown>,
    /// Whether it only put off an end, which watches are not told.
    pub refresh: bool,
    /// What ended with it: the paths of a directory's nodes, and its own.
    pub gone: Vec<String>,
}

impl Event {
    /// Whether there was nothing at the key before.
    pub fn is_created(&self) -> bool {
        match self.action {
            Action::Create => true,
            Action::Set => self.previous.is_none(),
            _ => false,
        }
    }
}
