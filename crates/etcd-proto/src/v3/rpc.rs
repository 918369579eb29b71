//! Every call of the v3 API: its path, its reply, and whether it may be sent again.

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode};
use prost::Message;

use super::error::Error;
use super::events::watch_response;
use super::header::cluster_of;
use super::{
    AlarmAction, AlarmRequest, AlarmResponse, AuthDisableRequest, AuthDisableResponse,
    AuthEnableRequest, AuthEnableResponse, AuthRoleAddRequest, AuthRoleAddResponse,
    AuthRoleDeleteRequest, AuthRoleDeleteResponse, AuthRoleGetRequest, AuthRoleGetResponse,
    AuthRoleGrantPermissionRequest, AuthRoleGrantPermissionResponse, AuthRoleListRequest,
    AuthRoleListResponse, AuthRoleRevokePermissionRequest, AuthRoleRevokePermissionResponse,
    AuthStatusRequest, AuthStatusResponse, AuthUserAddRequest, AuthUserAddResponse,
    AuthUserChangePasswordRequest, AuthUserChangePasswordResponse, AuthUserDeleteRequest,
    AuthUserDeleteResponse, AuthUserGetRequest, AuthUserGetResponse, AuthUserGrantRoleRequest,
    AuthUserGrantRoleResponse, AuthUserListRequest, AuthUserListResponse,
    AuthUserRevokeRoleRequest, AuthUserRevokeRoleResponse, AuthenticateRequest,
    AuthenticateResponse, CampaignRequest, CampaignResponse, CompactionRequest, CompactionResponse,
    DefragmentRequest, DefragmentResponse, DeleteRangeRequest, DeleteRangeResponse,
    DowngradeAction, DowngradeRequest, DowngradeResponse, HashKvRequest, HashKvResponse,
    HashRequest, HashResponse, LeaderRequest, LeaderResponse, LeaseGrantRequest,
    LeaseGrantResponse, LeaseKeepAliveRequest, LeaseKeepAliveResponse, LeaseLeasesRequest,
    LeaseLeasesResponse, LeaseRevokeRequest, LeaseRevokeResponse, LeaseTimeToLiveRequest,
    LeaseTimeToLiveResponse, LockRequest, LockResponse, MemberAddRequest, MemberAddResponse,
    MemberListRequest, MemberListResponse, MemberPromoteRequest, MemberPromoteResponse,
    MemberRemoveRequest, MemberRemoveResponse, MemberUpdateRequest, MemberUpdateResponse,
    MoveLeaderRequest, MoveLeaderResponse, ProclaimRequest, ProclaimResponse, PutRequest,
    PutResponse, RangeRequest, RangeResponse, RangeStreamResponse, ResignRequest, ResignResponse,
    ResponseHeader, SnapshotRequest, SnapshotResponse, StatusRequest, StatusResponse, TxnRequest,
    TxnResponse, UnlockRequest, UnlockResponse, WatchRequest, WatchResponse,
};
use crate::call::{
    Duplex, Exchange, HttpVersion, Incoming, Outgoing, Replay, StreamDecoder, Streaming,
};
use crate::error::{DecodeError, EncodeError};
use crate::grpc::{Code, Deframer, FRAME_HEAD, Status, encode, headers, message};
use crate::ids::ClusterId;

/// The longest message that a stream's decoder takes, in bytes.
const LONGEST_ITEM: usize = 64 << 20;

/// A call with one request and one reply: any request message of the API.
pub trait Rpc: Message + Default {
    /// The gRPC path.
    const PATH: &'static str;
    /// The first etcd release that knows the call, as (major, minor).
    const SINCE: (u64, u64);
    /// The reply.
    type Reply: Message + Default;

    /// Whether the request may be sent again after an unclear failure.
    fn replay(&self) -> Replay;
}

impl<M: Rpc> Exchange for M {
    type Reply = M::Reply;
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http2;

    fn replay(&self) -> Replay {
        Rpc::replay(self)
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        Ok(outgoing(M::PATH, encode(self)?))
    }

    fn cluster(reply: &Incoming) -> Option<ClusterId> {
        cluster_of(reply.body.get(FRAME_HEAD..)?)
    }

    fn decode(&self, reply: Incoming) -> Result<M::Reply, Error> {
        message(M::PATH, body(reply)?).map_err(Error::Unreadable)
    }
}

