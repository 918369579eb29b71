//! Keys that all begin with one prefix, which their user does not see: pure.

use bytes::{Bytes, BytesMut};
use etcd_proto::key::KeyRange;
use etcd_proto::v3::{
    Compare, DeleteRangeResponse, KeyValue, PutResponse, RangeResponse, RequestOp, RequestUnion,
    ResponseOp, ResponseUnion, TxnRequest, TxnResponse,
};

/// The end of a range that goes on to the last key.
const TO_THE_END: &[u8] = b"\0";

/// A prefix for every key; empty for none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Namespace {
    prefix: Bytes,
}

impl Namespace {
    pub(crate) fn prefix(&self) -> &Bytes {
        &self.prefix
    }

    /// A namespace in this one.
    pub(crate) fn within(&self, prefix: &[u8]) -> Self {
        Self { prefix: self.joined(prefix) }
    }

    /// A key as the server has it.
    pub(crate) fn key(&self, key: Bytes) -> Bytes {
        if self.prefix.is_empty() { key } else { self.joined(&key) }
    }

    /// A range as the server has it. It begins with the prefix and ends with it too: one to the
    /// last key of all is one to the last key here.
    pub(crate) fn range(&self, key: &mut Bytes, range_end: &mut Bytes) {
        if self.prefix.is_empty() {
            return;
        }
        *key = self.joined(key);
        *range_end = match &range_end[..] {
            b"" => Bytes::new(),
            TO_THE_END => KeyRange::prefix(self.prefix.clone()).range_end,
            end => self.joined(end),
        };
    }

    /// A transaction as the server has it, with those nested in it.
    pub(crate) fn transaction(&self, request: &mut TxnRequest) {
        request.compare.iter_mut().for_each(|compare| self.compare(compare));
        let operations = request.success.iter_mut().chain(&mut request.failure);
        operations.for_each(|operation| self.operation(operation));
    }

    fn compare(&self, compare: &mut Compare) {
        self.range(&mut compare.key, &mut compare.range_end);
    }

    fn operation(&self, operation: &mut RequestOp) {
        match &mut operation.request {
            Some(RequestUnion::Range(range)) => self.range(&mut range.key, &mut range.range_end),
            Some(RequestUnion::Put(put)) => put.key = self.key(std::mem::take(&mut put.key)),
            Some(RequestUnion::DeleteRange(delete)) => {
                self.range(&mut delete.key, &mut delete.range_end);
            }
            Some(RequestUnion::Txn(nested)) => self.transaction(nested),
            None => {}
        }
    }

    /// A key as its user has it; one outside of the namespace is left as it is.
    pub(crate) fn strip_key(&self, key: &mut Bytes) {
        if !self.prefix.is_empty() && key.starts_with(&self.prefix) {
            *key = key.slice(self.prefix.len()..);
        }
    }

    pub(crate) fn strip(&self, entry: &mut KeyValue) {
        self.strip_key(&mut entry.key);
    }

    pub(crate) fn strip_range(&self, reply: &mut RangeResponse) {
        // Ten thousand keys are not looked at for nothing.
        if self.prefix.is_empty() {
            return;
        }
        reply.kvs.iter_mut().for_each(|entry| self.strip(entry));
    }

    pub(crate) fn strip_put(&self, reply: &mut PutResponse) {
        reply.prev_kv.iter_mut().for_each(|entry| self.strip(entry));
    }

    pub(crate) fn strip_delete(&self, reply: &mut DeleteRangeResponse) {
        reply.prev_kvs.iter_mut().for_each(|entry| self.strip(entry));
    }

    pub(crate) fn strip_transaction(&self, reply: &mut TxnResponse) {
        reply.responses.iter_mut().for_each(|response| self.strip_response(response));
    }

    fn strip_response(&self, response: &mut ResponseOp) {
        match &mut response.response {
            Some(ResponseUnion::Range(range)) => self.strip_range(range),
            Some(ResponseUnion::Put(put)) => self.strip_put(put),
            Some(ResponseUnion::DeleteRange(delete)) => self.strip_delete(delete),
            Some(ResponseUnion::Txn(nested)) => self.strip_transaction(nested),
            None => {}
        }
    }

    fn joined(&self, key: &[u8]) -> Bytes {
        let mut joined = BytesMut::with_capacity(self.prefix.len() + key.len());
        joined.extend_from_slice(&self.prefix);
        joined.extend_from_slice(key);
        joined.freeze()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        // Few letters, so that ends and prefixes meet.
        proptest::collection::vec(
            prop_oneof![Just(0u8), Just(1), Just(b'a'), Just(0xfe), Just(0xff)],
            0..4,
        )
    }

    fn ranges() -> impl Strategy<Value = KeyRange> {
        prop_oneof![
            bytes().prop_map(KeyRange::one),
            bytes().prop_map(KeyRange::prefix),
            bytes().prop_map(KeyRange::from_key),
            Just(KeyRange::all()),
            (bytes(), bytes()).prop_map(|(from, to)| KeyRange::between(from, to)),
            // Whatever somebody writes into the fields.
            (bytes(), bytes())
                .prop_map(|(key, end)| KeyRange { key: key.into(), range_end: end.into() }),
        ]
    }

    proptest! {
        /// Whatever range is asked for, and whatever keys there are: only those within the
        /// namespace are reached, and of these the ones that the range means.
        #[test]
        fn no_range_escapes(prefix in bytes(), range in ranges(), key in bytes()) {
            prop_assume!(!prefix.is_empty());
            let namespace = Namespace::default().within(&prefix);
            let mut sent = range.clone();
            namespace.range(&mut sent.key, &mut sent.range_end);
            if sent.contains(&key) {
                prop_assert!(key.starts_with(&prefix), "{range:?} reaches {key:?} from {prefix:?}");
            }
            let whole = [&prefix[..], &key[..]].concat();
            prop_assert_eq!(sent.contains(&whole), range.contains(&key), "{:?} {:?}", range, key);
        }

        #[test]
        fn keys_come_back_as_they_went(outer in bytes(), inner in bytes(), key in bytes()) {
            let namespace = Namespace::default().within(&outer).within(&inner);
            let mut sent = namespace.key(key.clone().into());
            prop_assert!(sent.starts_with(&outer));
            namespace.strip_key(&mut sent);
            prop_assert_eq!(&sent[..], &key[..]);
        }
    }
}
