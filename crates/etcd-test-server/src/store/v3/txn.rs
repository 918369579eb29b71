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
pub(super) fn check_txn(txn: &TxnRequest) -> Result<(), Status> {
    check_operations(txn, MOST_OPERATIONS)?;
    check_duplicates(&txn.success)?;
    check_duplicates(&txn.failure)?;
    Ok(())
}

fn check_operations(txn: &TxnRequest, most: usize) -> Result<(), Status> {
    let operations = txn.compare.len().max(txn.success.len()).max(txn.failure.len());
    if operations > most {
        return Err(refusal(message::TOO_MANY_OPERATIONS));
    }
    if txn.compare.iter().any(|compare| compare.key.is_empty()) {
        return Err(refusal(message::EMPTY_KEY));
    }
    txn.success.iter().chain(&txn.failure).try_for_each(|operation| match &operation.request {
        Some(RequestUnion::Range(request)) => range::check(request),
        Some(RequestUnion::Put(put)) => check_put(put),
        Some(RequestUnion::DeleteRange(delete)) => check_delete(delete),
        Some(RequestUnion::Txn(txn)) => check_operations(txn, most - operations),
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
        writes.deletes.extend(then.deletes);
        then.puts.iter().try_for_each(|key| writes.put(key, &BTreeSet::new()))?;
        writes.deletes.extend(or_else.deletes);
        or_else.puts.iter().try_for_each(|key| writes.put(key, &then.puts))?;
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

    /// Whether a put finds the key and the lease that it needs.
    pub(super) fn check_put(&self, put: &PutRequest) -> Result<(), Status> {
        if put.lease != 0 && !self.leases.exists(put.lease) {
            return Err(refusal(message::LEASE_NOT_FOUND));
        }
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
        self.check_path(txn, &mut path.iter())?;
        let mut response = self.execute(txn, &mut path.iter())?;
        response.header = self.header();
        Ok(response)
    }

    fn check_path(
        &self,
        txn: &TxnRequest,
        path: &mut std::slice::Iter<'_, bool>,
    ) -> Result<(), Status> {
        for operation in branch(txn, path.next() == Some(&true)) {
            match &operation.request {
                Some(RequestUnion::Range(range)) => self.kv.check_revision(range.revision)?,
                Some(RequestUnion::Put(put)) => self.check_put(put)?,
                Some(RequestUnion::Txn(txn)) => self.check_path(txn, path)?,
                Some(RequestUnion::DeleteRange(_)) | None => {}
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
