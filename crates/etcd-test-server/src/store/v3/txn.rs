//! Puts, deletes, and transactions of them.

use std::collections::BTreeSet;

use bytes::Bytes;
use etcd_proto::grpc::Status;
use etcd_proto::v3::error::message;
use etcd_proto::v3::{
    Compare, CompareResult, CompareTarget, DeleteRangeRequest, DeleteRangeResponse, KeyValue,
    PutRequest, PutResponse, RequestOp, RequestUnion, ResponseHeader, ResponseOp, TargetUnion,
    TxnRequest, TxnResponse,
};

use super::lease::Leases;
use super::mvcc::Mvcc;
use super::range;
use super::refusal::refusal;
use crate::version::Version;

/// How many operations a transaction may have, by default.
pub(super) const MOST_OPERATIONS: usize = 128;

/// What can be said against a put before the store is looked at.
pub(super) fn check_put(put: &PutRequest) -> Result<(), Status> {
    if put.key.is_empty() {
        return Err(refusal(message::EMPTY_KEY));
    }
    if put.ignore_value && !put.value.is_empty() {
        return Err(refusal(message::VALUE_PROVIDED));
    }
    if put.ignore_lease && put.lease != 0 {
        return Err(refusal(message::LEASE_PROVIDED));
    }
    Ok(())
}

/// What can be said against a delete before the store is looked at.
pub(super) fn check_delete(delete: &DeleteRangeRequest) -> Result<(), Status> {
    if delete.key.is_empty() { Err(refusal(message::EMPTY_KEY)) } else { Ok(()) }
}

/// What can be said against a transaction before the store is looked at.
pub(super) fn check_txn(txn: &TxnRequest, version: Version) -> Result<(), Status> {
    check_operations(txn, MOST_OPERATIONS, version)?;
    check_duplicates(&txn.success)?;
    check_duplicates(&txn.failure)?;
    Ok(())
}

/// Whether etcd takes a transaction for one that only reads: one within it may write.
pub(super) fn is_read(txn: &TxnRequest) -> bool {
    let mut operations = txn.success.iter().chain(&txn.failure);
    operations.all(|operation| matches!(operation.request, Some(RequestUnion::Range(_))))
}

fn check_operations(txn: &TxnRequest, most: usize, version: Version) -> Result<(), Status> {
    let operations = txn.compare.len().max(txn.success.len()).max(txn.failure.len());
    if operations > most {
        return Err(refusal(message::TOO_MANY_OPERATIONS));
    }
    if txn.compare.iter().any(|compare| compare.key.is_empty()) {
        return Err(refusal(message::EMPTY_KEY));
    }
    txn.success.iter().chain(&txn.failure).try_for_each(|operation| match &operation.request {
        Some(RequestUnion::Range(request)) => range::check(request, version),
        Some(RequestUnion::Put(put)) => check_put(put),
        Some(RequestUnion::DeleteRange(delete)) => check_delete(delete),
        Some(RequestUnion::Txn(txn)) => check_operations(txn, most - operations, version),
        None => Err(refusal(message::KEY_NOT_FOUND)),
    })
}

#[derive(Default)]
struct Writes {
    puts: BTreeSet<Bytes>,
    deletes: Vec<(Bytes, Bytes)>,
}

impl Writes {
    fn deletes(&self, key: &[u8]) -> bool {
        self.deletes.iter().any(|(from, end)| {
            if end.is_empty() { from == key } else { from.as_ref() <= key && key < end.as_ref() }
        })
    }

    fn put(&mut self, key: &Bytes, other_branch: &BTreeSet<Bytes>) -> Result<(), Status> {
        let twice = self.puts.contains(key) && !other_branch.contains(key);
        if twice || self.deletes(key) {
            return Err(refusal(message::DUPLICATE_KEY));
        }
        self.puts.insert(key.clone());
        Ok(())
    }
}

/// No key may be put twice, or put and deleted; the branches of a nested one exclude each other.
fn check_duplicates(operations: &[RequestOp]) -> Result<Writes, Status> {
    let mut writes = Writes::default();
    for operation in operations {
        if let Some(RequestUnion::DeleteRange(delete)) = &operation.request {
            writes.deletes.push((delete.key.clone(), delete.range_end.clone()));
        }
    }
    for operation in operations {
        let Some(RequestUnion::Txn(txn)) = &operation.request else { continue };
        let (then, or_else) = (check_duplicates(&txn.success)?, check_duplicates(&txn.failure)?);
        then.puts.iter().try_for_each(|key| writes.put(key, &BTreeSet::new()))?;
        or_else.puts.iter().try_for_each(|key| writes.put(key, &then.puts))?;
        writes.deletes.extend(then.deletes.into_iter().chain(or_else.deletes));
    }
    for operation in operations {
        if let Some(RequestUnion::Put(put)) = &operation.request {
            writes.put(&put.key, &BTreeSet::new())?;
        }
    }
    Ok(writes)
}

