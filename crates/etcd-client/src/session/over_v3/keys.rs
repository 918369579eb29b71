//! What paths are to a store of flat keys: pure.

use crate::v3::api::KeyValue;
use bytes::Bytes;
use etcd_proto::key::KeyRange;

use crate::session::key::Key;

/// What the keys of a directory begin with: the path and a slash.
pub(super) fn below(path: &Key) -> Bytes {
    if path.is_root() { path.bytes() } else { [path.as_bytes(), b"/"].concat().into() }
}

/// The range of all keys below a directory.
pub(super) fn inside(path: &Key) -> KeyRange {
    KeyRange::prefix(below(path))
}

/// The range that holds a key and all keys below it, and few others; [`concerns`] tells them apart.
pub(super) fn around(path: &Key) -> KeyRange {
    if path.is_root() {
        return inside(path);
    }
    KeyRange { key: path.bytes(), range_end: inside(path).range_end }
}

/// Whether a key is the one that a path stands for, or lies below it and is not hidden: v2 servers
/// keep what begins with `_` out of listings and watches from above, and so does a session.
pub(super) fn concerns(path: &Key, key: &[u8]) -> bool {
    if key == path.as_bytes() {
        return !path.is_root();
    }
    match key.strip_prefix(&below(path)[..]) {
        Some(rest) => !rest.is_empty() && !is_hidden(rest),
        None => false,
    }
}

/// Whether a part of a path is hidden from those above it.
pub(super) fn is_hidden(rest: &[u8]) -> bool {
    rest.split(|&byte| byte == b'/').any(|segment| segment.first() == Some(&b'_'))
}

/// What a directory holds itself, from keys below it in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Child {
    /// A key of its own.
    Key(KeyValue),
    /// A directory, as its whole path, and a change in it.
    Directory { path: Key, index: u64 },
}

/// One page of a directory: what it holds itself, and where the next page begins; nothing where
/// this was the last. Directories in it are skipped whole, so the next page begins behind the
/// directory that the last key lies in.
pub(super) fn children(path: &Key, page: Vec<KeyValue>, more: bool) -> (Vec<Child>, Option<Bytes>) {
    let below = below(path);
    let (mut found, mut next) = (Vec::new(), Bytes::new());
    for entry in page {
        if entry.key < next {
            continue;
        }
        let Some(rest) = entry.key.strip_prefix(&below[..]) else { continue };
        // Empty segments do not count, as in any path.
        let skipped = rest.iter().take_while(|&&byte| byte == b'/').count();
        let name = rest[skipped..].split(|&byte| byte == b'/').next().unwrap_or_default();
        if rest[skipped..].len() == name.len() {
            next = [&entry.key[..], b"\0"].concat().into();
            if !name.is_empty() && name.first() != Some(&b'_') {
                found.push(Child::Key(entry));
            }
            continue;
        }
        let end = entry.key.len() - rest.len() + skipped + name.len();
        // The byte behind a slash ends the directory.
        next = [&entry.key[..end], b"0"].concat().into();
        if name.first() != Some(&b'_') {
            let path = [&below[..], name].concat();
            let index = u64::try_from(entry.mod_revision).unwrap_or(0);
            found.push(Child::Directory { path: Key::stored(path), index });
        }
    }
    (found, more.then_some(next))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> Key {
        Key::parse(text.as_bytes()).unwrap()
    }

    fn entry(key: &str) -> KeyValue {
        KeyValue { key: key.to_owned().into(), mod_revision: 7, ..KeyValue::default() }
    }

    fn listed(directory: &str, keys: &BTreeSet<String>, page: usize) -> Vec<String> {
        let (directory, mut names) = (path(directory), Vec::new());
        let mut from = below(&directory);
        for _ in 0..1000 {
            let range = KeyRange { key: from, range_end: inside(&directory).range_end };
            let mut all = keys.iter().filter(|key| range.contains(key.as_bytes()));
            let entries: Vec<_> = all.by_ref().take(page).map(|key| entry(key)).collect();
            let (found, next) = children(&directory, entries, all.next().is_some());
            names.extend(found.into_iter().map(|child| match child {
                Child::Key(entry) => Key::stored(entry.key).to_string(),
                Child::Directory { path, .. } => format!("{path}/"),
            }));
            match next {
                Some(next) => from = next,
                None => return names,
            }
        }
        panic!("it never ends")
    }

    #[test]
    fn a_directory_lists_files_and_directories_once() {
        let keys =
            ["/a", "/a/b", "/a/b/c", "/a/b/d", "/a/c.d/e", "/a/c/d", "/a/_h/x", "/a/_f", "/ab"];
        let keys = keys.map(str::to_owned).into_iter().collect();
        for page in 1..12 {
            assert_eq!(listed("/a", &keys, page), ["/a/b", "/a/b/", "/a/c.d/", "/a/c/"], "{page}");
            assert_eq!(listed("/", &keys, page), ["/a", "/a/", "/ab"], "{page}");
            assert_eq!(listed("/a/_h", &keys, page), ["/a/_h/x"], "{page}");
        }
    }

    #[test]
    fn a_watch_concerns_a_key_and_what_lies_below() {
        let keys = [
            ("/a", "/a", true),
            ("/a", "/a/b", true),
            ("/a", "/a/b/c", true),
            ("/a", "/ab", false),
            ("/a", "/a.b", false),
            ("/a", "/a/", false),
            ("/a", "/a/_h", false),
            ("/a", "/a/b/_h/c", false),
            ("/a/_h", "/a/_h", true),
            ("/a/_h", "/a/_h/x", true),
            ("/", "/x", true),
            ("/", "x", false),
        ];
        for (directory, key, expected) in keys {
            let directory = path(directory);
            assert_eq!(concerns(&directory, key.as_bytes()), expected, "{directory} {key}");
            assert!(!expected || around(&directory).contains(key.as_bytes()), "{directory} {key}");
        }
    }

    proptest! {
        #[test]
        fn pages_do_not_matter(
            keys in proptest::collection::btree_set("(/[ab./]{1,2}){1,3}", 0..20),
            page in 1usize..6,
        ) {
            let names = listed("/", &keys, 1000);
            prop_assert_eq!(listed("/", &keys, page), names.clone());
        }
    }
}
