//! The nodes of the tree, in order, and when they end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Names from the root down, so that what a directory holds follows it in order.
pub(super) type Path = Vec<String>;

/// A key or a directory.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// None for directories.
    pub(super) value: Option<String>,
    pub(super) created: u64,
    pub(super) modified: u64,
    pub(super) expiration: Option<Duration>,
}

/// All nodes. No call costs more for nodes that it is not about.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    nodes: BTreeMap<Path, Node>,
    /// Those that have an end, the earliest first.
    ends: BTreeSet<(Duration, Path)>,
}

impl Nodes {
    /// A node.
    pub(super) fn get(&self, path: &[String]) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// Puts a node in the place of what was there.
    pub(super) fn insert(&mut self, path: &[String], node: Node) {
        let end = node.expiration;
        let replaced = self.nodes.insert(path.to_vec(), node);
        self.note_end(path, replaced.and_then(|node| node.expiration), end);
    }

    /// Changes a node, if there is one.
    pub(super) fn change(&mut self, path: &[String], change: impl FnOnce(&mut Node)) {
        let Some(node) = self.nodes.get_mut(path) else { return };
        let before = node.expiration;
        change(node);
        let after = node.expiration;
        self.note_end(path, before, after);
    }

    /// Removes a node and all below it; returns their paths, in order.
    pub(super) fn remove(&mut self, path: &[String]) -> Vec<Path> {
        let at_path = self.nodes.get_key_value(path).map(|(at, _)| at);
        let gone: Vec<_> =
            at_path.into_iter().chain(self.below(path).map(|(at, _)| at)).cloned().collect();
        for path in &gone {
            let removed = self.nodes.remove(path);
            self.note_end(path, removed.and_then(|node| node.expiration), None);
        }
        gone
    }

    /// What is right in a directory.
    pub(super) fn children<'a>(
        &'a self,
        path: &'a [String],
    ) -> impl Iterator<Item = (&'a Path, &'a Node)> {
        self.below(path).filter(|(at, _)| at.len() == path.len() + 1)
    }

    /// When the next node ends, and which.
    pub(super) fn next_end(&self) -> Option<(Duration, &Path)> {
        self.ends.first().map(|(end, path)| (*end, path))
    }

    fn below<'a>(&'a self, path: &'a [String]) -> impl Iterator<Item = (&'a Path, &'a Node)> {
        let from = self.nodes.range(path.to_vec()..).skip_while(move |(at, _)| *at == path);
        from.take_while(move |(at, _)| at.starts_with(path))
    }

    fn note_end(&mut self, path: &[String], before: Option<Duration>, after: Option<Duration>) {
        if before == after {
            return;
        }
        if let Some(end) = before {
            self.ends.remove(&(end, path.to_vec()));
        }
        if let Some(end) = after {
            self.ends.insert((end, path.to_vec()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(key: &str) -> Path {
        key.split('/').map(str::to_owned).collect()
    }

    fn node(end: Option<u64>) -> Node {
        let expiration = end.map(Duration::from_secs);
        Node { value: Some(String::new()), created: 1, modified: 1, expiration }
    }

    fn next_end(nodes: &Nodes) -> Option<(u64, String)> {
        nodes.next_end().map(|(end, path)| (end.as_secs(), path.join("/")))
    }

    #[test]
    fn the_next_end_follows_each_change() {
        let mut nodes = Nodes::default();
        assert_eq!(next_end(&nodes), None);
        for (key, end) in [("a", Some(3)), ("b", Some(5)), ("d/x", Some(4)), ("d/y", None)] {
            nodes.insert(&path(key), node(end));
        }
        assert_eq!(next_end(&nodes), Some((3, "a".to_owned())));
        nodes.insert(&path("a"), node(None));
        assert_eq!(next_end(&nodes), Some((4, "d/x".to_owned())));
        nodes.change(&path("d/x"), |node| node.expiration = Some(Duration::from_secs(9)));
        assert_eq!(next_end(&nodes), Some((5, "b".to_owned())));
        nodes.change(&path("none"), |node| node.expiration = Some(Duration::ZERO));
        nodes.insert(&path("b"), node(None));
        nodes.insert(&path("d"), node(None));
        assert_eq!(next_end(&nodes), Some((9, "d/x".to_owned())));
        assert_eq!(nodes.remove(&path("d")), ["d", "d/x", "d/y"].map(path));
        assert_eq!(next_end(&nodes), None);
    }

    #[test]
    fn a_name_that_another_begins_with_is_not_below_it() {
        let mut nodes = Nodes::default();
        for key in ["d", "d!", "d/a", "d/a/b", "dd", "e"] {
            nodes.insert(&path(key), node(None));
        }
        let parent = path("d");
        let children: Vec<_> = nodes.children(&parent).map(|(at, _)| at.join("/")).collect();
        assert_eq!(children, ["d/a"]);
        assert_eq!(nodes.remove(&path("d")), ["d", "d/a", "d/a/b"].map(path));
        assert!(nodes.get(&path("d!")).is_some() && nodes.get(&path("dd")).is_some());
    }
}
