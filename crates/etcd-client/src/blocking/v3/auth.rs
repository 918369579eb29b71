//! Users and roles.

use etcd_proto::key::KeyRange;
use etcd_proto::v3::{
    AuthDisableResponse, AuthEnableResponse, AuthRoleAddResponse, AuthRoleDeleteResponse,
    AuthRoleGetResponse, AuthRoleGrantPermissionResponse, AuthRoleListResponse,
    AuthRoleRevokePermissionResponse, AuthStatusResponse, AuthUserAddRequest, AuthUserAddResponse,
    AuthUserChangePasswordResponse, AuthUserDeleteResponse, AuthUserGetResponse,
    AuthUserGrantRoleResponse, AuthUserListResponse, AuthUserRevokeRoleResponse,
    AuthenticateResponse, Permission,
};
use etcd_transport::CallOptions;

use super::super::pump::Pump;
use super::shadow::calls;
use crate::Error;
use crate::v3;

/// Users and roles, without async; see [`crate::v3::Auth`].
#[derive(Debug, Clone)]
pub struct Auth {
    pub(super) inner: v3::Auth,
    pub(super) pump: Pump,
}

impl Auth {
    /// The same, with options for each call.
    pub fn with_options(&self, options: CallOptions) -> Self {
        Self { inner: self.inner.with_options(options), pump: self.pump.clone() }
    }
}

calls! { Auth:
    /// Exchanges a password for a token, which is the caller's to use and to keep secret.
    authenticate(name: &str, password: &str) -> AuthenticateResponse;
    /// Turns authentication on; a user `root` with a role `root` must be there.
    enable() -> AuthEnableResponse;
    /// Turns authentication off.
    disable() -> AuthDisableResponse;
    /// Whether authentication is on (3.5 and later).
    status() -> AuthStatusResponse;
    /// Adds a user with a password.
    user_add(name: &str, password: &str) -> AuthUserAddResponse;
    /// Adds a user, who has no password if the request says so.
    user_add_with(request: AuthUserAddRequest) -> AuthUserAddResponse;
    /// The roles of a user.
    user_get(name: &str) -> AuthUserGetResponse;
    /// The names of all users.
    user_list() -> AuthUserListResponse;
    /// Removes a user.
    user_delete(name: &str) -> AuthUserDeleteResponse;
    /// Gives a user another password.
    user_change_password(name: &str, password: &str) -> AuthUserChangePasswordResponse;
    /// Gives a user a role.
    user_grant_role(name: &str, role: &str) -> AuthUserGrantRoleResponse;
    /// Takes a role from a user.
    user_revoke_role(name: &str, role: &str) -> AuthUserRevokeRoleResponse;
    /// Adds a role, which permits nothing yet.
    role_add(name: &str) -> AuthRoleAddResponse;
    /// What a role permits.
    role_get(name: &str) -> AuthRoleGetResponse;
    /// The names of all roles.
    role_list() -> AuthRoleListResponse;
    /// Removes a role, from its users too.
    role_delete(name: &str) -> AuthRoleDeleteResponse;
    /// Has a role permit more. Keys are whole: a namespace does not count.
    role_grant_permission(name: &str, permission: Permission) -> AuthRoleGrantPermissionResponse;
    /// Has a role permit nothing any more of what was granted for this range.
    role_revoke_permission(name: &str, range: impl Into<KeyRange>) -> AuthRoleRevokePermissionResponse;
}
