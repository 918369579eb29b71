//! Roles, and what they permit.

use bytes::Bytes;

use crate::key::KeyRange;
use crate::v3::header::{ResponseHeader, header_only, with_revision};
use crate::v3::open_enum::open_enum;

/// A role, as members store it.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Role {
    /// The role's name.
    #[prost(bytes = "bytes", tag = "1")]
    pub name: Bytes,
    /// What it permits.
    #[prost(message, repeated, tag = "2")]
    pub key_permission: Vec<Permission>,
}

/// What may be done with the keys of a range.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Permission {
    /// What may be done, as a number; see [`perm_type`](Self::perm_type).
    #[prost(int32, tag = "1")]
    pub perm_type: i32,
    /// The key, or the first of the range.
    #[prost(bytes = "bytes", tag = "2")]
    pub key: Bytes,
    /// The first key behind the range; empty for one key alone, `\0` for no end.
    #[prost(bytes = "bytes", tag = "3")]
    pub range_end: Bytes,
}

impl Permission {
    /// To read these keys.
    pub fn read(range: impl Into<KeyRange>) -> Self {
        Self::new(PermissionType::READ, range)
    }

    /// To write and remove these keys.
    pub fn write(range: impl Into<KeyRange>) -> Self {
        Self::new(PermissionType::WRITE, range)
    }

    /// To read, write and remove these keys.
    pub fn read_write(range: impl Into<KeyRange>) -> Self {
        Self::new(PermissionType::READWRITE, range)
    }

    /// To do this with these keys.
    pub fn new(perm_type: PermissionType, range: impl Into<KeyRange>) -> Self {
        let KeyRange { key, range_end } = range.into();
        Self { perm_type: perm_type.0, key, range_end }
    }

    /// What may be done.
    pub fn perm_type(&self) -> PermissionType {
        PermissionType(self.perm_type)
    }

    /// The keys that it may be done with.
    pub fn range(&self) -> KeyRange {
        KeyRange { key: self.key.clone(), range_end: self.range_end.clone() }
    }
}

open_enum! {
    /// What may be done with keys.
    PermissionType {
        /// To read them.
        READ = 0,
        /// To write and remove them.
        WRITE = 1,
        /// Both.
        READWRITE = 2,
    }
}

/// Adds a role, which permits nothing yet.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthRoleAddRequest {
    /// The role's name.
    #[prost(string, tag = "1")]
    pub name: String,
}

impl AuthRoleAddRequest {
    /// Adds a role with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }
}

/// Asks what a role permits.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthRoleGetRequest {
    /// The role's name.
    #[prost(string, tag = "1")]
    pub role: String,
}

impl AuthRoleGetRequest {
    /// Asks about the role with this name.
    pub fn new(role: impl Into<String>) -> Self {
        Self { role: role.into() }
    }
}

/// What a role permits.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthRoleGetResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// What it permits.
    #[prost(message, repeated, tag = "2")]
    pub perm: Vec<Permission>,
}

/// Lists the roles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthRoleListRequest {}

/// The roles.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthRoleListResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// Their names.
    #[prost(string, repeated, tag = "2")]
    pub roles: Vec<String>,
}

/// Removes a role, from its users too.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthRoleDeleteRequest {
    /// The role's name.
    #[prost(string, tag = "1")]
    pub role: String,
}

impl AuthRoleDeleteRequest {
    /// Removes the role with this name.
    pub fn new(role: impl Into<String>) -> Self {
        Self { role: role.into() }
    }
}

/// Has a role permit more.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthRoleGrantPermissionRequest {
    /// The role's name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// What it is to permit; it replaces what the role permits for the same range.
    #[prost(message, optional, tag = "2")]
    pub perm: Option<Permission>,
}

impl AuthRoleGrantPermissionRequest {
    /// Has the role with this name permit this.
    pub fn new(role: impl Into<String>, permission: Permission) -> Self {
        Self { name: role.into(), perm: Some(permission) }
    }
}

/// Has a role permit less.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthRoleRevokePermissionRequest {
    /// The role's name.
    #[prost(string, tag = "1")]
    pub role: String,
    /// The key, or the first of the range, as it was granted.
    #[prost(bytes = "bytes", tag = "2")]
    pub key: Bytes,
    /// The end of the range, as it was granted.
    #[prost(bytes = "bytes", tag = "3")]
    pub range_end: Bytes,
}

impl AuthRoleRevokePermissionRequest {
    /// Has the role with this name no longer permit anything with this range, as it was granted.
    pub fn new(role: impl Into<String>, range: impl Into<KeyRange>) -> Self {
        let KeyRange { key, range_end } = range.into();
        Self { role: role.into(), key, range_end }
    }
}

header_only! {
    /// A role was added.
    AuthRoleAddResponse;
    /// A role was removed.
    AuthRoleDeleteResponse;
    /// A role permits more.
    AuthRoleGrantPermissionResponse;
    /// A role permits less.
    AuthRoleRevokePermissionResponse;
}

with_revision!(AuthRoleGetResponse, AuthRoleListResponse);
