//! Every message with its fields, as golden.txt tells it.

use etcd_proto::v3::*;
use serde_json::{Map, Value, json};

use super::describe::Describe;
use super::row::{Enum, Row};

/// A field that is left out does not compile.
macro_rules! messages {
    ($($package:ident { $($message:ident { $($field:ident),* })* })*) => {
        $($(impl Describe for $message {
            fn describe(&self) -> Value {
                let Self { $($field),* } = self;
                #[allow(unused_mut, reason = "some messages have no field")]
                let mut fields = Map::new();
                $(fields.insert(stringify!($field).to_owned(), $field.describe());)*
                Value::Object(fields)
            }
        })*)*

        pub(crate) const MESSAGES: &[Row] = &[
            $($(Row::of::<$message>(stringify!($package), stringify!($message)),)*)*
        ];
    };
}

macro_rules! unions {
    ($($union:ident { $($choice:ident: $name:ident),* })*) => {
        $(impl Describe for $union {
            fn describe(&self) -> Value {
                match self {
                    $(Self::$choice(value) => json!({ stringify!($name): value.describe() }),)*
                }
            }
        })*
    };
}

macro_rules! enums {
    ($($package:ident { $($name:literal $kind:ident)* })*) => {
        pub(crate) const ENUMS: &[Enum] = &[$($((
            concat!(stringify!($package), ".", $name),
            |number| $kind(number).to_string(),
        ),)*)*];
    };
}

unions! {
    RequestUnion {
        Range: request_range, Put: request_put, DeleteRange: request_delete_range, Txn: request_txn
    }
    ResponseUnion {
        Range: response_range, Put: response_put, DeleteRange: response_delete_range,
        Txn: response_txn
    }
    TargetUnion {
        Version: version, CreateRevision: create_revision, ModRevision: mod_revision, Value: value,
        Lease: lease
    }
    WatchRequestUnion {
        Create: create_request, Cancel: cancel_request, Progress: progress_request
    }
}

enums! {
    mvccpb {
        "Event.EventType" EventType
    }
    authpb {
        "Permission.Type" PermissionType
    }
    etcdserverpb {
        "RangeRequest.SortOrder" SortOrder
        "RangeRequest.SortTarget" SortTarget
        "Compare.CompareResult" CompareResult
        "Compare.CompareTarget" CompareTarget
        "WatchCreateRequest.FilterType" FilterType
        "AlarmType" AlarmType
        "AlarmRequest.AlarmAction" AlarmAction
        "DowngradeRequest.DowngradeAction" DowngradeAction
    }
}

