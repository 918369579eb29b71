//! A tree drawn with lines, for people.

use std::fmt;

use super::Node;

impl<T> Node<T> {
    /// Draws all places below this one, a line each, labelled by `label`.
    ///
    /// A label is drawn as it is: escape what a terminal must not see.
    ///
    /// ```
    /// use etcd_proto::tree::Node;
    ///
    /// let tree = Node::from_flat([("a/x", ()), ("b", ())]);
    /// let drawing = tree.draw(|node| node.name.clone()).to_string();
    /// assert_eq!(drawing, "├── a\n│   └── x\n└── b\n");
    /// ```
    pub fn draw<F: Fn(&Self) -> String>(&self, label: F) -> Drawing<'_, T, F> {
        Drawing { node: self, label }
    }
}

/// A drawing of a tree, made when it is displayed; see [`Node::draw`].
#[derive(Debug)]
pub struct Drawing<'a, T, F> {
    node: &'a Node<T>,
    label: F,
}

impl<T, F: Fn(&Node<T>) -> String> fmt::Display for Drawing<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whether each ancestor was the last of its siblings.
        let mut lines: Vec<bool> = Vec::new();
        for visit in self.node.walk() {
            lines.truncate(visit.depth);
            for &last in &lines {
                f.write_str(if last { "    " } else { "│   " })?;
            }
            f.write_str(if visit.last { "└── " } else { "├── " })?;
            writeln!(f, "{}", (self.label)(visit.node))?;
            lines.push(visit.last);
        }
        Ok(())
    }
}
