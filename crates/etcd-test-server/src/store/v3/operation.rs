//! What each call does to the store.

use bytes::Bytes;
use etcd_proto::grpc::{Code, Status};
use etcd_proto::v3::error::message;
use etcd_proto::v3::rpc::Rpc;
use etcd_proto::v3::*;

use super::auth::Caller;
use super::txn::{self, Space};
use super::{Context, LONGEST_REQUEST, Store, observe, range, refusal};
use crate::version::Version;

/// A request that the store can answer at once.
pub trait Operation: Rpc {
    /// Changes the store as asked, and says what there is to say.
    fn apply(&self, store: &mut Store, context: &Context<'_>) -> Result<Self::Reply, Status>;
}

macro_rules! operations {
    ($(|$request:ident: $message:ident, $store:ident, $context:ident| $body:block)*) => {$(
        impl Operation for $message {
            fn apply(
                &self,
                $store: &mut Store,
                $context: &Context<'_>,
            ) -> Result<Self::Reply, Status> {
                let $request = self;
                $body
            }
        }
    )*};
}

pub(super) use operations;

impl Store {
    pub(super) fn full(&self, context: &Context<'_>) -> Option<ResponseHeader> {
        Some(self.header(context))
    }

    /// What a reply about members begins with.
    pub(super) fn without_revision(&self, context: &Context<'_>) -> Option<ResponseHeader> {
        Some(ResponseHeader { revision: 0, ..self.header(context) })
    }

    fn space(&mut self) -> Space<'_> {
        Space { kv: &mut self.kv, leases: &mut self.leases }
    }

    fn check_space(&self) -> Result<(), Status> {
        if !self.cluster.alarms(AlarmType::CORRUPT.0).is_empty() {
            return Err(refusal(message::CORRUPT));
        }
        if self.cluster.alarms(AlarmType::NOSPACE.0).is_empty() {
            Ok(())
        } else {
            Err(refusal(message::NO_SPACE))
        }
    }

    /// Whether the caller of a change of users, roles or members is root.
    pub(super) fn check_admin(&mut self, context: &Context<'_>) -> Result<Caller, Status> {
        let caller = self.caller(context)?;
        self.auth.check_root(&caller)?;
        Ok(caller)
    }

    /// The same for a call that concerns one member, which older releases word otherwise.
    fn check_maintainer(&mut self, context: &Context<'_>) -> Result<(), Status> {
        self.check_admin(context).map(|_| ()).map_err(|status| self.bare(status))
    }

    fn bare(&self, status: Status) -> Status {
        if self.version >= Version::V3_7 {
            return status;
        }
        let bare = match status.message.as_str() {
            message::USER_EMPTY => message::BARE_USER_EMPTY,
            message::PERMISSION_DENIED => message::BARE_PERMISSION_DENIED,
            message::INVALID_TOKEN => message::BARE_INVALID_TOKEN,
            _ => return status,
        };
        refusal(bare)
    }

    /// Whether the caller is known, where releases since 3.4.43, 3.5.28 and 3.6.9 ask.
    fn check_known(&mut self, context: &Context<'_>) -> Result<(), Status> {
        if self.version < Version::V3_5 {
            return Ok(());
        }
        let caller = self.caller(context)?;
        self.auth.check_known(&caller)
    }

    fn may_read(&self, caller: &Caller, key: &[u8], range_end: &[u8]) -> Result<(), Status> {
        self.auth.check(caller, PermissionType::READ, key, range_end)
    }

    fn may_put(&self, caller: &Caller, put: &PutRequest) -> Result<(), Status> {
        self.auth.check(caller, PermissionType::WRITE, &put.key, &[])?;
        if put.prev_kv {
            self.may_read(caller, &put.key, &[])?;
        }
        self.may_write_lease(caller, put.lease)
    }

    /// Who may let go of a lease, or keep keys by it, may write all of its keys.
    fn may_write_lease(&self, caller: &Caller, lease: i64) -> Result<(), Status> {
        let keys = self.leases.get(lease).into_iter().flat_map(|lease| &lease.keys);
        keys.into_iter()
            .try_for_each(|key| self.auth.check(caller, PermissionType::WRITE, key, &[]))
    }