/// What transactions work on.
pub(super) struct Space<'a> {
    /// The keys.
    pub(super) kv: &'a mut Mvcc,
    /// The leases that they are attached to.
    pub(super) leases: &'a mut Leases,
}

impl Space<'_> {
    fn header(&self) -> Option<ResponseHeader> {
        Some(ResponseHeader { revision: self.kv.revision_within(), ..Default::default() })
    }

    /// Whether a put finds the lease and the key that it needs.
    pub(super) fn check_put(&self, put: &PutRequest) -> Result<(), Status> {
        self.check_lease(put)?;
        self.check_key(put)
    }

    /// The same within a transaction, where releases before 3.6 look for the key first.
    fn check_put_within(&self, put: &PutRequest) -> Result<(), Status> {
        if self.kv.version() < Version::V3_7 {
            self.check_key(put)?;
        }
        self.check_put(put)
    }

    fn check_lease(&self, put: &PutRequest) -> Result<(), Status> {
        if put.lease != 0 && !self.leases.exists(put.lease) {
            return Err(refusal(message::LEASE_NOT_FOUND));
        }
        Ok(())
    }

    fn check_key(&self, put: &PutRequest) -> Result<(), Status> {
        if (put.ignore_value || put.ignore_lease) && self.kv.get(&put.key).is_none() {
            return Err(refusal(message::KEY_NOT_FOUND));
        }
        Ok(())
    }

    /// Puts a key that was checked.
    pub(super) fn put(&mut self, put: &PutRequest) -> PutResponse {
        let held = self.kv.get(&put.key);
        let value = held.filter(|_| put.ignore_value).map(|kv| kv.value.clone());
        let lease = held.filter(|_| put.ignore_lease).map(|kv| kv.lease).unwrap_or(put.lease);
        let value = value.unwrap_or_else(|| put.value.clone());
        let previous = self.kv.put(put.key.clone(), value, lease);
        if let Some(previous) = &previous {
            self.leases.detach(previous.lease, &put.key);
        }
        self.leases.attach(lease, put.key.clone());
        PutResponse { header: self.header(), prev_kv: previous.filter(|_| put.prev_kv) }
    }

    /// Deletes a range.
    pub(super) fn delete(&mut self, delete: &DeleteRangeRequest) -> DeleteRangeResponse {
        let gone = self.kv.delete(&delete.key, &delete.range_end);
        for kv in &gone {
            self.leases.detach(kv.lease, &kv.key);
        }
        let deleted = i64::try_from(gone.len()).unwrap_or(i64::MAX);
        let prev_kvs = if delete.prev_kv { gone } else { Vec::new() };
        DeleteRangeResponse { header: self.header(), deleted, prev_kvs }
    }

    /// Does a transaction that was checked; all its conditions are looked at before it begins.
    pub(super) fn txn(&mut self, txn: &TxnRequest) -> Result<TxnResponse, Status> {
        let mut path = Vec::new();
        choose(self.kv, txn, &mut path);
        // Releases before 3.6 look at all puts before they look at a range.
        let passes: &[_] = if self.kv.version() < Version::V3_7 {
            &[(true, false), (false, true)]
        } else {
            &[(true, true)]
        };
        for kinds in passes {
            self.check_path(txn, &mut path.iter(), *kinds)?;
        }
        let mut response = self.execute(txn, &mut path.iter())?;
        response.header = self.header();
        Ok(response)
    }

    fn check_path(
        &self,
        txn: &TxnRequest,
        path: &mut std::slice::Iter<'_, bool>,
        (puts, ranges): (bool, bool),
    ) -> Result<(), Status> {
        for operation in branch(txn, path.next() == Some(&true)) {
            match &operation.request {
                Some(RequestUnion::Range(range)) if ranges => {
                    self.kv.check_revision_within(range.revision)?;
                }
                Some(RequestUnion::Put(put)) if puts => self.check_put_within(put)?,
                Some(RequestUnion::Txn(txn)) => self.check_path(txn, path, (puts, ranges))?,
                _ => {}
            }
        }
        Ok(())
    }

    fn execute(
        &mut self,
        txn: &TxnRequest,
        path: &mut std::slice::Iter<'_, bool>,
    ) -> Result<TxnResponse, Status> {
        let succeeded = path.next() == Some(&true);
        let mut responses = Vec::new();
        for operation in branch(txn, succeeded) {
            responses.push(match &operation.request {
                Some(RequestUnion::Range(request)) => range::range(self.kv, request)?.into(),
                Some(RequestUnion::Put(put)) => self.put(put).into(),
                Some(RequestUnion::DeleteRange(delete)) => self.delete(delete).into(),
                Some(RequestUnion::Txn(txn)) => self.execute(txn, path)?.into(),
                None => ResponseOp::default(),
            });
        }
        Ok(TxnResponse { header: Some(ResponseHeader::default()), succeeded, responses })
    }
}