/// A call whose reply is a stream, with its first message.
pub trait StreamRpc {
    /// The gRPC path.
    const PATH: &'static str;
    /// The first etcd release that knows the call, as (major, minor).
    const SINCE: (u64, u64);
    /// What is sent.
    type Message: Message + Default;
    /// What comes.
    type Item: Message + Default;

    /// The message that opens the stream.
    fn first(&self) -> &Self::Message;

    /// What a message that came holds.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    fn item(message: Bytes) -> Result<Self::Item, prost::DecodeError> {
        Self::Item::decode(message)
    }
}

// What does not depend on a message's type stays out of the code that is made for each.
#[inline(never)]
fn outgoing(path: &'static str, body: Bytes) -> Outgoing {
    let target = PathAndQuery::from_static(path);
    Outgoing { method: Method::POST, target, headers: headers(), body }
}

/// The body of a reply that says success.
#[inline(never)]
fn body(reply: Incoming) -> Result<Bytes, Error> {
    Status::check_head(reply.status, &reply.headers).map_err(Error::Status)?;
    ended(&reply.headers, reply.trailers.as_ref())?;
    Ok(reply.body)
}

fn ended(headers: &HeaderMap, trailers: Option<&HeaderMap>) -> Result<(), Error> {
    match Status::of(headers, trailers) {
        Some(Status { code: Code::OK, .. }) => Ok(()),
        Some(status) => Err(Error::Status(status)),
        None => Err(Error::Cut),
    }
}

/// Finds the messages of a gRPC stream.
#[derive(Debug)]
pub struct ItemDecoder<S> {
    deframer: Deframer,
    of: std::marker::PhantomData<fn() -> S>,
}

impl<S: StreamRpc> StreamDecoder for ItemDecoder<S> {
    type Item = S::Item;

    fn push(&mut self, bytes: Bytes) {
        self.deframer.push(bytes);
    }

    fn next(&mut self) -> Result<Option<S::Item>, DecodeError> {
        self.deframer.message_by(S::item)
    }

    fn is_within_item(&self) -> bool {
        self.deframer.is_within_message()
    }
}

macro_rules! unary {
    ($($path:literal $since:tt: $request:ident => $reply:ident, $replay:path;)*) => {
        $(impl Rpc for $request {
            const PATH: &'static str = $path;
            const SINCE: (u64, u64) = $since;
            type Reply = $reply;

            fn replay(&self) -> Replay {
                $replay(self)
            }
        })*

        /// The path of every call with one request and one reply.
        pub const UNARY: &[&str] = &[$($path),*];
    };
}