    fn may_delete(&self, caller: &Caller, delete: &DeleteRangeRequest) -> Result<(), Status> {
        self.auth.check(caller, PermissionType::WRITE, &delete.key, &delete.range_end)?;
        if delete.prev_kv {
            self.may_read(caller, &delete.key, &delete.range_end)?;
        }
        Ok(())
    }

    fn may_do(&self, caller: &Caller, txn: &TxnRequest) -> Result<(), Status> {
        for compare in &txn.compare {
            self.may_read(caller, &compare.key, &compare.range_end)?;
        }
        txn.success.iter().chain(&txn.failure).try_for_each(|operation| match &operation.request {
            Some(RequestUnion::Range(range)) => self.may_read(caller, &range.key, &range.range_end),
            Some(RequestUnion::Put(put)) => self.may_put(caller, put),
            Some(RequestUnion::DeleteRange(delete)) => self.may_delete(caller, delete),
            Some(RequestUnion::Txn(txn)) => self.may_do(caller, txn),
            None => Ok(()),
        })
    }

    /// The size that the store's file would have, were there one.
    fn size(&self) -> i64 {
        let held: usize = self.kv.all().map(Message::encoded_len).sum();
        i64::try_from(20_480 + held.next_multiple_of(4096)).unwrap_or(i64::MAX)
    }
}

fn check_size(request: &impl Message) -> Result<(), Status> {
    if request.encoded_len() > LONGEST_REQUEST {
        return Err(refusal(message::REQUEST_TOO_LARGE));
    }
    Ok(())
}

