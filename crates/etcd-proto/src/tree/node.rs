//! A place in a tree of keys.

/// A place in a tree of keys, with what stands there and what lies below.
///
/// A place with a value and places below it cannot be in v2; flat v3 keys such as `/a` and `/a/b`
/// make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node<T> {
    /// The last segment of the path; empty for the root.
    pub name: String,
    /// What stands here; nothing for a directory.
    pub value: Option<T>,
    /// The places below, in the order they were listed or, from flat keys, by name.
    pub children: Vec<Self>,
}

impl<T> Node<T> {
    /// A place with nothing at it and nothing below.
    pub fn directory(name: impl Into<String>) -> Self {
        Self { name: name.into(), value: None, children: Vec::new() }
    }

    /// A place with a value at it and nothing below.
    pub fn leaf(name: impl Into<String>, value: T) -> Self {
        Self { name: name.into(), value: Some(value), children: Vec::new() }
    }

    /// Whether this is a directory: nothing stands here, or something lies below.
    pub fn is_directory(&self) -> bool {
        self.value.is_none() || !self.children.is_empty()
    }

    /// The place that a path leads to from here; nothing where there is none.
    pub fn find(&self, path: &str) -> Option<&Self> {
        segments(path).try_fold(self, |node, segment| {
            node.children.iter().find(|child| child.name == segment)
        })
    }
}

/// The deepest that a tree from flat keys goes: what lies below is part of the last name, so that
/// no key can make a tree too deep to be dropped.
const DEEPEST: usize = 128;

/// What stands between slashes, without what is empty.
pub(super) fn segments(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = path;
    let mut depth = 0;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches('/');
        depth += 1;
        let end = if depth < DEEPEST { rest.find('/') } else { None };
        let (segment, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        (!segment.is_empty()).then_some(segment)
    })
}