messages! {
    authpb {
        UserAddOptions { no_password }
        User { name, password, roles, options }
        Permission { perm_type, key, range_end }
        Role { name, key_permission }
    }
    mvccpb {
        KeyValue { key, create_revision, mod_revision, version, value, lease }
        Event { event_type, kv, prev_kv }
    }
    etcdserverpb {
        ResponseHeader { cluster_id, member_id, revision, raft_term }
        RangeRequest {
            key, range_end, limit, revision, sort_order, sort_target, serializable, keys_only,
            count_only, min_mod_revision, max_mod_revision, min_create_revision,
            max_create_revision
        }
        RangeResponse { header, kvs, more, count }
        PutRequest { key, value, lease, prev_kv, ignore_value, ignore_lease }
        PutResponse { header, prev_kv }
        DeleteRangeRequest { key, range_end, prev_kv }
        DeleteRangeResponse { header, deleted, prev_kvs }
        RequestOp { request }
        ResponseOp { response }
        Compare { result, target, key, target_union, range_end }
        TxnRequest { compare, success, failure }
        TxnResponse { header, succeeded, responses }
        CompactionRequest { revision, physical }
        CompactionResponse { header }
        HashRequest {}
        HashKvRequest { revision }
        HashKvResponse { header, hash, compact_revision, hash_revision }
        HashResponse { header, hash }
        SnapshotRequest {}
        SnapshotResponse { header, remaining_bytes, blob, version }
        WatchRequest { request_union }
        WatchCreateRequest {
            key, range_end, start_revision, progress_notify, filters, prev_kv, watch_id,
            fragment
        }
        WatchCancelRequest { watch_id }
        WatchProgressRequest {}
        WatchResponse {
            header, watch_id, created, canceled, compact_revision, cancel_reason, fragment,
            events
        }
        LeaseGrantRequest { ttl, id }
        LeaseGrantResponse { header, id, ttl, error }
        LeaseRevokeRequest { id }
        LeaseRevokeResponse { header }
        LeaseCheckpoint { id, remaining_ttl }
        LeaseCheckpointRequest { checkpoints }
        LeaseCheckpointResponse { header }
        LeaseKeepAliveRequest { id }
        LeaseKeepAliveResponse { header, id, ttl }
        LeaseTimeToLiveRequest { id, keys }
        LeaseTimeToLiveResponse { header, id, ttl, granted_ttl, keys }
        LeaseLeasesRequest {}
        LeaseStatus { id }
        LeaseLeasesResponse { header, leases }
        Member { id, name, peer_urls, client_urls, is_learner }
        MemberAddRequest { peer_urls, is_learner }
        MemberAddResponse { header, member, members }
        MemberRemoveRequest { id }
        MemberRemoveResponse { header, members }
        MemberUpdateRequest { id, peer_urls }
        MemberUpdateResponse { header, members }
        MemberListRequest { linearizable }
        MemberListResponse { header, members }
        MemberPromoteRequest { id }
        MemberPromoteResponse { header, members }
        DefragmentRequest {}
        DefragmentResponse { header }
        MoveLeaderRequest { target_id }
        MoveLeaderResponse { header }
        AlarmRequest { action, member_id, alarm }
        AlarmMember { member_id, alarm }
        AlarmResponse { header, alarms }
        DowngradeRequest { action, version }
        DowngradeResponse { header, version }
        DowngradeVersionTestRequest { ver }
        StatusRequest {}
        StatusResponse {
            header, version, db_size, leader, raft_index, raft_term, raft_applied_index,
            errors, db_size_in_use, is_learner, storage_version, db_size_quota, downgrade_info
        }
        DowngradeInfo { enabled, target_version }
        AuthEnableRequest {}
        AuthDisableRequest {}
        AuthStatusRequest {}
        AuthenticateRequest { name, password }
        AuthUserAddRequest { name, password, options, hashed_password }
        AuthUserGetRequest { name }
        AuthUserDeleteRequest { name }
        AuthUserChangePasswordRequest { name, password, hashed_password }
        AuthUserGrantRoleRequest { user, role }
        AuthUserRevokeRoleRequest { name, role }
        AuthRoleAddRequest { name }
        AuthRoleGetRequest { role }
        AuthUserListRequest {}
        AuthRoleListRequest {}
        AuthRoleDeleteRequest { role }
        AuthRoleGrantPermissionRequest { name, perm }
        AuthRoleRevokePermissionRequest { role, key, range_end }
        AuthEnableResponse { header }
        AuthDisableResponse { header }
        AuthStatusResponse { header, enabled, auth_revision }
        AuthenticateResponse { header, token }
        AuthUserAddResponse { header }
        AuthUserGetResponse { header, roles }
        AuthUserDeleteResponse { header }
        AuthUserChangePasswordResponse { header }
        AuthUserGrantRoleResponse { header }
        AuthUserRevokeRoleResponse { header }
        AuthRoleAddResponse { header }
        AuthRoleGetResponse { header, perm }
        AuthRoleListResponse { header, roles }
        AuthUserListResponse { header, users }
        AuthRoleDeleteResponse { header }
        AuthRoleGrantPermissionResponse { header }
        AuthRoleRevokePermissionResponse { header }
        RangeStreamResponse { range_response }
    }
    v3electionpb {
        CampaignRequest { name, lease, value }
        CampaignResponse { header, leader }
        LeaderKey { name, key, rev, lease }
        LeaderRequest { name }
        LeaderResponse { header, kv }
        ResignRequest { leader }
        ResignResponse { header }
        ProclaimRequest { leader, value }
        ProclaimResponse { header }
    }
    v3lockpb {
        LockRequest { name, lease }
        LockResponse { header, key }
        UnlockRequest { key }
        UnlockResponse { header }
    }
}
