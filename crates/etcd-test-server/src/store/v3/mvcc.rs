//! Keys with all their revisions.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use bytes::Bytes;
use etcd_proto::grpc::Status;
use etcd_proto::v3::error::message;
use etcd_proto::v3::{Event, EventType, KeyValue};

use super::refusal::refusal;
use crate::version::Version;

/// How many changes are kept beyond a compaction, for watches that are about to be told of them.
const KEPT: usize = 1000;

/// A change of one key, with what the key held before.
#[derive(Clone, Debug)]
pub struct Change {
    /// The revision of the change.
    pub revision: i64,
    /// What watchers are told.
    pub event: Event,
}

#[derive(Clone, Debug)]
struct Record {
    revision: i64,
    /// `None` where the key was deleted.
    kv: Option<KeyValue>,
}

/// Keys with all their revisions since the last compaction.
#[derive(Clone, Debug)]
pub struct Mvcc {
    keys: BTreeMap<Bytes, Vec<Record>>,
    history: VecDeque<Change>,
    /// The last revision that is no longer in the history.
    forgotten: i64,
    revision: i64,
    compacted: i64,
    /// Whether the transaction under way has changed something.
    changed: bool,
    version: Version,
}

type Bounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// The keys from `key` on, to before `range_end`, by etcd's rules for an empty end and for `\0`.
fn bounds<'a>(key: &'a [u8], range_end: &'a [u8]) -> Option<Bounds<'a>> {
    let end = match range_end {
        [] => Bound::Included(key),
        [0] => Bound::Unbounded,
        end if end <= key => return None,
        end => Bound::Excluded(end),
    };
    Some((Bound::Included(key), end))
}

impl Mvcc {
    /// No keys, as a release keeps them: an empty etcd stands at revision 1.
    pub fn new(version: Version) -> Self {
        let (keys, history) = Default::default();
        let (forgotten, revision, compacted) = (0, 1, -1);
        Self { keys, history, forgotten, revision, compacted, changed: false, version }
    }

    /// Which etcd keeps them.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The revision of the last change that is whole.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// The revision as a transaction under way sees it.
    pub fn revision_within(&self) -> i64 {
        self.revision + i64::from(self.changed)
    }

    /// The revision of the last compaction.
    pub fn compacted(&self) -> i64 {
        self.compacted
    }

    /// Whether the revision can be read; 0 and below stand for the newest.
    pub fn check_revision(&self, revision: i64) -> Result<(), Status> {
        if revision > self.revision_within() {
            return Err(refusal(message::FUTURE_REVISION));
        }
        if revision > 0 && revision < self.compacted {
            return Err(refusal(message::COMPACTED));
        }
        Ok(())
    }

    /// The same within a transaction, where 0 alone stands for the newest.
    pub fn check_revision_within(&self, revision: i64) -> Result<(), Status> {
        if revision < 0 {
            return Err(refusal(message::COMPACTED));
        }
        self.check_revision(revision)
    }