operations! {
    |request: RangeRequest, store, context| {
        range::check(request, store.version)?;
        let caller = store.caller(context)?;
        store.may_read(&caller, &request.key, &request.range_end)?;
        let mut response = range::range(&store.kv, request)?;
        response.header = store.full(context);
        Ok(response)
    }
    |request: PutRequest, store, context| {
        txn::check_put(request)?;
        check_size(request)?;
        store.check_space()?;
        let caller = store.caller(context)?;
        store.may_put(&caller, request)?;
        let mut space = store.space();
        space.check_put(request)?;
        let mut response = space.put(request);
        store.kv.commit();
        response.header = store.full(context);
        Ok(response)
    }
    |request: DeleteRangeRequest, store, context| {
        txn::check_delete(request)?;
        check_size(request)?;
        let caller = store.caller(context)?;
        store.may_delete(&caller, request)?;
        let mut response = store.space().delete(request);
        store.kv.commit();
        response.header = store.full(context);
        Ok(response)
    }
    |request: TxnRequest, store, context| {
        txn::check_txn(request, store.version)?;
        if !txn::is_read(request) {
            check_size(request)?;
        }
        if !request.only_reads() {
            store.check_space()?;
        }
        let caller = store.caller(context)?;
        store.may_do(&caller, request)?;
        let done = store.space().txn(request);
        store.kv.commit();
        let mut response = done?;
        response.header = store.full(context);
        Ok(response)
    }
    |request: CompactionRequest, store, context| {
        if store.version >= Version::V3_5 {
            store.check_admin(context)?;
        }
        store.kv.compact(request.revision)?;
        Ok(CompactionResponse { header: store.full(context) })
    }

    |request: LeaseGrantRequest, store, context| {
        store.check_known(context)?;
        store.check_space()?;
        let (id, ttl) = store.leases.grant(request.id, request.ttl, context.now)?;
        Ok(LeaseGrantResponse { header: store.full(context), id, ttl, error: String::new() })
    }
    |request: LeaseRevokeRequest, store, context| {
        let caller = store.caller(context)?;
        store.may_write_lease(&caller, request.id)?;
        if !store.leases.exists(request.id) {
            return Err(refusal(message::LEASE_NOT_FOUND));
        }
        store.end_lease(request.id);
        Ok(LeaseRevokeResponse { header: store.full(context) })
    }
    |request: LeaseTimeToLiveRequest, store, context| {
        store.check_known(context)?;
        let caller = store.caller(context)?;
        let header = store.full(context);
        let Some(lease) = store.leases.get(request.id) else {
            let id = request.id;
            return Ok(LeaseTimeToLiveResponse { header, id, ttl: -1, ..Default::default() });
        };
        let keys: Vec<Bytes> =
            if request.keys { lease.keys.iter().cloned().collect() } else { Vec::new() };
        if store.version >= Version::V3_5 {
            keys.iter().try_for_each(|key| store.may_read(&caller, key, &[]))?;
        }
        let left = lease.end.saturating_sub(context.now).as_secs();
        Ok(LeaseTimeToLiveResponse {
            header,
            id: request.id,
            ttl: i64::try_from(left).unwrap_or(i64::MAX),
            granted_ttl: lease.ttl,
            keys,
        })
    }
    |_request: LeaseLeasesRequest, store, context| {
        store.check_known(context)?;
        let leases = store.leases.ids().into_iter().map(|id| LeaseStatus { id }).collect();
        Ok(LeaseLeasesResponse { header: store.full(context), leases })
    }

    |request: MemberAddRequest, store, context| {
        store.check_admin(context)?;
        let member = store.cluster.add(request.peer_urls.clone(), request.is_learner)?;
        let members = store.cluster.members.clone();
        Ok(MemberAddResponse { header: store.without_revision(context), member: Some(member), members })
    }
    |request: MemberRemoveRequest, store, context| {
        store.check_admin(context)?;
        store.cluster.remove(request.id)?;
        let members = store.cluster.members.clone();
        Ok(MemberRemoveResponse { header: store.without_revision(context), members })
    }
    |request: MemberUpdateRequest, store, context| {
        store.check_admin(context)?;
        store.cluster.update(request.id, request.peer_urls.clone())?;
        let members = store.cluster.members.clone();
        Ok(MemberUpdateResponse { header: store.without_revision(context), members })
    }
    |_request: MemberListRequest, store, context| {
        store.check_known(context)?;
        let members = store.cluster.members.clone();
        Ok(MemberListResponse { header: store.without_revision(context), members })
    }
    |request: MemberPromoteRequest, store, context| {
        store.check_admin(context)?;
        store.cluster.promote(request.id)?;
        let members = store.cluster.members.clone();
        Ok(MemberPromoteResponse { header: store.without_revision(context), members })
    }

    |request: AlarmRequest, store, context| {
        store.check_known(context)?;
        let member = request.member_id;
        let alarms = match request.action() {
            AlarmAction::ACTIVATE if request.alarm() == AlarmType::NONE => Vec::new(),
            AlarmAction::ACTIVATE => {
                store.cluster.raise(member, request.alarm);
                vec![AlarmMember { member_id: member, alarm: request.alarm }]
            }
            AlarmAction::DEACTIVATE => {
                let gone = store.cluster.disarm(member, request.alarm);
                let alarm = AlarmMember { member_id: member, alarm: request.alarm };
                gone.then_some(alarm).into_iter().collect()
            }
            _ => store.cluster.alarms(request.alarm),
        };
        Ok(AlarmResponse { header: store.full(context), alarms })
    }
    |_request: StatusRequest, store, context| {
        store.check_known(context)?;
        let alarms = store.cluster.alarms(0);
        let errors = alarms.iter().map(|alarm| {
            format!("memberID:{} alarm:{} ", alarm.member_id, alarm.alarm())
        });
        let newest = store.version >= Version::V3_7;
        Ok(StatusResponse {
            header: store.full(context),
            version: store.version.number().into(),
            db_size: store.size(),
            leader: store.cluster.leader,
            raft_index: store.index,
            raft_term: store.cluster.term,
            raft_applied_index: store.index,
            errors: errors.collect(),
            db_size_in_use: store.size(),
            is_learner: store.cluster.member(context.member).is_some_and(|m| m.is_learner),
            storage_version: if newest { "3.7.0".into() } else { String::new() },
            db_size_quota: if newest { 2 << 30 } else { 0 },
            downgrade_info: newest.then(DowngradeInfo::default),
        })
    }
    |_request: DefragmentRequest, store, context| {
        store.check_maintainer(context)?;
        Ok(DefragmentResponse { header: None })
    }
    |_request: HashRequest, store, context| {
        store.check_maintainer(context)?;
        Ok(HashResponse { header: store.full(context), hash: store.kv.hash(0) })
    }
    |request: HashKvRequest, store, context| {
        store.check_maintainer(context)?;
        store.kv.check_revision(request.revision)?;
        let newest = store.version >= Version::V3_7;
        let read = if request.revision > 0 { request.revision } else { store.kv.revision() };
        Ok(HashKvResponse {
            header: store.full(context),
            hash: store.kv.hash(read),
            compact_revision: store.kv.compacted(),
            hash_revision: if newest { read } else { 0 },
        })
    }
    |request: MoveLeaderRequest, store, context| {
        store.check_maintainer(context)?;
        store.cluster.move_leader(context.member, request.target_id)?;
        Ok(MoveLeaderResponse { header: None })
    }
    |request: DowngradeRequest, store, context| {
        store.check_admin(context)?;
        let version = if store.version >= Version::V3_7 { "3.7.0" } else { "3.5.0" };
        let (asked, below) = if store.version >= Version::V3_7 { ("3.6", "3.6.0") } else { ("3.4", "3.4.0") };
        match request.action() {
            DowngradeAction::CANCEL => Err(refusal(message::NO_DOWNGRADE)),
            _ if request.version.split('.').any(|part| part.parse::<u32>().is_err()) => {
                Err(refusal(message::DOWNGRADE_VERSION_FORMAT))
            }
            DowngradeAction::VALIDATE if [asked, below].contains(&request.version.as_str()) => {
                Ok(DowngradeResponse { header: store.full(context), version: version.into() })
            }
            DowngradeAction::VALIDATE => Err(refusal(message::DOWNGRADE_VERSION)),
            _ => Err(Status::new(
                Code::UNIMPLEMENTED,
                "etcd-test-server cannot be downgraded: start it with the version wanted",
            )),
        }
    }

    |request: UnlockRequest, store, context| {
        let header = store.apply(&DeleteRangeRequest::new(request.key.clone()), context)?.header;
        Ok(UnlockResponse { header })
    }
    |request: LeaderRequest, store, context| {
        let none = || Status::new(Code::UNKNOWN, "election: no leader");
        observe(store, context, request)?.ok_or_else(none)
    }
    |request: ProclaimRequest, store, context| {
        let leader = leader(request.leader.as_ref())?;
        let put = PutRequest::new(leader.key.clone(), request.value.clone()).lease(leader.lease);
        let header = if_leading(store, context, leader, put.into())?;
        Ok(ProclaimResponse { header })
    }
    |request: ResignRequest, store, context| {
        let leader = leader(request.leader.as_ref())?;
        let delete = DeleteRangeRequest::new(leader.key.clone());
        let header = if_leading(store, context, leader, delete.into())
            .or_else(|status| match status.code {
                // Who does not lead has nothing to give up.
                Code::UNKNOWN => Ok(store.full(context)),
                _ => Err(status),
            })?;
        Ok(ResignResponse { header })
    }
}

