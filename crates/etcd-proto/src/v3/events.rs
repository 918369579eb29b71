//! Replies with many events, read in one pass: half of what a watch costs is reading them.
//!
//! Only what etcd is known to write is read here. Whatever differs, in number, order or kind, is left to
//! prost, so that bytes mean the same with and without this.

use bytes::Bytes;
use prost::{DecodeError, Message};

use super::{Event, KeyValue, ResponseHeader, WatchResponse};

/// The reply that a message holds.
pub(super) fn watch_response(message: Bytes) -> Result<WatchResponse, DecodeError> {
    match known(&message) {
        Some(reply) => Ok(reply),
        None => WatchResponse::decode(message),
    }
}

/// The last byte of a varint after its first, which holds the last bit of 64.
const LAST: usize = 8;

/// The number of a field and how it is written, as they stand before it.
mod key {
    pub(super) const fn varint(field: u8) -> u8 {
        field << 3
    }

    pub(super) const fn length(field: u8) -> u8 {
        field << 3 | 2
    }
}

fn known(message: &Bytes) -> Option<WatchResponse> {
    const HEADER: u8 = key::length(1);
    const WATCH_ID: u8 = key::varint(2);
    const FRAGMENT: u8 = key::varint(7);
    const EVENT: u8 = key::length(11);
    let mut reply = WatchResponse::default();
    let mut fields = Fields::of(message);
    reply.events.reserve_exact(fields.clone().count(EVENT)?);
    while let Some(key) = fields.next() {
        match key {
            HEADER if reply.header.is_none() => {
                reply.header = Some(ResponseHeader::decode(fields.within()?.rest).ok()?);
            }
            WATCH_ID => reply.watch_id = fields.int64()?,
            FRAGMENT => reply.fragment = fields.varint()? != 0,
            EVENT => {
                reply.events.push(Event::default());
                event(fields.within()?, reply.events.last_mut()?)?;
            }
            _ => return None,
        }
    }
    Some(reply)
}

/// Reads into what stands in its place: moving it would cost more than reading it.
fn event(mut fields: Fields<'_>, event: &mut Event) -> Option<()> {
    const TYPE: u8 = key::varint(1);
    const KV: u8 = key::length(2);
    const PREV_KV: u8 = key::length(3);
    while let Some(key) = fields.next() {
        match key {
            // As prost reads an int32: what is beyond is cut off.
            TYPE => event.event_type = fields.int64()? as i32,
            KV if event.kv.is_none() => {
                key_value(fields.within()?, event.kv.insert(KeyValue::default()))?;
            }
            PREV_KV if event.prev_kv.is_none() => {
                key_value(fields.within()?, event.prev_kv.insert(KeyValue::default()))?;
            }
            _ => return None,
        }
    }
    Some(())
}

fn key_value(mut fields: Fields<'_>, kv: &mut KeyValue) -> Option<()> {
    const KEY: u8 = key::length(1);
    const CREATE_REVISION: u8 = key::varint(2);
    const MOD_REVISION: u8 = key::varint(3);
    const VERSION: u8 = key::varint(4);
    const VALUE: u8 = key::length(5);
    const LEASE: u8 = key::varint(6);
    while let Some(key) = fields.next() {
        match key {
            KEY => kv.key = fields.bytes()?,
            CREATE_REVISION => kv.create_revision = fields.int64()?,
            MOD_REVISION => kv.mod_revision = fields.int64()?,
            VERSION => kv.version = fields.int64()?,
            VALUE => kv.value = fields.bytes()?,
            LEASE => kv.lease = fields.int64()?,
            _ => return None,
        }
    }
    Some(())
}

