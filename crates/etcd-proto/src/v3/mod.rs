//! The v3 API: messages of gRPC, spoken by every etcd from 3.0 on.
//!
//! Each message is a plain struct with etcd's own field names: `new` takes what a request must
//! have, the other methods what it may have, and what they do not cover can be set in the fields.
//! A field that a server does not know has no effect there, so where one came later its
//! documentation says since when. What a newer server says beyond this is skipped, and a number of
//! an enumeration that has no name here is kept.
//!
//! ```
//! use etcd_proto::key::KeyRange;
//! use etcd_proto::v3::{Message, RangeRequest, SortOrder, SortTarget};
//!
//! let newest = RangeRequest::new(KeyRange::prefix("/jobs/"))
//!     .sort(SortTarget::MOD, SortOrder::DESCEND)
//!     .limit(1);
//! let bytes = newest.encode_to_vec();
//! assert_eq!(RangeRequest::decode(&bytes[..])?, newest);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod alarm;
mod auth;
mod cluster;
mod compare;
mod downgrade;
mod election;
pub mod error;
mod events;
mod header;
mod kv;
mod lease;
mod lock;
mod maintenance;
mod mvcc;
mod open_enum;
mod range;
pub mod rpc;
mod txn;
mod watch;

pub use alarm::{AlarmAction, AlarmMember, AlarmRequest, AlarmResponse, AlarmType};
pub use auth::{
    AuthDisableRequest, AuthDisableResponse, AuthEnableRequest, AuthEnableResponse,
    AuthRoleAddRequest, AuthRoleAddResponse, AuthRoleDeleteRequest, AuthRoleDeleteResponse,
    AuthRoleGetRequest, AuthRoleGetResponse, AuthRoleGrantPermissionRequest,
    AuthRoleGrantPermissionResponse, AuthRoleListRequest, AuthRoleListResponse,
    AuthRoleRevokePermissionRequest, AuthRoleRevokePermissionResponse, AuthStatusRequest,
    AuthStatusResponse, AuthUserAddRequest, AuthUserAddResponse, AuthUserChangePasswordRequest,
    AuthUserChangePasswordResponse, AuthUserDeleteRequest, AuthUserDeleteResponse,
    AuthUserGetRequest, AuthUserGetResponse, AuthUserGrantRoleRequest, AuthUserGrantRoleResponse,
    AuthUserListRequest, AuthUserListResponse, AuthUserRevokeRoleRequest,
    AuthUserRevokeRoleResponse, AuthenticateRequest, AuthenticateResponse, Permission,
    PermissionType, Role, User, UserAddOptions,
};
pub use cluster::{
    Member, MemberAddRequest, MemberAddResponse, MemberListRequest, MemberListResponse,
    MemberPromoteRequest, MemberPromoteResponse, MemberRemoveRequest, MemberRemoveResponse,
    MemberUpdateRequest, MemberUpdateResponse,
};
pub use compare::{Compare, CompareResult, CompareTarget, TargetUnion};
pub use downgrade::{
    DowngradeAction, DowngradeRequest, DowngradeResponse, DowngradeVersionTestRequest,
};
pub use election::{
    CampaignRequest, CampaignResponse, LeaderKey, LeaderRequest, LeaderResponse, ProclaimRequest,
    ProclaimResponse, ResignRequest, ResignResponse,
};
pub use error::Error;
pub use header::ResponseHeader;
pub use kv::{
    CompactionRequest, CompactionResponse, DeleteRangeRequest, DeleteRangeResponse, PutRequest,
    PutResponse,
};
pub use lease::{
    LeaseCheckpoint, LeaseCheckpointRequest, LeaseCheckpointResponse, LeaseGrantRequest,
    LeaseGrantResponse, LeaseKeepAliveRequest, LeaseKeepAliveResponse, LeaseLeasesRequest,
    LeaseLeasesResponse, LeaseRevokeRequest, LeaseRevokeResponse, LeaseStatus,
    LeaseTimeToLiveRequest, LeaseTimeToLiveResponse,
};
pub use lock::{LockRequest, LockResponse, UnlockRequest, UnlockResponse};
pub use maintenance::{
    DefragmentRequest, DefragmentResponse, DowngradeInfo, HashKvRequest, HashKvResponse,
    HashRequest, HashResponse, MoveLeaderRequest, MoveLeaderResponse, SnapshotRequest,
    SnapshotResponse, StatusRequest, StatusResponse,
};
pub use mvcc::{Event, EventType, KeyValue};
/// Encodes and decodes messages.
pub use prost::Message;
pub use range::{RangeRequest, RangeResponse, RangeStreamResponse, SortOrder, SortTarget};
pub use rpc::{
    KeepAliveStream, ObserveStream, RangeStream, Rpc, SnapshotStream, StreamRpc, WatchStream,
};
pub use txn::{RequestOp, RequestUnion, ResponseOp, ResponseUnion, TxnRequest, TxnResponse};
pub use watch::{
    FilterType, WatchCancelRequest, WatchCreateRequest, WatchProgressRequest, WatchRequest,
    WatchRequestUnion, WatchResponse,
};