fn leader(key: Option<&LeaderKey>) -> Result<&LeaderKey, Status> {
    key.ok_or_else(|| Status::new(Code::UNKNOWN, "\"leader\" field must be provided"))
}

fn if_leading(
    store: &mut Store,
    context: &Context<'_>,
    leader: &LeaderKey,
    operation: RequestOp,
) -> Result<Option<ResponseHeader>, Status> {
    let still = Compare::create_revision(leader.key.clone(), CompareResult::EQUAL, leader.rev);
    let done = store.apply(&TxnRequest::new().when([still]).then([operation]), context)?;
    if done.succeeded {
        Ok(done.header)
    } else {
        Err(Status::new(Code::UNKNOWN, "election: not leader"))
    }
}

/// The pieces of a `RangeStream`: twice as many keys in each, and the whole's count in the last.
pub fn range_chunks(
    store: &mut Store,
    context: &Context<'_>,
    request: &RangeRequest,
) -> Result<Vec<RangeStreamResponse>, Status> {
    range::check(request, store.version)?;
    range::check_pieces(request)?;
    let mut whole = store.apply(request, context)?;
    let mut kvs = std::mem::take(&mut whole.kvs).into_iter();
    let mut chunks = Vec::new();
    // A limit below zero is none, and reads all at once.
    let mut size = if request.limit < 0 { usize::MAX } else { 10 };
    while kvs.len() > size {
        let kvs = kvs.by_ref().take(size).collect();
        let range_response = Some(RangeResponse { kvs, ..Default::default() });
        chunks.push(RangeStreamResponse { range_response });
        size = size.saturating_mul(2);
    }
    whole.kvs = kvs.collect();
    chunks.push(RangeStreamResponse { range_response: Some(whole) });
    Ok(chunks)
}
