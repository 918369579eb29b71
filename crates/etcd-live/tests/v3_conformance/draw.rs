//! Which requests there are.
//!
//! Revisions are drawn from where a sequence begins: 1 is the revision before its first write, -1
//! the one before that, which is compacted. 0 and numbers beyond [`FAR`] stand for themselves.

use etcd_client::v3::api::*;
use etcd_live::conformance::Dice;
use etcd_test_server::Version;

/// What is done to a server.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Range(RangeRequest),
    RangeStream(RangeRequest),
    Put(PutRequest),
    Delete(DeleteRangeRequest),
    Txn(TxnRequest),
    Compact(CompactionRequest),
    Grant(LeaseGrantRequest),
    Revoke(LeaseRevokeRequest),
    TimeToLive(LeaseTimeToLiveRequest),
    Leases(LeaseLeasesRequest),
    KeepAlive(LeaseKeepAliveRequest),
    Watch(WatchCreateRequest),
    Cancel(WatchCancelRequest),
    Progress,
}

/// At most this many: etcd sorts more than twelve by an algorithm under which equals change places.
const KEYS: &[&[u8]] = &[
    b"a",
    b"a",
    b"a",
    b"b",
    b"b",
    b"c",
    b"a/",
    b"a/x",
    b"a/x",
    b"a/\0",
    b"\0",
    b"\xff",
    b"\xff\xfe",
];
const VALUES: &[&[u8]] = &[b"1", b"1", b"2", b"", b"\0\xff", b"10"];
const LEASES: &[i64] = &[1, 1, 1, 2, 2, 3, -7, i64::MAX];
/// What numbers beyond it stand for themselves.
pub(crate) const FAR: u64 = 1 << 30;
/// How far a revision of a request may be from where the sequence begins.
pub(crate) const FURTHEST: u64 = 16;
/// How deep transactions are within each other.
const DEEPEST: u64 = 2;
/// How many operations a transaction may have.
const MOST_OPERATIONS: u64 = 128;

/// Up to two dozen requests.
pub(crate) fn sequence(dice: &mut Dice, version: Version) -> Vec<Step> {
    // A watch that catches up makes etcd wait for up to 100 ms.
    let watches = dice.once_in(3);
    let mut steps: Vec<_> = (0..dice.below(20) + 3).map(|_| step(dice, watches)).collect();
    // A target that there is not ends servers before 3.6.
    if version >= Version::V3_7 && dice.once_in(20) {
        steps.push(Step::Range(RangeRequest { sort_target: dice.pick(&[5, -1]), ..range(dice) }));
    }
    steps
}

fn step(dice: &mut Dice, watches: bool) -> Step {
    match dice.below(40) {
        0..12 => Step::Put(put(dice)),
        12..19 => Step::Range(range(dice)),
        19..22 => Step::Delete(delete(dice)),
        22..28 => {
            let endless = dice.once_in(4);
            Step::Txn(txn(dice, Kind { depth: DEEPEST, endless }))
        }
        28..30 => Step::Compact(CompactionRequest {
            revision: revision(dice, 2),
            // Else history goes some time later.
            physical: true,
        }),
        30..35 => lease(dice),
        35 => Step::RangeStream(range(dice)),
        _ if watches => watch(dice),
        _ => Step::Put(put(dice)),
    }
}

fn lease(dice: &mut Dice) -> Step {
    let id = dice.pick(LEASES);
    match dice.below(8) {
        0..4 => {
            let odd = [0, -1, 1, 9_000_000_000, 9_000_000_001, i64::MAX, i64::MIN];
            let ttl = if dice.once_in(6) { dice.pick(&odd) } else { dice.pick(&[1000, 2000]) };
            Step::Grant(LeaseGrantRequest { id: if dice.once_in(8) { 0 } else { id }, ttl })
        }
        4 => Step::Revoke(LeaseRevokeRequest { id }),
        5 => Step::TimeToLive(LeaseTimeToLiveRequest { id, keys: !dice.once_in(4) }),
        6 => Step::Leases(LeaseLeasesRequest {}),
        _ => Step::KeepAlive(LeaseKeepAliveRequest { id }),
    }
}

fn watch(dice: &mut Dice) -> Step {
    let (key, range_end) = keys(dice);
    match dice.below(6) {
        0 => Step::Cancel(WatchCancelRequest { watch_id: watch_id(dice) }),
        1 => Step::Progress,
        _ => Step::Watch(WatchCreateRequest {
            key: key.into(),
            range_end: range_end.into(),
            start_revision: revision(dice, 2),
            progress_notify: dice.once_in(4),
            // Not both: a watch that is told nothing cannot be waited for.
            filters: dice.pick(&[&[][..], &[], &[], &[0], &[1], &[1, 1]]).to_vec(),
            prev_kv: dice.once_in(2),
            watch_id: if dice.once_in(4) { watch_id(dice) } else { 0 },
            fragment: dice.once_in(4),
        }),
    }
}

fn watch_id(dice: &mut Dice) -> i64 {
    dice.pick(&[0, 0, 1, 1, 2, 3, -1, -5, i64::MAX])
}

fn key(dice: &mut Dice) -> Vec<u8> {
    if dice.once_in(60) { Vec::new() } else { dice.pick(KEYS).to_vec() }
}

/// The ends of a range: mostly one key or a prefix.
fn keys(dice: &mut Dice) -> (Vec<u8>, Vec<u8>) {
    let key = key(dice);
    let end = match dice.below(10) {
        0..4 => Vec::new(),
        4..6 => prefix_end(&key),
        6 => vec![0],
        7 => return (vec![0], vec![0]),
        _ => dice.pick(KEYS).to_vec(),
    };
    (key, end)
}

fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let range = etcd_client::KeyRange::prefix(prefix);
    range.range_end.to_vec()
}

