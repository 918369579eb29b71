//! A tree from flat keys.

use std::collections::HashMap;

use super::Node;
use super::node::segments;

impl<T> Node<T> {
    /// Builds a tree from flat keys, whose segments are what stands between slashes.
    ///
    /// Empty segments do not count, so `/a/b`, `a/b` and `/a//b` are one place; the last value
    /// given for a place stands. Children are sorted by name.
    ///
    /// ```
    /// use etcd_proto::tree::Node;
    ///
    /// let tree = Node::from_flat([("/a/x", 1), ("/b", 2), ("/a/y", 3)]);
    /// assert_eq!(tree.children.len(), 2);
    /// assert_eq!(tree.find("a/y").unwrap().value, Some(3));
    /// ```
    pub fn from_flat<K: AsRef<str>>(keys: impl IntoIterator<Item = (K, T)>) -> Self {
        let mut growing = Growing::default();
        for (key, value) in keys {
            growing.insert(key.as_ref(), value);
        }
        growing.into_node()
    }
}

/// Places by number while the tree grows; a child is found by its parent and name.
struct Growing<T> {
    places: Vec<(usize, String, Option<T>)>,
    index: HashMap<(usize, String), usize>,
}

impl<T> Default for Growing<T> {
    fn default() -> Self {
        Self { places: vec![(0, String::new(), None)], index: HashMap::new() }
    }
}

impl<T> Growing<T> {
    fn insert(&mut self, key: &str, value: T) {
        let mut at = 0;
        for segment in segments(key) {
            at = *self.index.entry((at, segment.to_owned())).or_insert_with(|| {
                self.places.push((at, segment.to_owned(), None));
                self.places.len() - 1
            });
        }
        self.places[at].2 = Some(value);
    }

    /// Children have higher numbers than their parents, so from the end each is whole when moved.
    fn into_node(self) -> Node<T> {
        let (parents, mut nodes): (Vec<_>, Vec<_>) = self
            .places
            .into_iter()
            .map(|(parent, name, value)| (parent, Node { name, value, children: Vec::new() }))
            .unzip();
        while let Some(mut node) = nodes.pop() {
            node.children.sort_by(|a, b| a.name.cmp(&b.name));
            let parent = parents[nodes.len()];
            match nodes.get_mut(parent) {
                Some(parent) => parent.children.push(node),
                None => return node,
            }
        }
        Node::directory("")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_can_be_a_value_and_a_directory() {
        let tree = Node::from_flat([("/a", 1), ("/a/b", 2)]);
        let a = tree.find("a").unwrap();
        assert_eq!((a.value, a.children.len(), a.is_directory()), (Some(1), 1, true));
    }

    #[test]
    fn the_deepest_key_does_not_overflow_the_stack() {
        let key = "a/".repeat(1_000_000);
        let tree = Node::from_flat([(key.as_str(), ())]);
        assert_eq!(tree.walk().count(), 128);
        assert!(tree.find(&key).is_some());
    }

    proptest! {
        #[test]
        fn every_key_is_found_again(keys in proptest::collection::vec("[a-c]{1,2}(/[a-c]{1,2}){0,3}", 0..20)) {
            let tree = Node::from_flat(keys.iter().map(|key| (key, key.clone())));
            for key in &keys {
                prop_assert_eq!(tree.find(key).and_then(|node| node.value.clone()), Some(key.clone()));
            }
            let leaves = tree.walk().filter(|visit| visit.node.value.is_some()).count();
            let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
            prop_assert_eq!(leaves, distinct.len());
        }
    }
}