fn branch(txn: &TxnRequest, succeeded: bool) -> &[RequestOp] {
    if succeeded { &txn.success } else { &txn.failure }
}

fn choose(kv: &Mvcc, txn: &TxnRequest, path: &mut Vec<bool>) {
    let succeeded = txn.compare.iter().all(|compare| holds(kv, compare));
    path.push(succeeded);
    for operation in branch(txn, succeeded) {
        if let Some(RequestUnion::Txn(txn)) = &operation.request {
            choose(kv, txn, path);
        }
    }
}

fn holds(kv: &Mvcc, compare: &Compare) -> bool {
    let mut found = kv.range(&compare.key, &compare.range_end, 0).peekable();
    if found.peek().is_none() {
        let absent = KeyValue::default();
        return compare.target() != CompareTarget::VALUE && holds_for(compare, &absent);
    }
    found.all(|kv| holds_for(compare, kv))
}

fn holds_for(compare: &Compare, kv: &KeyValue) -> bool {
    use std::cmp::Ordering;
    let operand = compare.target_union.as_ref();
    let number = |held: i64, asked: Option<i64>| held.cmp(&asked.unwrap_or(0));
    let ordering = match (compare.target(), operand) {
        (CompareTarget::VERSION, Some(TargetUnion::Version(asked))) => kv.version.cmp(asked),
        (CompareTarget::CREATE, Some(TargetUnion::CreateRevision(asked))) => {
            kv.create_revision.cmp(asked)
        }
        (CompareTarget::MOD, Some(TargetUnion::ModRevision(asked))) => kv.mod_revision.cmp(asked),
        (CompareTarget::VALUE, Some(TargetUnion::Value(asked))) => kv.value.cmp(asked),
        (CompareTarget::LEASE, Some(TargetUnion::Lease(asked))) => kv.lease.cmp(asked),
        (CompareTarget::VERSION, _) => number(kv.version, None),
        (CompareTarget::CREATE, _) => number(kv.create_revision, None),
        (CompareTarget::MOD, _) => number(kv.mod_revision, None),
        (CompareTarget::VALUE, _) => kv.value.as_ref().cmp(&[][..]),
        (CompareTarget::LEASE, _) => number(kv.lease, None),
        _ => Ordering::Equal,
    };
    match compare.result() {
        CompareResult::EQUAL => ordering.is_eq(),
        CompareResult::GREATER => ordering.is_gt(),
        CompareResult::LESS => ordering.is_lt(),
        CompareResult::NOT_EQUAL => ordering.is_ne(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use etcd_proto::key::KeyRange;
    use etcd_proto::v3::RangeRequest;

    use super::*;

    fn put(key: &'static str) -> RequestOp {
        PutRequest::new(key, "").into()
    }

    fn delete(from: &'static str, to: &'static str) -> RequestOp {
        DeleteRangeRequest::new(KeyRange::between(from, to)).into()
    }

    fn nested(success: &[RequestOp], failure: &[RequestOp]) -> RequestOp {
        TxnRequest::new().then(success.to_vec()).or_else(failure.to_vec()).into()
    }

    #[test]
    fn a_key_is_written_once_at_most() {
        let duplicate = Err(refusal(message::DUPLICATE_KEY));
        for (operations, expected) in [
            (vec![put("a"), put("b")], Ok(())),
            (vec![put("a"), put("a")], duplicate.clone()),
            (vec![put("b"), delete("a", "c")], duplicate.clone()),
            (vec![put("c"), delete("a", "c")], Ok(())),
            (vec![delete("a", "c"), delete("b", "d")], Ok(())),
            (vec![nested(&[put("a")], &[put("a")])], Ok(())),
            (vec![nested(&[put("a")], &[]), put("a")], duplicate.clone()),
            (vec![nested(&[put("a")], &[]), nested(&[], &[put("a")])], duplicate.clone()),
            (vec![nested(&[delete("a", "c")], &[]), put("b")], duplicate.clone()),
            (vec![nested(&[delete("a", "c")], &[put("b")])], Ok(())),
            (vec![nested(&[put("b")], &[delete("a", "c")])], Ok(())),
            (vec![delete("a", "c"), nested(&[], &[put("b")])], duplicate),
        ] {
            let txn = TxnRequest::new().then(operations);
            assert_eq!(check_txn(&txn, Version::V3_7), expected, "{txn:?}");
        }
    }

    #[test]
    fn operations_are_counted_down_to_the_last_level() {
        let keys: Vec<String> = (0..MOST_OPERATIONS).map(|key| key.to_string()).collect();
        let puts = |count: usize| keys[..count].iter().map(|key| PutRequest::new(key.clone(), ""));
        assert_eq!(check_txn(&TxnRequest::new().then(puts(128)), Version::V3_7), Ok(()));
        let most = TxnRequest::new().then([TxnRequest::new().then(puts(127))]);
        assert_eq!(check_txn(&most, Version::V3_7), Ok(()));
        let too_many = TxnRequest::new().then([TxnRequest::new().then(puts(128))]);
        assert_eq!(check_txn(&too_many, Version::V3_7), Err(refusal(message::TOO_MANY_OPERATIONS)));
        let nothing = TxnRequest::new().then([RequestOp { request: None }]);
        assert_eq!(check_txn(&nothing, Version::V3_7), Err(refusal(message::KEY_NOT_FOUND)));
    }

    #[test]
    fn conditions_hold_for_every_key_of_a_range_and_values_for_none_that_is_absent() {
        use CompareResult as Is;
        let mut kv = Mvcc::new(Version::V3_7);
        for (key, value) in [("a", "1"), ("b", "2"), ("a", "1")] {
            kv.put(key.into(), value.into(), 0);
            kv.commit();
        }
        for (compare, expected) in [
            (Compare::value("a", Is::EQUAL, "1"), true),
            (Compare::value("a", Is::LESS, "2"), true),
            (Compare::value("z", Is::NOT_EQUAL, "1"), false),
            (Compare::version("a", Is::EQUAL, 2), true),
            (Compare::version("z", Is::EQUAL, 0), true),
            (Compare::create_revision("a", Is::GREATER, 2), false),
            (Compare::mod_revision("a", Is::EQUAL, 4), true),
            (Compare::lease("a", Is::EQUAL, 0), true),
            (Compare::value("a", Is::EQUAL, "1").over("c"), false),
            (Compare::mod_revision("a", Is::GREATER, 2).over("c"), true),
        ] {
            assert_eq!(holds(&kv, &compare), expected, "{compare:?}");
        }
    }

    #[test]
    fn conditions_are_looked_at_before_and_reads_see_the_writes_before_them() {
        let (mut kv, mut leases) = (Mvcc::new(Version::V3_7), Leases::default());
        let mut space = Space { kv: &mut kv, leases: &mut leases };
        let inner = TxnRequest::new().when([Compare::absent("a")]).then([put("b")]);
        let txn = TxnRequest::new().then([
            put("a"),
            RangeRequest::new("a").into(),
            RequestOp::from(inner),
        ]);
        let done = space.txn(&txn).unwrap_or_default();
        assert_eq!(done.responses[1].as_range().map(|range| range.count), Some(1));
        assert_eq!(done.responses[2].as_txn().map(|txn| txn.succeeded), Some(true));
        assert_eq!(kv.commit(), 2, "one revision for all");
        assert_eq!(kv.all().count(), 2);
    }

    #[test]
    fn a_transaction_that_cannot_be_done_does_nothing() {
        let (mut kv, mut leases) = (Mvcc::new(Version::V3_7), Leases::default());
        let mut space = Space { kv: &mut kv, leases: &mut leases };
        let bad = PutRequest::new("b", "").lease(7);
        let txn = TxnRequest::new().then([put("a"), bad.into()]);
        assert_eq!(space.txn(&txn), Err(refusal(message::LEASE_NOT_FOUND)));
        assert_eq!((kv.commit(), kv.all().count()), (1, 0));
    }
}