/// None, mostly; else one of the sequence, of before it, of after it, or an odd one.
fn revision(dice: &mut Dice, some_in: u64) -> i64 {
    match dice.below(16) {
        _ if !dice.once_in(some_in) => 0,
        0 => -signed(dice.below(4)),
        1 => dice.pick(&[i64::MIN, i64::MAX, -signed(FAR) - 1, signed(FAR) + 1]),
        _ => signed(dice.below(FURTHEST)) + 1,
    }
}

fn range(dice: &mut Dice) -> RangeRequest {
    let (key, range_end) = keys(dice);
    RangeRequest {
        key: key.into(),
        range_end: range_end.into(),
        limit: if dice.once_in(3) { dice.pick(&[1, 1, 2, 3, -1, i64::MAX, i64::MIN]) } else { 0 },
        revision: revision(dice, 3),
        sort_order: if dice.once_in(2) { dice.pick(&[1, 1, 1, 1, 2, 2, 2, 2, 3, -1]) } else { 0 },
        sort_target: if dice.once_in(2) { dice.pick(&[0, 1, 2, 3, 4]) } else { 0 },
        serializable: dice.once_in(4),
        keys_only: dice.once_in(6),
        count_only: dice.once_in(8),
        min_mod_revision: revision(dice, 10),
        max_mod_revision: revision(dice, 10),
        min_create_revision: revision(dice, 10),
        max_create_revision: revision(dice, 10),
    }
}

fn put(dice: &mut Dice) -> PutRequest {
    let (ignore_value, ignore_lease) = (dice.once_in(10), dice.once_in(10));
    let value = if ignore_value && !dice.once_in(6) { b"" } else { dice.pick(VALUES) };
    let lease = if ignore_lease && !dice.once_in(6) { 0 } else { dice.pick(&[0, 0, 0, 1, 2]) };
    let length = if dice.once_in(500) { dice.pick(&[1_600_000, 2_200_000]) } else { 0 };
    let value = if length > 0 { vec![b'x'; length] } else { value.to_vec() };
    let prev_kv = dice.once_in(3);
    PutRequest {
        key: key(dice).into(),
        value: value.into(),
        lease,
        prev_kv,
        ignore_value,
        ignore_lease,
    }
}

fn delete(dice: &mut Dice) -> DeleteRangeRequest {
    let (key, range_end) = keys(dice);
    DeleteRangeRequest { key: key.into(), range_end: range_end.into(), prev_kv: dice.once_in(2) }
}

/// What the operations of a transaction may be.
#[derive(Clone, Copy)]
struct Kind {
    depth: u64,
    /// Whether keys without an end may be deleted: etcd does not see then that another one puts
    /// them, and ends itself where that put keeps the value or the lease of a key that is gone.
    endless: bool,
}

fn txn(dice: &mut Dice, kind: Kind) -> TxnRequest {
    if dice.once_in(60) {
        return long(dice);
    }
    let operations = dice.below(4) + u64::from(kind.depth == DEEPEST);
    TxnRequest {
        compare: (0..dice.below(3)).map(|_| compare(dice)).collect(),
        success: (0..operations).map(|_| operation(dice, kind)).collect(),
        failure: (0..dice.below(3)).map(|_| operation(dice, kind)).collect(),
    }
}

/// About as many operations as there may be.
fn long(dice: &mut Dice) -> TxnRequest {
    let count = MOST_OPERATIONS - 1 + dice.below(3);
    let all = (0..count).map(|_| RangeRequest::new("a").count_only());
    let txn = TxnRequest::new();
    match dice.below(3) {
        0 => txn.then(all),
        1 => txn.or_else(all),
        _ => txn.then([TxnRequest::new().then(all)]),
    }
}

fn operation(dice: &mut Dice, kind: Kind) -> RequestOp {
    let Kind { depth, endless } = kind;
    match dice.below(12) {
        0..5 if endless => {
            PutRequest { ignore_value: false, ignore_lease: false, ..put(dice) }.into()
        }
        0..5 => put(dice).into(),
        5..8 => range(dice).into(),
        8..10 => {
            let delete = delete(dice);
            // Deeper ones hide others from etcd's look for keys that are written twice.
            let ends = delete.range_end != "\0" || endless && depth == DEEPEST;
            let range_end = if ends { delete.range_end } else { "\x01".into() };
            DeleteRangeRequest { range_end, ..delete }.into()
        }
        _ if dice.once_in(20) => RequestOp { request: None },
        _ if depth == 0 => range(dice).into(),
        _ => txn(dice, Kind { depth: depth - 1, endless }).into(),
    }
}

fn compare(dice: &mut Dice) -> Compare {
    let (key, range_end) = if dice.once_in(3) { keys(dice) } else { (key(dice), Vec::new()) };
    let target = if dice.once_in(40) { dice.pick(&[5, -1]) } else { dice.pick(&[0, 1, 2, 3, 4]) };
    let of = if dice.once_in(12) { dice.pick(&[0, 1, 2, 3, 4]) } else { target };
    let operand = match of {
        0 => TargetUnion::Version(signed(dice.below(3))),
        1 => TargetUnion::CreateRevision(revision(dice, 2)),
        2 => TargetUnion::ModRevision(revision(dice, 2)),
        3 => TargetUnion::Value(dice.pick(VALUES).to_vec().into()),
        _ => TargetUnion::Lease(dice.pick(&[0, 1, 2])),
    };
    Compare {
        result: if dice.once_in(40) { dice.pick(&[4, -1]) } else { dice.pick(&[0, 1, 2, 3]) },
        target,
        key: key.into(),
        target_union: (!dice.once_in(20)).then_some(operand),
        range_end: range_end.into(),
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(0)
}
