//! Users, and the roles that they have.

use std::fmt;

use bytes::Bytes;

use super::Hidden;
use crate::v3::header::{ResponseHeader, header_only, with_revision};

/// A user, as members store it.
///
/// `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
#[prost(skip_debug)]
pub struct User {
    /// The user's name.
    #[prost(bytes = "bytes", tag = "1")]
    pub name: Bytes,
    /// The bcrypt hash of the password.
    #[prost(bytes = "bytes", tag = "2")]
    pub password: Bytes,
    /// The roles that the user has.
    #[prost(string, repeated, tag = "3")]
    pub roles: Vec<String>,
    /// What else was said when the user was added.
    #[prost(message, optional, tag = "4")]
    pub options: Option<UserAddOptions>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("name", &self.name)
            .field("password", &Hidden)
            .field("roles", &self.roles)
            .field("options", &self.options)
            .finish()
    }
}

/// What else can be said when a user is added. Since 3.4.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct UserAddOptions {
    /// Whether the user has no password, and is known by the name in a TLS certificate.
    #[prost(bool, tag = "1")]
    pub no_password: bool,
}

/// Adds a user.
///
/// `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
#[prost(skip_debug)]
pub struct AuthUserAddRequest {
    /// The user's name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The user's password.
    #[prost(string, tag = "2")]
    pub password: String,
    /// What else is to be said. Since 3.4.
    #[prost(message, optional, tag = "3")]
    pub options: Option<UserAddOptions>,
    /// The password as members tell each other; a client leaves it empty. Since 3.5.
    #[prost(string, tag = "4")]
    pub hashed_password: String,
}

impl AuthUserAddRequest {
    /// Adds a user with this name and password.
    pub fn new(name: impl Into<String>, password: impl Into<String>) -> Self {
        Self { name: name.into(), password: password.into(), ..Self::default() }
    }

    /// Adds a user who is known by the name in a TLS certificate, and by no password. Since 3.4.
    pub fn without_password(name: impl Into<String>) -> Self {
        let options = Some(UserAddOptions { no_password: true });
        Self { name: name.into(), options, ..Self::default() }
    }
}

impl fmt::Debug for AuthUserAddRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthUserAddRequest")
            .field("name", &self.name)
            .field("password", &Hidden)
            .field("options", &self.options)
            .field("hashed_password", &Hidden)
            .finish()
    }
}

/// Gives a user another password.
///
/// `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
#[prost(skip_debug)]
pub struct AuthUserChangePasswordRequest {
    /// The user's name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The new password.
    #[prost(string, tag = "2")]
    pub password: String,
    /// The password as members tell each other; a client leaves it empty. Since 3.5.
    #[prost(string, tag = "3")]
    pub hashed_password: String,
}

impl AuthUserChangePasswordRequest {
    /// Gives the user with this name another password.
    pub fn new(name: impl Into<String>, password: impl Into<String>) -> Self {
        Self { name: name.into(), password: password.into(), ..Self::default() }
    }
}

impl fmt::Debug for AuthUserChangePasswordRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthUserChangePasswordRequest")
            .field("name", &self.name)
            .field("password", &Hidden)
            .field("hashed_password", &Hidden)
            .finish()
    }
}

/// Asks which roles a user has.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthUserGetRequest {
    /// The user's name.
    #[prost(string, tag = "1")]
    pub name: String,
}

impl AuthUserGetRequest {
    /// Asks about the user with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }
}

/// The roles that a user has.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthUserGetResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The roles' names.
    #[prost(string, repeated, tag = "2")]
    pub roles: Vec<String>,
}

/// Lists the users.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthUserListRequest {}

/// The users.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthUserListResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// Their names.
    #[prost(string, repeated, tag = "2")]
    pub users: Vec<String>,
}

/// Removes a user.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthUserDeleteRequest {
    /// The user's name.
    #[prost(string, tag = "1")]
    pub name: String,
}

impl AuthUserDeleteRequest {
    /// Removes the user with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }
}

/// Gives a user a role.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthUserGrantRoleRequest {
    /// The user's name.
    #[prost(string, tag = "1")]
    pub user: String,
    /// The role's name.
    #[prost(string, tag = "2")]
    pub role: String,
}

impl AuthUserGrantRoleRequest {
    /// Gives this user this role.
    pub fn new(user: impl Into<String>, role: impl Into<String>) -> Self {
        Self { user: user.into(), role: role.into() }
    }
}

/// Takes a role from a user.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthUserRevokeRoleRequest {
    /// The user's name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The role's name.
    #[prost(string, tag = "2")]
    pub role: String,
}

impl AuthUserRevokeRoleRequest {
    /// Takes this role from this user.
    pub fn new(user: impl Into<String>, role: impl Into<String>) -> Self {
        Self { name: user.into(), role: role.into() }
    }
}

header_only! {
    /// A user was added.
    AuthUserAddResponse;
    /// A user has another password.
    AuthUserChangePasswordResponse;
    /// A user was removed.
    AuthUserDeleteResponse;
    /// A user was given a role.
    AuthUserGrantRoleResponse;
    /// A role was taken from a user.
    AuthUserRevokeRoleResponse;
}

with_revision!(AuthUserGetResponse, AuthUserListResponse);