/// The fields of a message within a larger one, from some place on.
#[derive(Clone)]
struct Fields<'a> {
    /// What the bytes of keys and values are shares of.
    whole: &'a Bytes,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn of(whole: &'a Bytes) -> Self {
        Self { whole, rest: whole }
    }

    /// How many fields with this key there are, where all are lengths and varints.
    fn count(mut self, wanted: u8) -> Option<usize> {
        let mut found = 0;
        while let Some(key) = self.next() {
            match (key & 0x80, key & 7) {
                (0, 0) => _ = self.varint()?,
                (0, 2) => _ = self.slice()?,
                _ => return None,
            }
            found += usize::from(key == wanted);
        }
        Some(found)
    }

    /// What stands before the next field; the first of two bytes where its number is 16 or more.
    fn next(&mut self) -> Option<u8> {
        let (key, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*key)
    }

    fn int64(&mut self) -> Option<i64> {
        self.varint().map(u64::cast_signed)
    }

    fn varint(&mut self) -> Option<u64> {
        let (first, rest) = self.rest.split_first()?;
        if *first < 0x80 {
            self.rest = rest;
            return Some(u64::from(*first));
        }
        let mut value = u64::from(*first & 0x7f);
        for (index, byte) in rest.iter().enumerate() {
            if index == LAST && *byte > 1 {
                return None;
            }
            value |= u64::from(*byte & 0x7f) << (7 * (index + 1));
            if *byte < 0x80 {
                self.rest = &rest[index + 1..];
                return Some(value);
            }
        }
        None
    }

    fn slice(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        let (slice, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(slice)
    }

    fn within(&mut self) -> Option<Self> {
        Some(Self { whole: self.whole, rest: self.slice()? })
    }

    fn bytes(&mut self) -> Option<Bytes> {
        let slice = self.slice()?;
        Some(self.whole.slice_ref(slice))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn kvs() -> impl Strategy<Value = KeyValue> {
        let bytes = || vec(any::<u8>(), 0..200);
        (bytes(), bytes(), any::<[i64; 4]>()).prop_map(
            |(key, value, [created, at, version, lease])| KeyValue {
                key: key.into(),
                create_revision: created,
                mod_revision: at,
                version,
                value: value.into(),
                lease,
            },
        )
    }

    fn events() -> impl Strategy<Value = Event> {
        let parts = (any::<i32>(), option::of(kvs()), option::of(kvs()));
        parts.prop_map(|(event_type, kv, prev_kv)| Event { event_type, kv, prev_kv })
    }

    prop_compose! {
        fn replies()(
            header in option::of(any::<(u64, u64, i64, u64)>()),
            watch_id in any::<i64>(),
            fragment in any::<bool>(),
            events in vec(events(), 0..20),
        ) -> WatchResponse {
            let header = header.map(|(cluster_id, member_id, revision, raft_term)| {
                ResponseHeader { cluster_id, member_id, revision, raft_term }
            });
            WatchResponse { header, watch_id, fragment, events, ..WatchResponse::default() }
        }
    }

    proptest! {
        #[test]
        fn events_are_read_here(reply in replies()) {
            let message = Bytes::from(reply.encode_to_vec());
            prop_assert_eq!(known(&message), Some(reply));
        }

        #[test]
        fn what_is_changed_means_what_it_means_to_prost(
            reply in replies(),
            changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            end in any::<prop::sample::Index>(),
        ) {
            let mut message = reply.encode_to_vec();
            message.push(0);
            for (at, byte) in changes {
                let at = at.index(message.len());
                message[at] = byte;
            }
            message.truncate(end.index(2 * message.len()));
            let message = Bytes::from(message);
            prop_assert_eq!(watch_response(message.clone()), WatchResponse::decode(message));
        }

        #[test]
        fn any_bytes_mean_what_they_mean_to_prost(bytes in vec(prop_oneof![
            any::<u8>(),
            prop::sample::select(vec![0x0a, 0x10, 0x12, 0x1a, 0x38, 0x5a, 0x08, 0x02, 0x01]),
        ], 0..60)) {
            let message = Bytes::from(bytes);
            prop_assert_eq!(watch_response(message.clone()), WatchResponse::decode(message));
        }
    }

    #[test]
    fn what_is_rare_is_left_to_prost() {
        let created = WatchResponse { created: true, ..WatchResponse::default() };
        let message = Bytes::from(created.encode_to_vec());
        assert_eq!(known(&message), None);
        assert_eq!(watch_response(message), Ok(created));
    }

    #[test]
    fn keys_and_values_are_shared_and_not_copied() {
        let kv = KeyValue { key: "k".into(), value: "v".into(), ..KeyValue::default() };
        let event = Event { kv: Some(kv), ..Event::default() };
        let reply = WatchResponse { events: vec![event], ..WatchResponse::default() };
        let message = Bytes::from(reply.encode_to_vec());
        let read = watch_response(message.clone()).unwrap();
        let value = &read.events[0].kv.as_ref().unwrap().value;
        assert!(message.as_ptr_range().contains(&value.as_ptr()));
    }
}
