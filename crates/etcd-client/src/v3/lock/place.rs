//! Who is first below a name, and whom to wait for: pure.

use bytes::{BufMut as _, Bytes, BytesMut};
use etcd_proto::ids::{LeaseId, Revision};
use etcd_proto::key::KeyRange;
use etcd_proto::v3::{KeyValue, RangeRequest, SortOrder, SortTarget};

/// How many keys are asked for: one that is not of the line may stand between.
const FEW: u64 = 16;

/// The keys below a name, first come first: `NAME/LEASE` each, as every client of etcd has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    prefix: Bytes,
}

/// Where a key stands in the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// First: it holds what the line is for.
    First,
    /// Right behind this key.
    Behind(Bytes),
    /// Not there, or there anew: its lease ended, or somebody removed it.
    Gone,
}

impl Line {
    pub(crate) fn of(name: &[u8]) -> Self {
        let mut prefix = BytesMut::with_capacity(name.len() + 1);
        prefix.extend_from_slice(name);
        prefix.put_u8(b'/');
        Self { prefix: prefix.freeze() }
    }

    /// What all keys of the line begin with.
    pub(crate) fn prefix(&self) -> &Bytes {
        &self.prefix
    }

    /// The key of a lease in the line; with a nonce where the lease may have several.
    pub(crate) fn key(&self, lease: LeaseId, nonce: Option<u32>) -> Bytes {
        let mut key = BytesMut::from(&self.prefix[..]);
        key.extend_from_slice(lease.to_string().as_bytes());
        if let Some(nonce) = nonce {
            key.extend_from_slice(format!("-{nonce:08x}").as_bytes());
        }
        key.freeze()
    }

    /// Whether a key is one of the line. The keys of a name that lies below this one are not,
    /// though they begin like them.
    pub(crate) fn has(&self, key: &[u8]) -> bool {
        let digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-');
        key.strip_prefix(&self.prefix[..])
            .is_some_and(|rest| !rest.is_empty() && rest.iter().all(digit))
    }