    /// The keys of a range as they were at a revision, or are now for 0 and below.
    pub fn range<'a>(
        &'a self,
        key: &'a [u8],
        range_end: &'a [u8],
        revision: i64,
    ) -> impl Iterator<Item = &'a KeyValue> {
        let revision = if revision <= 0 { i64::MAX } else { revision };
        let bounds = bounds(key, range_end);
        let keys = bounds.into_iter().flat_map(|bounds| self.keys.range::<[u8], _>(bounds));
        keys.filter_map(move |(_, records)| {
            records.iter().rev().find(|record| record.revision <= revision)?.kv.as_ref()
        })
    }

    /// What a key holds now.
    pub fn get(&self, key: &[u8]) -> Option<&KeyValue> {
        self.keys.get(key)?.last()?.kv.as_ref()
    }

    /// Writes a key within the transaction under way; returns what it held.
    pub fn put(&mut self, key: Bytes, value: Bytes, lease: i64) -> Option<KeyValue> {
        let revision = self.revision + 1;
        let previous = self.get(&key).cloned();
        let (create_revision, version) =
            previous.as_ref().map_or((revision, 0), |kv| (kv.create_revision, kv.version));
        let version = version + 1;
        let kv = KeyValue {
            key: key.clone(),
            create_revision,
            mod_revision: revision,
            version,
            value,
            lease,
        };
        self.record(key, Some(kv.clone()), EventType::PUT, kv);
        previous
    }

    /// Deletes a range within the transaction under way; returns what it held.
    pub fn delete(&mut self, key: &[u8], range_end: &[u8]) -> Vec<KeyValue> {
        let gone: Vec<KeyValue> = self.range(key, range_end, 0).cloned().collect();
        for previous in &gone {
            let mod_revision = self.revision + 1;
            let told = KeyValue { key: previous.key.clone(), mod_revision, ..KeyValue::default() };
            let key = previous.key.clone();
            self.record(key, None, EventType::DELETE, told);
        }
        gone
    }

    fn record(&mut self, key: Bytes, kv: Option<KeyValue>, kind: EventType, told: KeyValue) {
        let revision = self.revision + 1;
        let prev_kv = self.range(&key, &[], self.revision).next().cloned();
        self.keys.entry(key).or_default().push(Record { revision, kv });
        let event = Event { event_type: kind.0, kv: Some(told), prev_kv };
        self.history.push_back(Change { revision, event });
        self.changed = true;
    }

    /// Ends the transaction under way: what it changed is one revision.
    pub fn commit(&mut self) -> i64 {
        self.revision = self.revision_within();
        self.changed = false;
        self.revision
    }

    /// Forgets what was before a revision.
    pub fn compact(&mut self, revision: i64) -> Result<(), Status> {
        if revision <= self.compacted {
            return Err(refusal(message::COMPACTED));
        }
        if revision > self.revision {
            return Err(refusal(message::FUTURE_REVISION));
        }
        self.compacted = revision;
        self.keys.retain(|_, records| {
            let kept = records.iter().rposition(|record| record.revision <= revision);
            let first = kept.map_or(0, |at| if records[at].kv.is_none() { at + 1 } else { at });
            records.drain(..first);
            !records.is_empty()
        });
        let old = self.history.partition_point(|change| change.revision <= revision);
        let last = self.history.drain(..old.saturating_sub(KEPT)).last();
        self.forgotten = last.map_or(self.forgotten, |change| change.revision);
        Ok(())
    }

    /// The changes from a revision on, oldest first.
    pub fn changes_since(&self, revision: i64) -> impl Iterator<Item = &Change> {
        let first = self.history.partition_point(|change| change.revision < revision);
        self.history.range(first..)
    }

    /// The first revision whose changes are all there still.
    pub fn first_change(&self) -> i64 {
        self.forgotten + 1
    }

    /// Whether a watch that begins in the past is not told a change, as a compaction forgot it.
    pub fn is_compacted(&self, change: &Change) -> bool {
        if change.revision != self.compacted {
            return change.revision < self.compacted;
        }
        if !change.event.is_put() {
            // They stay since 3.4.36 and 3.5.18.
            return self.version < Version::V3_5;
        }
        let key = change.event.kv.as_ref().map(|kv| &kv.key[..]).unwrap_or_default();
        // It was deleted in the same revision.
        self.range(key, &[], self.compacted).next().is_none()
    }

    /// Every key that there is now.
    pub fn all(&self) -> impl Iterator<Item = &KeyValue> {
        self.keys.values().filter_map(|records| records.last()?.kv.as_ref())
    }

    /// A number that is the same for the same keys at the same revision.
    ///
    /// It is not the number that etcd computes, which depends on the pages of its file.
    pub fn hash(&self, revision: i64) -> u32 {
        let mut hash: u32 = 0x811c_9dc5;
        let mut feed = |bytes: &[u8]| {
            for byte in bytes {
                hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
            }
        };
        for kv in self.range(&[0], &[0], revision) {
            feed(&kv.key);
            feed(&kv.mod_revision.to_be_bytes());
            feed(&kv.value);
        }
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(store: &mut Mvcc, key: &'static str, value: &'static str) -> i64 {
        store.put(key.into(), value.into(), 0);
        store.commit()
    }

    #[test]
    fn a_key_counts_its_versions_and_starts_again_after_a_delete() {
        let mut store = Mvcc::new(Version::V3_7);
        assert_eq!((put(&mut store, "a", "1"), put(&mut store, "a", "2")), (2, 3));
        let kv = store.get(b"a").cloned().unwrap_or_default();
        assert_eq!((kv.create_revision, kv.mod_revision, kv.version), (2, 3, 2));
        assert_eq!(store.delete(b"a", b"").len(), 1);
        assert_eq!(store.commit(), 4);
        put(&mut store, "a", "3");
        let kv = store.get(b"a").cloned().unwrap_or_default();
        assert_eq!((kv.create_revision, kv.mod_revision, kv.version), (5, 5, 1));
    }

    #[test]
    fn nothing_changed_is_no_revision() {
        let mut store = Mvcc::new(Version::V3_7);
        assert!(store.delete(b"a", b"").is_empty());
        assert_eq!(store.commit(), 1);
    }

    #[test]
    fn past_revisions_are_read_until_they_are_compacted() {
        let mut store = Mvcc::new(Version::V3_7);
        for value in ["1", "2", "3"] {
            put(&mut store, "a", value);
        }
        let value = |store: &Mvcc, revision| {
            store.range(b"a", b"", revision).next().map(|kv| kv.value.clone())
        };
        assert_eq!(value(&store, 2), Some("1".into()));
        assert_eq!(store.compact(3), Ok(()));
        assert_eq!(store.check_revision(3), Ok(()));
        assert_eq!(value(&store, 3), Some("2".into()));
        assert_eq!(store.check_revision(2), Err(refusal(message::COMPACTED)));
        assert_eq!(store.check_revision(5), Err(refusal(message::FUTURE_REVISION)));
        assert_eq!(store.compact(3), Err(refusal(message::COMPACTED)));
        assert_eq!(store.compact(5), Err(refusal(message::FUTURE_REVISION)));
    }

    #[test]
    fn ranges_end_where_etcd_ends_them() {
        let mut store = Mvcc::new(Version::V3_7);
        for key in ["a", "a/b", "b", "c"] {
            put(&mut store, key, "");
        }
        let keys = |key: &[u8], end: &[u8]| store.range(key, end, 0).count();
        assert_eq!(keys(b"a", b""), 1);
        assert_eq!(keys(b"a", b"b"), 2);
        assert_eq!(keys(b"b", b"\0"), 2);
        assert_eq!(keys(b"\0", b"\0"), 4);
        assert_eq!((keys(b"b", b"a"), keys(b"b", b"b")), (0, 0));
    }
}
