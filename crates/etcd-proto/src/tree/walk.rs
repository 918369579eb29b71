//! Visiting every place of a tree, parents first.

use super::Node;

impl<T> Node<T> {
    /// Visits all places below this one, parents before children, without recursion.
    pub fn walk(&self) -> Walk<'_, T> {
        Walk { stack: vec![(String::new(), self.children.iter())] }
    }
}

/// One place that a walk comes by.
#[derive(Debug)]
pub struct Visit<'a, T> {
    /// The path from where the walk began, without a leading slash.
    pub path: String,
    /// How far below the start this is; its children are at 0.
    pub depth: usize,
    /// Whether no sibling follows.
    pub last: bool,
    /// The place itself.
    pub node: &'a Node<T>,
}

/// An iterator over all places of a tree; see [`Node::walk`].
#[derive(Debug)]
pub struct Walk<'a, T> {
    stack: Vec<(String, std::slice::Iter<'a, Node<T>>)>,
}

impl<'a, T> Iterator for Walk<'a, T> {
    type Item = Visit<'a, T>;

    fn next(&mut self) -> Option<Visit<'a, T>> {
        loop {
            let depth = self.stack.len().checked_sub(1)?;
            let (prefix, siblings) = self.stack.last_mut()?;
            let Some(node) = siblings.next() else {
                self.stack.pop();
                continue;
            };
            let last = siblings.as_slice().is_empty();
            let path = match prefix.is_empty() {
                true => node.name.clone(),
                false => format!("{prefix}/{}", node.name),
            };
            self.stack.push((path.clone(), node.children.iter()));
            return Some(Visit { path, depth, last, node });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_before_children() {
        let tree = Node::from_flat([("a/b/c", ()), ("a/d", ()), ("e", ())]);
        let seen: Vec<_> = tree.walk().map(|visit| (visit.path, visit.depth, visit.last)).collect();
        let expected = [
            ("a", 0, false),
            ("a/b", 1, false),
            ("a/b/c", 2, true),
            ("a/d", 1, true),
            ("e", 0, true),
        ];
        assert_eq!(seen, expected.map(|(path, depth, last)| (path.to_owned(), depth, last)));
    }
}
