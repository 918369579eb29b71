//! The v2 API: HTTP/1.1 with forms and JSON, spoken by every etcd from 0.2 to 3.5.
//!
//! Each request is a plain value: `new` takes what it must have, the other methods what it may
//! have, and [`Exchange`](crate::call::Exchange) makes it a request and reads the reply. Facts
//! about single versions were observed on real servers and are said where they matter;
//! [`Feature`] has the versions in one place.
//!
//! A v2 store holds text: a server replaces bytes that are no UTF-8, so keys and values are `str`
//! here, and any of them comes back as it was given.

mod auth;
mod create_in_order;
mod deep;
mod delete;
mod encode;
mod error;
mod get;
mod headers;
mod leader;
mod lock;
mod members;
mod node;
mod reply;
mod set;
mod stats;
mod version;
mod watch;

pub use auth::{
    AuthDisable, AuthEnable, AuthStatus, KeyPermissions, Permissions, Role, RoleDelete, RoleGet,
    RoleList, RolePut, User, UserDelete, UserGet, UserList, UserPut, UserRole,
};
pub use create_in_order::CreateInOrder;
pub use delete::Delete;
pub use error::{Error, ErrorCode, KeyError};
pub use get::{Get, Head};
pub use headers::Headers;
pub use leader::{LeaderAcquire, LeaderRead, LeaderRelease};
pub use lock::{LockAcquire, LockField, LockHolder, LockRead, LockRelease, LockRenew};
pub use members::{
    Leader, Machines, Member, MemberAdd, MemberList, MemberRemove, MemberUpdate, PeerLeader, Peers,
};
pub use node::{Action, KeyReply, Node};
pub use set::{Condition, Refresh, Set};
pub use stats::{
    FollowerStats, LeaderInfo, LeaderStats, SelfStats, StatsLeader, StatsSelf, StatsStore,
    StoreStats,
};
pub use version::{
    Feature, GetHealth, GetVersion, Health, InvalidVersion, ServerVersion, Unsupported, Version,
};
pub use watch::{EventDecoder, Watch};
