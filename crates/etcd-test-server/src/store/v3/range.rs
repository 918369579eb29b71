//! A range, sorted, filtered and cut as asked.

use std::cmp::Ordering;

use etcd_proto::grpc::{Code, Status};
use etcd_proto::v3::error::message;
use etcd_proto::v3::{
    KeyValue, RangeRequest, RangeResponse, ResponseHeader, SortOrder, SortTarget,
};

use super::mvcc::Mvcc;
use super::refusal::refusal;
use crate::version::Version;

/// What can be said against a range before the store is looked at.
///
/// Releases before 3.6 take an order that there is not for none; a target that there is not ends them.
pub(super) fn check(request: &RangeRequest, version: Version) -> Result<(), Status> {
    if request.key.is_empty() {
        return Err(refusal(message::EMPTY_KEY));
    }
    let is_no_order = request.sort_order().name().is_none() && version >= Version::V3_7;
    if is_no_order || request.sort_target().name().is_none() {
        return Err(refusal(message::INVALID_SORT));
    }
    Ok(())
}

/// What can be said against reading a range in pieces.
pub(super) fn check_pieces(request: &RangeRequest) -> Result<(), Status> {
    let unsupported = |what| {
        Err(Status::new(Code::UNIMPLEMENTED, format!("RangeStream does not support {what}")))
    };
    let (target, order) = (request.sort_target(), request.sort_order());
    if order != SortOrder::NONE && (target, order) != (SortTarget::KEY, SortOrder::ASCEND) {
        return unsupported("custom sort orders");
    }
    if filters_revisions(request) {
        return unsupported("revision filters");
    }
    Ok(())
}

/// Answers a range; its header has the revision alone.
pub(super) fn range(kv: &Mvcc, request: &RangeRequest) -> Result<RangeResponse, Status> {
    kv.check_revision(request.revision)?;
    let header = ResponseHeader { revision: kv.revision_within(), ..Default::default() };
    let found = || kv.range(&request.key, &request.range_end, request.revision);
    let count = i64::try_from(found().count()).unwrap_or(i64::MAX);
    let mut response = RangeResponse { header: Some(header), count, ..Default::default() };
    if request.count_only {
        return Ok(response);
    }
    let limit = usize::try_from(request.limit).ok().filter(|limit| *limit > 0);
    let fetched = limit.filter(|_| !needs_all(request)).map_or(usize::MAX, |most| most + 1);
    let passing = found().take(fetched).filter(|kv| passes(request, kv));
    let mut kvs: Vec<KeyValue> = passing.cloned().collect();
    sort(request, &mut kvs);
    if let Some(limit) = limit.filter(|limit| kvs.len() > *limit) {
        kvs.truncate(limit);
        response.more = true;
    }
    if request.keys_only {
        // From 3.6 or 3.7 on, the answer comes from an index that knows no leases, if that will do.
        let knows_leases =
            kv.version() < Version::V3_7 || request.sort_target() == SortTarget::VALUE;
        for kv in &mut kvs {
            kv.value.clear();
            kv.lease = if knows_leases { kv.lease } else { 0 };
        }
    }
    response.kvs = kvs;
    Ok(response)
}

/// As etcd has it, a target without an order sorts what the limit has let through.
fn needs_all(request: &RangeRequest) -> bool {
    request.sort_order() != SortOrder::NONE || filters_revisions(request)
}

/// Whether revisions are filtered.
fn filters_revisions(request: &RangeRequest) -> bool {
    [
        request.min_mod_revision,
        request.max_mod_revision,
        request.min_create_revision,
        request.max_create_revision,
    ]
    .iter()
    .any(|revision| *revision != 0)
}

fn passes(request: &RangeRequest, kv: &KeyValue) -> bool {
    let within =
        |revision, min, max| (min == 0 || revision >= min) && (max == 0 || revision <= max);
    within(kv.mod_revision, request.min_mod_revision, request.max_mod_revision)
        && within(kv.create_revision, request.min_create_revision, request.max_create_revision)
}

fn sort(request: &RangeRequest, kvs: &mut [KeyValue]) {
    let target = request.sort_target();
    let by = |a: &KeyValue, b: &KeyValue| match target {
        SortTarget::VERSION => a.version.cmp(&b.version),
        SortTarget::CREATE => a.create_revision.cmp(&b.create_revision),
        SortTarget::MOD => a.mod_revision.cmp(&b.mod_revision),
        SortTarget::VALUE => a.value.cmp(&b.value),
        SortTarget::KEY => a.key.cmp(&b.key),
        _ => Ordering::Equal,
    };
    match request.sort_order() {
        SortOrder::NONE if target == SortTarget::KEY => {}
        SortOrder::NONE | SortOrder::ASCEND => kvs.sort_by(by),
        SortOrder::DESCEND => kvs.sort_by(|a, b| by(b, a)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use etcd_proto::key::KeyRange;

    use super::*;

    fn store() -> Mvcc {
        let mut kv = Mvcc::new(Version::V3_7);
        for (key, value) in [("a", "3"), ("b", "1"), ("c", "2"), ("a", "9")] {
            kv.put(key.into(), value.into(), 0);
            kv.commit();
        }
        kv
    }

    #[test]
    fn options_choose_order_and_cut() {
        let ask = || RangeRequest::new(KeyRange::all());
        let by = |target, order| ask().sort(target, order);
        for (request, keys, more) in [
            (ask(), "abc", false),
            (ask().limit(2), "ab", true),
            (ask().limit(3), "abc", false),
            (by(SortTarget::KEY, SortOrder::DESCEND), "cba", false),
            (by(SortTarget::KEY, SortOrder::DESCEND).limit(1), "c", true),
            (by(SortTarget::VALUE, SortOrder::ASCEND), "bca", false),
            (by(SortTarget::MOD, SortOrder::DESCEND), "acb", false),
            (by(SortTarget::CREATE, SortOrder::DESCEND), "cba", false),
            (by(SortTarget::VERSION, SortOrder::DESCEND).limit(1), "a", true),
            (by(SortTarget::VALUE, SortOrder::NONE), "bca", false),
            (ask().min_mod_revision(4), "ac", false),
            (ask().max_mod_revision(4).limit(1), "b", true),
            (ask().min_create_revision(3).max_create_revision(3), "b", false),
            (ask().count_only(), "", false),
            (ask().revision(3), "ab", false),
        ] {
            let response = range(&store(), &request).unwrap_or_default();
            let found: Vec<u8> = response.kvs.iter().flat_map(|kv| kv.key.to_vec()).collect();
            assert_eq!(found, keys.as_bytes(), "{request:?}");
            assert_eq!(response.more, more, "{request:?}");
            let count = if request.revision == 0 { 3 } else { 2 };
            assert_eq!(response.count, count, "the whole range's: {request:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_etcds_words() {
        let empty = check(&RangeRequest::default(), Version::V3_7);
        assert_eq!(empty, Err(refusal(message::EMPTY_KEY)));
        let odd = RangeRequest { sort_target: 7, ..RangeRequest::new("a") };
        assert_eq!(check(&odd, Version::V3_4), Err(refusal(message::INVALID_SORT)));
        let odd = RangeRequest { sort_order: 7, ..RangeRequest::new("a") };
        assert_eq!(check(&odd, Version::V3_4), Ok(()));
        assert_eq!(check(&odd, Version::V3_7), Err(refusal(message::INVALID_SORT)));
        let future = RangeRequest::new("a").revision(9);
        assert_eq!(range(&store(), &future), Err(refusal(message::FUTURE_REVISION)));
    }
}
