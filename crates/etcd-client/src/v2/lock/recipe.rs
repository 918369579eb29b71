//! Who holds a lock, read off the keys in its directory. Pure.

use etcd_proto::tree::{InvalidPath, Path};
use etcd_proto::v2::Node;

/// Where the keys of a lock stand: hidden, and where python-etcd has them too.
pub(super) fn directory(key: &Path) -> Result<Path, InvalidPath> {
    format!("/_locks{key}").parse()
}

/// Where a try stands in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// At its head: this key holds the lock.
    Holder(&'a Node),
    /// Behind another key.
    Behind {
        /// Our key.
        ours: &'a Node,
        /// The key right before it.
        before: &'a Node,
    },
    /// Not there.
    Gone,
}

/// Finds the place of the lowest key that holds `nonce`, and the higher ones that do: an unclear
/// write was repeated, and both were carried out.
pub(super) fn place<'a>(nodes: &'a [Node], nonce: &str) -> (Place<'a>, Vec<&'a Node>) {
    let queue = places(nodes);
    let is_ours = |node: &&&Node| node.value.as_deref() == Some(nonce);
    let mut ours = queue.iter().filter(is_ours).copied();
    let Some(lowest) = ours.next() else { return (Place::Gone, Vec::new()) };
    let doubles = ours.collect();
    let before = queue.iter().take_while(|node| node.created_index < lowest.created_index).last();
    match before {
        Some(&before) => (Place::Behind { ours: lowest, before }, doubles),
        None => (Place::Holder(lowest), doubles),
    }
}

/// The keys that stand in the queue, first come first. A lock whose key lies below this one's has
/// its directory here too; that is no place.
pub(super) fn places(nodes: &[Node]) -> Vec<&Node> {
    let is_place = |node: &&Node| !node.dir && node.name().parse::<u64>().is_ok();
    let mut places: Vec<_> = nodes.iter().filter(is_place).collect();
    places.sort_by_key(|node| node.created_index);
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, value: &str, created_index: u64) -> Node {
        Node {
            key: format!("/_locks/l/{name}"),
            value: Some(value.into()),
            created_index,
            ..Node::default()
        }
    }

    #[test]
    fn the_lowest_holds_and_the_others_wait_for_the_one_before() {
        let nodes = [key("9", "a", 9), key("10", "b", 10), key("8", "c", 8)];
        assert_eq!(place(&nodes, "c").0, Place::Holder(&nodes[2]));
        assert_eq!(place(&nodes, "b").0, Place::Behind { ours: &nodes[1], before: &nodes[0] });
        assert_eq!(place(&nodes, "z").0, Place::Gone);
        assert_eq!(place(&[], "z").0, Place::Gone);
    }

    #[test]
    fn a_repeated_write_leaves_a_double_to_remove() {
        let nodes = [key("4", "a", 4), key("5", "b", 5), key("7", "b", 7)];
        let (place, doubles) = place(&nodes, "b");
        assert_eq!(place, Place::Behind { ours: &nodes[1], before: &nodes[0] });
        assert_eq!(doubles, [&nodes[2]]);
    }

    #[test]
    fn what_is_no_place_does_not_count() {
        let below =
            Node { key: "/_locks/l/3".into(), dir: true, created_index: 3, ..Node::default() };
        let named = key("name", "x", 2);
        let nodes = [below, named, key("00000000000000000009", "a", 9)];
        assert_eq!(place(&nodes, "a").0, Place::Holder(&nodes[2]));
    }
}
