//! What a holder may do while it holds, and nobody else may: pure.

use std::cmp::Ordering;
use std::fmt;

use bytes::Bytes;
use etcd_proto::ids::{ClusterId, Revision};
use etcd_proto::v3::{Compare, CompareResult, TxnRequest, TxnResponse};

/// What tells a holder from all who held before and after.
///
/// Send it along with what must not be done by one who has lost the lock, and refuse lower ones
/// there. It grows from holder to holder within a cluster. Tokens of different clusters do not
/// compare; a cluster that was restored from a snapshot may give out lower ones again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FencingToken {
    /// The cluster whose revisions these are.
    pub cluster_id: ClusterId,
    /// The revision at which the holder's key was made.
    pub revision: Revision,
}

impl PartialOrd for FencingToken {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let same = self.cluster_id == other.cluster_id;
        same.then(|| self.revision.cmp(&other.revision))
    }
}

impl fmt::Display for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.revision, self.cluster_id)
    }
}

/// The condition that a key is still the one that was made at this revision.
pub(crate) fn still_there(key: &Bytes, made: Revision) -> Compare {
    Compare::create_revision(key.clone(), CompareResult::EQUAL, made)
}

/// A transaction that is done only while a condition holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fenced {
    pub(crate) request: TxnRequest,
    /// Whether the transaction itself is within that of the condition, so that one whose own
    /// conditions do not hold can be told from one that was not done.
    nested: bool,
}

impl Fenced {
    pub(crate) fn new(inner: TxnRequest, condition: Compare) -> Self {
        let outer = TxnRequest::new().when([condition]);
        // Without conditions of its own it needs no transaction within a transaction, which etcd
        // knows since 3.3.
        let nested = !inner.compare.is_empty();
        let request = if nested { outer.then([inner]) } else { outer.then(inner.success) };
        Self { request, nested }
    }

    /// What the transaction itself did; nothing when the condition did not hold.
    pub(crate) fn reply(&self, outer: TxnResponse) -> Option<TxnResponse> {
        if !outer.succeeded {
            return None;
        }
        if !self.nested {
            return Some(outer);
        }
        let header = outer.header;
        let inner = outer.responses.into_iter().next().and_then(|inner| inner.into_txn());
        inner.map(|inner| TxnResponse { header, ..inner })
    }
}

#[cfg(test)]
mod tests {
    use etcd_proto::v3::{PutRequest, PutResponse, RangeRequest, ResponseHeader, ResponseOp};

    use super::*;

    fn token(cluster: u64, revision: i64) -> FencingToken {
        FencingToken { cluster_id: ClusterId(cluster), revision: Revision(revision) }
    }

    fn condition() -> Compare {
        still_there(&Bytes::from_static(b"l/1"), Revision(7))
    }

    #[test]
    fn tokens_compare_within_a_cluster_alone() {
        assert!(token(1, 5) < token(1, 6) && token(1, 6) >= token(1, 6));
        assert_eq!(token(1, 5).partial_cmp(&token(2, 6)), None);
        assert_ne!(token(1, 5), token(2, 5));
        assert_eq!(token(0xab, 5).to_string(), "5@ab");
    }

    #[test]
    fn operations_without_conditions_are_done_under_the_condition_alone() {
        let inner = TxnRequest::new()
            .then([PutRequest::new("a", "1")])
            .or_else([PutRequest::new("never", "")]);
        let fenced = Fenced::new(inner, condition());
        let expected = TxnRequest::new().when([condition()]).then([PutRequest::new("a", "1")]);
        assert_eq!(fenced.request, expected);
        let reply = TxnResponse { succeeded: true, ..TxnResponse::default() };
        assert_eq!(fenced.reply(reply.clone()), Some(reply));
        assert_eq!(fenced.reply(TxnResponse::default()), None);
    }

    #[test]
    fn conditions_of_ones_own_fail_in_a_way_of_their_own() {
        let inner = TxnRequest::new()
            .when([Compare::absent("a")])
            .then([PutRequest::new("a", "1")])
            .or_else([RangeRequest::new("a")]);
        let fenced = Fenced::new(inner.clone(), condition());
        assert_eq!(fenced.request, TxnRequest::new().when([condition()]).then([inner]));

        let header = Some(ResponseHeader { revision: 9, ..ResponseHeader::default() });
        for succeeded in [true, false] {
            let responses = vec![ResponseOp::from(PutResponse::default())];
            let inner = TxnResponse { header: None, succeeded, responses };
            let outer =
                TxnResponse { header, succeeded: true, responses: vec![inner.clone().into()] };
            assert_eq!(fenced.reply(outer), Some(TxnResponse { header, ..inner }));
        }
        assert_eq!(fenced.reply(TxnResponse { header, ..TxnResponse::default() }), None);
    }
}
