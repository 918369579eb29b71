//! The queue below a name, in which locks and elections wait.

use bytes::Bytes;
use etcd_proto::grpc::Status;
use etcd_proto::key::KeyRange;
use etcd_proto::v3::error::message;
use etcd_proto::v3::{
    CampaignRequest, Compare, CompareResult, KeyValue, LeaderKey, LeaderRequest, LeaderResponse,
    LeaseGrantRequest, LockRequest, PutRequest, RangeRequest, RequestOp, SortOrder, SortTarget,
    TxnRequest,
};

use super::{Context, Store, refusal};

/// How long the lease is that the lock service makes where none is given, in seconds.
const SESSION_SECONDS: i64 = 60;

/// A place in the queue below a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The name, with a slash behind it.
    pub prefix: Bytes,
    /// The key of the one who waits.
    pub key: Bytes,
    /// The revision that made the key.
    pub revision: i64,
    /// The lease that it goes with.
    pub lease: i64,
}

impl Place {
    /// Whether the place is the first one, or has gone.
    pub fn is_first(&self, store: &Store) -> Result<bool, Status> {
        let mine = store.kv.get(&self.key);
        if mine.is_none_or(|kv| kv.create_revision != self.revision) {
            return Err(Status::new(etcd_proto::grpc::Code::UNKNOWN, "mutex: session is expired"));
        }
        let range = KeyRange::prefix(self.prefix.clone());
        let mut queue = store.kv.range(&range.key, &range.range_end, 0);
        Ok(!queue.any(|kv| kv.create_revision < self.revision))
    }
}

/// Enters the queue of a lock.
pub fn enter(
    store: &mut Store,
    context: &Context<'_>,
    request: &LockRequest,
) -> Result<Place, Status> {
    let lease = match request.lease {
        0 => store.apply(&LeaseGrantRequest { ttl: SESSION_SECONDS, id: 0 }, context)?.id,
        lease => lease,
    };
    place(store, context, &request.name, lease, Bytes::new())
}

/// Enters the queue of an election, or gives one's entry another value.
pub fn campaign(
    store: &mut Store,
    context: &Context<'_>,
    request: &CampaignRequest,
) -> Result<(Place, LeaderKey), Status> {
    let CampaignRequest { name, lease, value } = request.clone();
    let lease = match lease {
        0 => store.apply(&LeaseGrantRequest { ttl: SESSION_SECONDS, id: 0 }, context)?.id,
        lease => lease,
    };
    let place = place(store, context, &name, lease, value)?;
    let leader = LeaderKey { name, key: place.key.clone(), rev: place.revision, lease };
    Ok((place, leader))
}

fn place(
    store: &mut Store,
    context: &Context<'_>,
    name: &Bytes,
    lease: i64,
    value: Bytes,
) -> Result<Place, Status> {
    if !store.leases.exists(lease) {
        return Err(refusal(message::LEASE_NOT_FOUND));
    }
    let prefix = [&name[..], b"/"].concat();
    let key = Bytes::from([&prefix[..], format!("{lease:x}").as_bytes()].concat());
    let txn = TxnRequest::new()
        .when([Compare::create_revision(key.clone(), CompareResult::EQUAL, 0)])
        .then([RequestOp::from(PutRequest::new(key.clone(), value.clone()).lease(lease))])
        .or_else([RequestOp::from(RangeRequest::new(key.clone()))]);
    let done = store.apply(&txn, context)?;
    let held = store.kv.get(&key).cloned().unwrap_or_default();
    if !done.succeeded && held.value != value {
        store.apply(&PutRequest::new(key.clone(), value).lease(lease), context)?;
    }
    Ok(Place { prefix: prefix.into(), key, revision: held.create_revision, lease })
}

/// Who leads an election now: the one who entered first.
pub fn observe(
    store: &mut Store,
    context: &Context<'_>,
    request: &LeaderRequest,
) -> Result<Option<LeaderResponse>, Status> {
    let first = RangeRequest::new(KeyRange::prefix([&request.name[..], b"/"].concat()))
        .sort(SortTarget::CREATE, SortOrder::ASCEND)
        .limit(1);
    let mut range = store.apply(&first, context)?;
    let kv: Option<KeyValue> = range.kvs.pop();
    Ok(kv.map(|kv| LeaderResponse { header: range.header, kv: Some(kv) }))
}
