//! Who may do what: turning it on, and proving who one is.

mod role;
mod user;

use std::fmt;

pub use role::{
    AuthRoleAddRequest, AuthRoleAddResponse, AuthRoleDeleteRequest, AuthRoleDeleteResponse,
    AuthRoleGetRequest, AuthRoleGetResponse, AuthRoleGrantPermissionRequest,
    AuthRoleGrantPermissionResponse, AuthRoleListRequest, AuthRoleListResponse,
    AuthRoleRevokePermissionRequest, AuthRoleRevokePermissionResponse, Permission, PermissionType,
    Role,
};
pub use user::{
    AuthUserAddRequest, AuthUserAddResponse, AuthUserChangePasswordRequest,
    AuthUserChangePasswordResponse, AuthUserDeleteRequest, AuthUserDeleteResponse,
    AuthUserGetRequest, AuthUserGetResponse, AuthUserGrantRoleRequest, AuthUserGrantRoleResponse,
    AuthUserListRequest, AuthUserListResponse, AuthUserRevokeRoleRequest,
    AuthUserRevokeRoleResponse, User, UserAddOptions,
};

use super::header::{ResponseHeader, header_only, with_revision};

/// Turns authentication on. There must be a user `root` with the role `root`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthEnableRequest {}

/// Turns authentication off.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthDisableRequest {}

/// Asks whether authentication is on. Since 3.5.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthStatusRequest {}

/// Whether authentication is on. Since 3.5.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct AuthStatusResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// Whether it is on.
    #[prost(bool, tag = "2")]
    pub enabled: bool,
    /// A number that rises with each change of users and roles.
    #[prost(uint64, tag = "3")]
    pub auth_revision: u64,
}

/// Proves who one is, for a token.
///
/// `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
#[prost(skip_debug)]
pub struct AuthenticateRequest {
    /// The user's name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The user's password.
    #[prost(string, tag = "2")]
    pub password: String,
}

impl AuthenticateRequest {
    /// Proves to be the user with this name.
    pub fn new(name: impl Into<String>, password: impl Into<String>) -> Self {
        Self { name: name.into(), password: password.into() }
    }
}

impl fmt::Debug for AuthenticateRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticateRequest")
            .field("name", &self.name)
            .field("password", &Hidden)
            .finish()
    }
}

/// The token that goes with every other call.
///
/// `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
#[prost(skip_debug)]
pub struct AuthenticateResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The token.
    #[prost(string, tag = "2")]
    pub token: String,
}

impl fmt::Debug for AuthenticateResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticateResponse")
            .field("header", &self.header)
            .field("token", &Hidden)
            .finish()
    }
}

/// Stands in `Debug` for what is not to be seen.
struct Hidden;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

header_only! {
    /// Authentication was turned on.
    AuthEnableResponse;
    /// Authentication was turned off.
    AuthDisableResponse;
}

with_revision!(AuthStatusResponse, AuthenticateResponse);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        let canary = || "kanarienvogel".to_owned();
        let shown = [
            format!("{:?}", AuthenticateRequest { password: canary(), ..Default::default() }),
            format!("{:#?}", AuthenticateResponse { token: canary(), ..Default::default() }),
            format!(
                "{:?}",
                AuthUserAddRequest {
                    password: canary(),
                    hashed_password: canary(),
                    ..Default::default()
                }
            ),
            format!(
                "{:#?}",
                AuthUserChangePasswordRequest {
                    password: canary(),
                    hashed_password: canary(),
                    ..Default::default()
                }
            ),
            format!("{:?}", User { password: canary().into(), ..Default::default() }),
        ];
        for shown in shown {
            assert!(!shown.contains(&canary()) && shown.contains('…'), "{shown}");
        }
        let bytes = format!("{:?}", canary().as_bytes());
        let user = User { password: canary().into(), ..Default::default() };
        assert!(!format!("{user:?}").contains(&bytes[1..bytes.len() - 1]));
    }
}