macro_rules! streaming {
    ($($(#[$doc:meta])* $path:literal $since:tt: $name:ident($request:ident) => $item:ident $(by $read:ident)?, $header:expr;)*) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name(pub $request);

        impl StreamRpc for $name {
            const PATH: &'static str = $path;
            const SINCE: (u64, u64) = $since;
            type Message = $request;
            type Item = $item;

            fn first(&self) -> &$request {
                &self.0
            }

            $(fn item(message: Bytes) -> Result<$item, prost::DecodeError> {
                $read(message)
            })?
        }

        impl Streaming for $name {
            type Item = $item;
            type Refusal = Error;
            type Decoder = ItemDecoder<Self>;
            const HTTP: HttpVersion = HttpVersion::Http2;

            fn request(&self) -> Result<Outgoing, EncodeError> {
                Ok(outgoing($path, encode(&self.0)?))
            }

            fn decoder(&self) -> ItemDecoder<Self> {
                let deframer = Deframer::new($path, LONGEST_ITEM);
                ItemDecoder { deframer, of: std::marker::PhantomData }
            }

            fn cluster(item: &$item) -> Option<ClusterId> {
                let header: Option<ResponseHeader> = $header(item);
                header.map(|header| header.cluster()).filter(|cluster| cluster.0 != 0)
            }

            fn refusal(reply: Incoming) -> Error {
                match Status::check_head(reply.status, &reply.headers) {
                    Err(status) => Error::Status(status),
                    Ok(()) => ended(&reply.headers, reply.trailers.as_ref()).err().unwrap_or(Error::Cut),
                }
            }

            fn accepts(status: StatusCode, headers: &HeaderMap) -> bool {
                let said = Status::of(headers, None);
                Status::check_head(status, headers).is_ok()
                    && said.is_none_or(|said| said.code == Code::OK)
            }

            fn ended(headers: &HeaderMap, trailers: Option<&HeaderMap>) -> Result<(), Error> {
                ended(headers, trailers)
            }
        })*

        /// The path of every call whose reply is a stream.
        pub const STREAMS: &[&str] = &[$($path),*];
    };
}

fn safe<M>(_: &M) -> Replay {
    Replay::Safe
}

/// A repeat finds that it was done, and says so.
fn guarded<M>(_: &M) -> Replay {
    Replay::Guarded
}

fn once<M>(_: &M) -> Replay {
    Replay::Once
}

fn transaction(request: &TxnRequest) -> Replay {
    if request.only_reads() { Replay::Safe } else { Replay::Once }
}

/// With an id of the caller's choice, a repeat is answered with "lease already exists".
fn grant(request: &LeaseGrantRequest) -> Replay {
    if request.id == 0 { Replay::Once } else { Replay::Guarded }
}

fn alarm(request: &AlarmRequest) -> Replay {
    if request.action() == AlarmAction::GET { Replay::Safe } else { Replay::Once }
}

fn downgrade(request: &DowngradeRequest) -> Replay {
    if request.action() == DowngradeAction::VALIDATE { Replay::Safe } else { Replay::Once }
}

unary! {
    "/etcdserverpb.KV/Range" (3, 0): RangeRequest => RangeResponse, safe;
    "/etcdserverpb.KV/Put" (3, 0): PutRequest => PutResponse, once;
    "/etcdserverpb.KV/DeleteRange" (3, 0): DeleteRangeRequest => DeleteRangeResponse, once;
    "/etcdserverpb.KV/Txn" (3, 0): TxnRequest => TxnResponse, transaction;
    "/etcdserverpb.KV/Compact" (3, 0): CompactionRequest => CompactionResponse, guarded;

    "/etcdserverpb.Lease/LeaseGrant" (3, 0): LeaseGrantRequest => LeaseGrantResponse, grant;
    "/etcdserverpb.Lease/LeaseRevoke" (3, 0): LeaseRevokeRequest => LeaseRevokeResponse, guarded;
    "/etcdserverpb.Lease/LeaseTimeToLive" (3, 1): LeaseTimeToLiveRequest => LeaseTimeToLiveResponse, safe;
    "/etcdserverpb.Lease/LeaseLeases" (3, 3): LeaseLeasesRequest => LeaseLeasesResponse, safe;

    "/etcdserverpb.Cluster/MemberAdd" (3, 0): MemberAddRequest => MemberAddResponse, once;
    "/etcdserverpb.Cluster/MemberRemove" (3, 0): MemberRemoveRequest => MemberRemoveResponse, guarded;
    "/etcdserverpb.Cluster/MemberUpdate" (3, 0): MemberUpdateRequest => MemberUpdateResponse, once;
    "/etcdserverpb.Cluster/MemberList" (3, 0): MemberListRequest => MemberListResponse, safe;
    "/etcdserverpb.Cluster/MemberPromote" (3, 4): MemberPromoteRequest => MemberPromoteResponse, guarded;

    "/etcdserverpb.Maintenance/Alarm" (3, 0): AlarmRequest => AlarmResponse, alarm;
    "/etcdserverpb.Maintenance/Status" (3, 0): StatusRequest => StatusResponse, safe;
    "/etcdserverpb.Maintenance/Defragment" (3, 0): DefragmentRequest => DefragmentResponse, once;
    "/etcdserverpb.Maintenance/Hash" (3, 0): HashRequest => HashResponse, safe;
    "/etcdserverpb.Maintenance/HashKV" (3, 3): HashKvRequest => HashKvResponse, safe;
    "/etcdserverpb.Maintenance/MoveLeader" (3, 3): MoveLeaderRequest => MoveLeaderResponse, once;
    "/etcdserverpb.Maintenance/Downgrade" (3, 5): DowngradeRequest => DowngradeResponse, downgrade;

    "/etcdserverpb.Auth/AuthEnable" (3, 0): AuthEnableRequest => AuthEnableResponse, once;
    "/etcdserverpb.Auth/AuthDisable" (3, 0): AuthDisableRequest => AuthDisableResponse, once;
    "/etcdserverpb.Auth/AuthStatus" (3, 5): AuthStatusRequest => AuthStatusResponse, safe;
    "/etcdserverpb.Auth/Authenticate" (3, 0): AuthenticateRequest => AuthenticateResponse, safe;
    "/etcdserverpb.Auth/UserAdd" (3, 0): AuthUserAddRequest => AuthUserAddResponse, once;
    "/etcdserverpb.Auth/UserGet" (3, 0): AuthUserGetRequest => AuthUserGetResponse, safe;
    "/etcdserverpb.Auth/UserList" (3, 0): AuthUserListRequest => AuthUserListResponse, safe;
    "/etcdserverpb.Auth/UserDelete" (3, 0): AuthUserDeleteRequest => AuthUserDeleteResponse, once;
    "/etcdserverpb.Auth/UserChangePassword" (3, 0): AuthUserChangePasswordRequest => AuthUserChangePasswordResponse, once;
    "/etcdserverpb.Auth/UserGrantRole" (3, 0): AuthUserGrantRoleRequest => AuthUserGrantRoleResponse, once;
    "/etcdserverpb.Auth/UserRevokeRole" (3, 0): AuthUserRevokeRoleRequest => AuthUserRevokeRoleResponse, once;
    "/etcdserverpb.Auth/RoleAdd" (3, 0): AuthRoleAddRequest => AuthRoleAddResponse, once;
    "/etcdserverpb.Auth/RoleGet" (3, 0): AuthRoleGetRequest => AuthRoleGetResponse, safe;
    "/etcdserverpb.Auth/RoleList" (3, 0): AuthRoleListRequest => AuthRoleListResponse, safe;
    "/etcdserverpb.Auth/RoleDelete" (3, 0): AuthRoleDeleteRequest => AuthRoleDeleteResponse, once;
    "/etcdserverpb.Auth/RoleGrantPermission" (3, 0): AuthRoleGrantPermissionRequest => AuthRoleGrantPermissionResponse, once;
    "/etcdserverpb.Auth/RoleRevokePermission" (3, 0): AuthRoleRevokePermissionRequest => AuthRoleRevokePermissionResponse, once;

    "/v3lockpb.Lock/Lock" (3, 2): LockRequest => LockResponse, once;
    "/v3lockpb.Lock/Unlock" (3, 2): UnlockRequest => UnlockResponse, once;

    "/v3electionpb.Election/Campaign" (3, 2): CampaignRequest => CampaignResponse, once;
    "/v3electionpb.Election/Proclaim" (3, 2): ProclaimRequest => ProclaimResponse, once;
    "/v3electionpb.Election/Leader" (3, 2): LeaderRequest => LeaderResponse, safe;
    "/v3electionpb.Election/Resign" (3, 2): ResignRequest => ResignResponse, once;
}

streaming! {
    /// A range in pieces: each holds keys of its own, and only the last one the header and count.
    "/etcdserverpb.KV/RangeStream" (3, 7): RangeStream(RangeRequest) => RangeStreamResponse,
        |item: &RangeStreamResponse| item.range_response.as_ref()?.header;
    /// Watches, any number of them, on one stream.
    "/etcdserverpb.Watch/Watch" (3, 0): WatchStream(WatchRequest) => WatchResponse by watch_response, |item: &WatchResponse| item.header;
    /// Renewals of leases, any number of them, on one stream.
    "/etcdserverpb.Lease/LeaseKeepAlive" (3, 0): KeepAliveStream(LeaseKeepAliveRequest) => LeaseKeepAliveResponse, |item: &LeaseKeepAliveResponse| item.header;
    /// The whole store in pieces, and then its SHA-256.
    "/etcdserverpb.Maintenance/Snapshot" (3, 3): SnapshotStream(SnapshotRequest) => SnapshotResponse, |item: &SnapshotResponse| item.header;
    /// The leaders of an election, one after another.
    "/v3electionpb.Election/Observe" (3, 2): ObserveStream(LeaderRequest) => LeaderResponse, |item: &LeaderResponse| item.header;
}

macro_rules! duplex {
    ($($name:ident),*) => {
        $(impl Duplex for $name {
            type Message = <Self as StreamRpc>::Message;

            fn encode(message: &Self::Message) -> Result<Bytes, EncodeError> {
                encode(message)
            }
        })*
    };
}

duplex!(WatchStream, KeepAliveStream);
