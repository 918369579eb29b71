//! Keys of a v3 store, and ranges of them.

use bytes::Bytes;

/// One key, or all keys from one on and before another.
///
/// A v3 store is flat: its keys are bytes, in their order. Whatever takes a range takes a plain
/// key too.
///
/// ```
/// use etcd_proto::key::KeyRange;
///
/// let range = KeyRange::prefix("/config/");
/// assert!(range.contains(b"/config/name") && !range.contains(b"/config"));
/// assert_eq!(range, KeyRange::between("/config/", "/config0"));
/// assert_eq!(KeyRange::from("/config/name"), KeyRange::one("/config/name"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyRange {
    /// The one key, or the first of the range. Servers refuse an empty one.
    pub key: Bytes,
    /// The first key behind the range; empty for one key alone, `\0` for no end.
    pub range_end: Bytes,
}

/// As the end of a range: no end. As its start: the lowest key that there can be.
const ZERO: &[u8] = b"\0";

impl KeyRange {
    /// This key alone.
    pub fn one(key: impl IntoBytes) -> Self {
        Self { key: key.into_bytes(), range_end: Bytes::new() }
    }

    /// Every key that starts with this; all keys when it is empty.
    pub fn prefix(prefix: impl IntoBytes) -> Self {
        let key = prefix.into_bytes();
        let Some(last) = key.iter().rposition(|&byte| byte != 0xff) else {
            return Self::from_key(key);
        };
        let mut end = key[..=last].to_vec();
        end[last] += 1;
        Self { key, range_end: end.into() }
    }

    /// This key and every one behind it; all keys when it is empty.
    pub fn from_key(key: impl IntoBytes) -> Self {
        Self { key: start(key), range_end: Bytes::from_static(ZERO) }
    }

    /// Every key.
    pub fn all() -> Self {
        Self::from_key(ZERO)
    }

    /// Every key from `start` on and before `end`; none when `end` is not behind `start`.
    pub fn between(start: impl IntoBytes, end: impl IntoBytes) -> Self {
        let (key, range_end) = (self::start(start), end.into_bytes());
        if key < range_end {
            return Self { key, range_end };
        }
        // On the wire no end would mean one key, and `\0` no end: say "none" in some other way.
        let none = Bytes::from_static(b"\x01");
        Self { key: none.clone(), range_end: none }
    }

    /// Whether this is one key alone.
    pub fn is_one(&self) -> bool {
        self.range_end.is_empty()
    }

    /// Whether this key is in the range.
    pub fn contains(&self, key: &[u8]) -> bool {
        match &self.range_end[..] {
            [] => key == &self.key[..],
            ZERO => key >= &self.key[..],
            end => key >= &self.key[..] && key < end,
        }
    }
}

fn start(key: impl IntoBytes) -> Bytes {
    let key = key.into_bytes();
    if key.is_empty() { Bytes::from_static(ZERO) } else { key }
}

impl<K: IntoBytes> From<K> for KeyRange {
    fn from(key: K) -> Self {
        Self::one(key)
    }
}

/// What a key, a value or a name is made of: text or bytes.
///
/// What is owned is taken over, what is borrowed is copied.
pub trait IntoBytes {
    /// The bytes.
    fn into_bytes(self) -> Bytes;
}

macro_rules! into_bytes {
    ($($owned:ty),*; $($borrowed:ty),*) => {
        $(impl IntoBytes for $owned {
            fn into_bytes(self) -> Bytes {
                self.into()
            }
        })*
        $(impl IntoBytes for &$borrowed {
            fn into_bytes(self) -> Bytes {
                Bytes::copy_from_slice(self.as_ref())
            }
        })*
    };
}

into_bytes!(Bytes, String, Vec<u8>; str, [u8], String, Vec<u8>);

impl IntoBytes for &Bytes {
    fn into_bytes(self) -> Bytes {
        self.clone()
    }
}

impl<const N: usize> IntoBytes for &[u8; N] {
    fn into_bytes(self) -> Bytes {
        Bytes::copy_from_slice(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Keys over few bytes, so that they are often alike; etcd has no empty key.
    fn key() -> impl Strategy<Value = Vec<u8>> {
        vec(prop_oneof![Just(0), Just(1), Just(b'a'), Just(0xfe), Just(0xff)], 1..5)
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![key(), Just(Vec::new()), vec(Just(0xff), 0..4)]
    }

    proptest! {
        #[test]
        fn a_prefix_holds_what_starts_with_it(prefix in text(), key in key()) {
            let range = KeyRange::prefix(&prefix);
            prop_assert_eq!(range.contains(&key), key.starts_with(&prefix));
            prop_assert!(!range.is_one() && !range.key.is_empty());
        }

        #[test]
        fn one_key_holds_itself(one in key(), other in key()) {
            let range = KeyRange::from(&one);
            prop_assert!(range.is_one() && range.contains(&one));
            prop_assert_eq!(range.contains(&other), one == other);
        }

        #[test]
        fn bounds_hold_what_lies_between(start in text(), end in text(), key in key()) {
            let range = KeyRange::between(&start, &end);
            prop_assert_eq!(range.contains(&key), start <= key && key < end);
            let range = KeyRange::from_key(&start);
            prop_assert_eq!(range.contains(&key), start <= key);
            prop_assert!(KeyRange::all().contains(&key));
        }
    }

    #[test]
    fn ranges_are_said_as_etcd_reads_them() {
        let said = |range: KeyRange| (range.key.to_vec(), range.range_end.to_vec());
        let pair = |key: &[u8], end: &[u8]| (key.to_vec(), end.to_vec());
        assert_eq!(said(KeyRange::one("a")), pair(b"a", b""));
        assert_eq!(said(KeyRange::prefix("a/")), pair(b"a/", b"a0"));
        assert_eq!(said(KeyRange::prefix(b"a\xff\xff")), pair(b"a\xff\xff", b"b"));
        assert_eq!(said(KeyRange::prefix(b"\xff\xff")), pair(b"\xff\xff", b"\0"));
        assert_eq!(said(KeyRange::prefix("")), pair(b"\0", b"\0"));
        assert_eq!(said(KeyRange::from_key("k")), pair(b"k", b"\0"));
        assert_eq!(said(KeyRange::all()), pair(b"\0", b"\0"));
    }
}