    /// The first of these keys that is one of the line.
    pub(crate) fn first<'a>(&self, keys: &'a [KeyValue]) -> Option<&'a KeyValue> {
        self.of_line(keys).min_by_key(|key| key.create_revision)
    }

    /// The last of these keys that was made before this revision and is one of the line.
    pub(crate) fn before<'a>(&self, keys: &'a [KeyValue], made: Revision) -> Option<&'a KeyValue> {
        self.of_line(keys)
            .filter(|key| key.create_revision < made.0)
            .max_by_key(|key| key.create_revision)
    }

    /// The place of a key that was made at this revision among those that were not made later.
    pub(crate) fn place(&self, keys: &[KeyValue], own: &Bytes, made: Revision) -> Place {
        let is_ours = |key: &KeyValue| key.key == *own && key.create_revision == made.0;
        if !keys.iter().any(is_ours) {
            return Place::Gone;
        }
        match self.before(keys, made) {
            Some(before) => Place::Behind(before.key.clone()),
            None => Place::First,
        }
    }

    /// Asks for the keys below the name, the last made first.
    pub(crate) fn newest(&self) -> RangeRequest {
        RangeRequest::new(KeyRange::prefix(self.prefix()))
            .sort(SortTarget::CREATE, SortOrder::DESCEND)
            .keys_only()
            .limit(FEW)
    }

    /// Asks for the keys below the name, the first made first.
    pub(crate) fn oldest(&self) -> RangeRequest {
        self.newest().sort(SortTarget::CREATE, SortOrder::ASCEND)
    }

    fn of_line<'a>(&self, keys: &'a [KeyValue]) -> impl Iterator<Item = &'a KeyValue> {
        keys.iter().filter(|key| self.has(&key.key))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(name: &str, made: i64) -> KeyValue {
        KeyValue {
            key: Bytes::copy_from_slice(name.as_bytes()),
            create_revision: made,
            mod_revision: made,
            version: 1,
            ..KeyValue::default()
        }
    }

    fn place(keys: &[KeyValue], own: &str, made: i64) -> Place {
        let own = Bytes::copy_from_slice(own.as_bytes());
        Line::of(b"l").place(keys, &own, Revision(made))
    }

    #[test]
    fn the_first_has_it_and_each_other_waits_for_the_one_before() {
        let keys = [key("l/9", 9), key("l/a", 4), key("l/3", 12)];
        assert_eq!(place(&keys, "l/a", 4), Place::First);
        assert_eq!(place(&keys, "l/9", 9), Place::Behind("l/a".into()));
        assert_eq!(place(&keys, "l/3", 12), Place::Behind("l/9".into()));
    }

    #[test]
    fn who_is_not_there_or_was_made_anew_is_gone() {
        assert_eq!(place(&[], "l/a", 4), Place::Gone);
        assert_eq!(place(&[key("l/b", 3)], "l/a", 4), Place::Gone);
        assert_eq!(place(&[key("l/a", 5)], "l/a", 4), Place::Gone);
    }

    #[test]
    fn keys_that_only_begin_like_the_lines_do_not_count() {
        let keys = [key("l/b/1", 1), key("l/", 2), key("l/name", 3), key("l/a", 4)];
        assert_eq!(place(&keys, "l/a", 4), Place::First);
        assert_eq!(Line::of(b"l").first(&keys), Some(&keys[3]));
        // A negative id, as other clients write it, and a lease that has several keys.
        let keys = [key("l/-7f", 1), key("l/8-0badcafe", 2), key("l/a", 4)];
        assert_eq!(place(&keys, "l/a", 4), Place::Behind("l/8-0badcafe".into()));
    }

    #[test]
    fn a_key_is_named_after_its_lease() {
        let line = Line::of(b"jobs");
        assert_eq!(line.key(LeaseId(0x7abc), None), "jobs/7abc");
        assert_eq!(line.key(LeaseId(0x7abc), Some(0xf)), "jobs/7abc-0000000f");
        assert!(line.has(b"jobs/7abc-0000000f") && !line.has(b"job/7abc"));
        assert!(Line::of(b"").has(b"/1"));
    }

    proptest! {
        /// Whoever is in line: one has it, each other waits for another that is there, and by the
        /// one whom each waits for, all stand in one row.
        #[test]
        fn all_stand_in_one_row(made in proptest::collection::btree_set(1i64..1000, 1..12), seed: u64) {
            let mut keys: Vec<_> =
                made.iter().map(|&made| key(&format!("l/{made:x}"), made)).collect();
            let turned = seed as usize % keys.len();
            keys.rotate_left(turned);
            let mut first = Vec::new();
            let mut awaited = Vec::new();
            for own in &keys {
                match place(&keys, own.key_str().unwrap(), own.create_revision) {
                    Place::First => first.push(own.key.clone()),
                    Place::Behind(before) => awaited.push(before),
                    Place::Gone => prop_assert!(false, "it is there"),
                }
            }
            prop_assert_eq!(first.len(), 1);
            prop_assert_eq!(&first[0], &Line::of(b"l").first(&keys).unwrap().key);
            awaited.sort();
            awaited.dedup();
            prop_assert_eq!(awaited.len(), keys.len() - 1, "nobody is waited for by two");
        }

        /// The same place is found from the keys that were not made later alone, as these are asked for.
        #[test]
        fn who_came_later_does_not_matter(made in proptest::collection::btree_set(1i64..1000, 1..12), own in 0usize..12) {
            let keys: Vec<_> = made.iter().map(|&made| key(&format!("l/{made:x}"), made)).collect();
            let own = &keys[own % keys.len()];
            let until: Vec<_> =
                keys.iter().filter(|key| key.create_revision <= own.create_revision).cloned().collect();
            let name = own.key_str().unwrap();
            prop_assert_eq!(
                place(&keys, name, own.create_revision),
                place(&until, name, own.create_revision)
            );
        }
    }
}
