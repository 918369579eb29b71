//! What can be asked of a tree.

use std::time::Duration;

/// What is to be there after a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Write {
    /// The value; empty for directories.
    pub value: String,
    /// Whether it is a directory.
    pub dir: bool,
    /// When it ends, since the Unix epoch.
    pub expiration: Option<Duration>,
    /// Whether the value stays and watches are told nothing.
    pub refresh: bool,
}

/// What has to be there before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compare {
    /// The value; any where it is empty.
    pub value: String,
    /// The index of the last change; any where it is 0.
    pub index: u64,
}

/// What can be asked of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "etcd's own names")]
pub enum Operation {
    Get { recursive: bool },
    Set(Write),
    Create(Write),
    CreateInOrder(Write),
    Update(Write),
    CompareAndSwap(Compare, Write),
    Delete { dir: bool, recursive: bool },
    CompareAndDelete(Compare),
}
