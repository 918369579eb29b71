//! What a listing tells of changes that were missed: pure.

use std::collections::BTreeMap;

use bytes::Bytes;
use etcd_proto::ids::Revision;
use etcd_proto::v3::{Event, EventType, KeyValue};

/// The keys that a watch has told of, each with the revision of its last change.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    keys: BTreeMap<Bytes, i64>,
}

impl Known {
    /// What a listing holds.
    pub(super) fn of(listing: &[KeyValue]) -> Self {
        let keys = listing.iter().map(|entry| (entry.key.clone(), entry.mod_revision));
        Self { keys: keys.collect() }
    }

    /// Takes changes that are told.
    pub(super) fn take(&mut self, events: &[Event]) {
        for event in events {
            let Some(entry) = &event.kv else { continue };
            if event.is_delete() {
                self.keys.remove(&entry.key);
            } else {
                self.keys.insert(entry.key.clone(), entry.mod_revision);
            }
        }
    }

    /// What the changes made that are missing before a listing, in the order of their revisions;
    /// keys that are gone come last, with the revision of the listing.
    pub(super) fn difference(&mut self, listing: Vec<KeyValue>, at: Revision) -> Vec<Event> {
        let now = Self::of(&listing);
        let changed = |entry: &KeyValue| self.keys.get(&entry.key) != Some(&entry.mod_revision);
        let mut events: Vec<_> = listing.into_iter().filter(changed).map(put).collect();
        events.sort_by_key(|event| event.kv.as_ref().map_or(0, |entry| entry.mod_revision));
        let gone = self.keys.keys().filter(|key| !now.keys.contains_key(*key));
        events.extend(gone.map(|key| deleted(key.clone(), at)));
        *self = now;
        events
    }
}

fn put(entry: KeyValue) -> Event {
    Event { kv: Some(entry), ..Event::default() }
}

fn deleted(key: Bytes, at: Revision) -> Event {
    let entry = KeyValue { key, mod_revision: at.0, ..KeyValue::default() };
    Event { event_type: EventType::DELETE.0, kv: Some(entry), prev_kv: None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type State = BTreeMap<u8, i64>;

    fn listing(state: &State) -> Vec<KeyValue> {
        let entry = |(&key, &mod_revision): (&u8, &i64)| KeyValue {
            key: Bytes::from(vec![key]),
            mod_revision,
            ..KeyValue::default()
        };
        state.iter().map(entry).collect()
    }

    fn apply(state: &mut State, events: &[Event]) {
        for event in events {
            let entry = event.kv.as_ref().unwrap();
            match event.is_delete() {
                true => state.remove(&entry.key[0]),
                false => state.insert(entry.key[0], entry.mod_revision),
            };
        }
    }

    proptest! {
        /// Told the difference, whoever knew the old state knows the new one, and hears of nothing
        /// that did not change.
        #[test]
        fn the_difference_leads_from_one_state_to_the_other(
            old in proptest::collection::btree_map(0u8..8, 1i64..50, 0..8),
            new in proptest::collection::btree_map(0u8..8, 1i64..90, 0..8),
        ) {
            let mut known = Known::of(&listing(&old));
            let events = known.difference(listing(&new), Revision(99));
            let mut state = old.clone();
            apply(&mut state, &events);
            prop_assert_eq!(&state, &new);
            let changed = old.iter().filter(|pair| new.get(pair.0) != Some(pair.1)).count()
                + new.keys().filter(|key| !old.contains_key(key)).count();
            prop_assert_eq!(events.len(), changed);
            prop_assert!(known.difference(listing(&new), Revision(99)).is_empty());
        }
    }
}
