//! Users, roles and tokens, and turning authentication on and off.

use etcd_proto::key::KeyRange;
use etcd_proto::v3::{
    AuthDisableRequest, AuthDisableResponse, AuthEnableRequest, AuthEnableResponse,
    AuthRoleAddRequest, AuthRoleAddResponse, AuthRoleDeleteRequest, AuthRoleDeleteResponse,
    AuthRoleGetRequest, AuthRoleGetResponse, AuthRoleGrantPermissionRequest,
    AuthRoleGrantPermissionResponse, AuthRoleListRequest, AuthRoleListResponse,
    AuthRoleRevokePermissionRequest, AuthRoleRevokePermissionResponse, AuthStatusRequest,
    AuthStatusResponse, AuthUserAddRequest, AuthUserAddResponse, AuthUserChangePasswordRequest,
    AuthUserChangePasswordResponse, AuthUserDeleteRequest, AuthUserDeleteResponse,
    AuthUserGetRequest, AuthUserGetResponse, AuthUserGrantRoleRequest, AuthUserGrantRoleResponse,
    AuthUserListRequest, AuthUserListResponse, AuthUserRevokeRoleRequest,
    AuthUserRevokeRoleResponse, AuthenticateRequest, AuthenticateResponse, Permission, Rpc as _,
};
use etcd_transport::CallOptions;

use super::core::Core;
use crate::error::Error;

/// Users and roles. Cloning is cheap.
///
/// A client has to be [configured](crate::Config::credentials) with a user and a password for
/// its calls to bear a token; this is for managing them.
///
/// ```no_run
/// use etcd_client::{Client, KeyRange};
/// use etcd_client::v3::api::Permission;
///
/// # async fn example(client: &Client) -> Result<(), etcd_client::Error> {
/// let auth = client.auth();
/// auth.role_add("writer").await?;
/// let jobs = Permission::read_write(KeyRange::prefix("/jobs/"));
/// auth.role_grant_permission("writer", jobs).await?;
/// auth.user_add("ann", "a password").await?;
/// auth.user_grant_role("ann", "writer").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Auth {
    core: Core,
    options: CallOptions,
}

impl Auth {
    pub(super) fn new(core: Core) -> Self {
        Self { core, options: CallOptions::default() }
    }

    /// The same, with options for each call.
    pub fn with_options(&self, options: CallOptions) -> Self {
        Self { options, ..self.clone() }
    }

    /// Exchanges a password for a token, which is the caller's to use and to keep secret.
    ///
    /// The token of this client itself stays as it is.
    ///
    /// # Errors
    ///
    /// [`Unauthorized`](crate::ErrorKind::Unauthorized) for a wrong user or password, a refusal
    /// while authentication is off, or that no server answered.
    pub async fn authenticate(
        &self,
        name: &str,
        password: &str,
    ) -> Result<AuthenticateResponse, Error> {
        let request = AuthenticateRequest::new(name, password);
        // Without a token: an old one would be refused here too.
        match self.core.channel().call_with(&request, &self.options).await {
            Ok(reply) => Ok(reply),
            Err(error) => {
                let (path, since) = (AuthenticateRequest::PATH, AuthenticateRequest::SINCE);
                Err(self.core.explain(error, path, since).await)
            }
        }
    }

    /// Adds a user, who has no password if the request says so.
    ///
    /// # Errors
    ///
    /// As for [`user_add`](Self::user_add).
    pub async fn user_add_with(
        &self,
        request: AuthUserAddRequest,
    ) -> Result<AuthUserAddResponse, Error> {
        self.core.call_with(&request, &self.options).await
    }
}

/// A method for each request, with what it says and what it answers.
macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $reply:ty = $request:expr;)*) => {
        impl Auth {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                ///
                /// The server's refusal, or that no server answered.
                pub async fn $name(&self, $($argument: $type),*) -> Result<$reply, Error> {
                    self.core.call_with(&$request, &self.options).await
                }
            )*
        }
    };
}

calls! {
    /// Turns authentication on; a user `root` with a role `root` must be there.
    enable() -> AuthEnableResponse = AuthEnableRequest::default();
    /// Turns authentication off.
    disable() -> AuthDisableResponse = AuthDisableRequest::default();
    /// Whether authentication is on (3.5 and later).
    status() -> AuthStatusResponse = AuthStatusRequest::default();
    /// Adds a user with a password.
    user_add(name: &str, password: &str) -> AuthUserAddResponse = AuthUserAddRequest::new(name, password);
    /// The roles of a user.
    user_get(name: &str) -> AuthUserGetResponse = AuthUserGetRequest::new(name);
    /// The names of all users.
    user_list() -> AuthUserListResponse = AuthUserListRequest::default();
    /// Removes a user.
    user_delete(name: &str) -> AuthUserDeleteResponse = AuthUserDeleteRequest::new(name);
    /// Gives a user another password.
    user_change_password(name: &str, password: &str) -> AuthUserChangePasswordResponse =
        AuthUserChangePasswordRequest::new(name, password);
    /// Gives a user a role.
    user_grant_role(name: &str, role: &str) -> AuthUserGrantRoleResponse =
        AuthUserGrantRoleRequest::new(name, role);
    /// Takes a role from a user.
    user_revoke_role(name: &str, role: &str) -> AuthUserRevokeRoleResponse =
        AuthUserRevokeRoleRequest::new(name, role);
    /// Adds a role, which permits nothing yet.
    role_add(name: &str) -> AuthRoleAddResponse = AuthRoleAddRequest::new(name);
    /// What a role permits.
    role_get(name: &str) -> AuthRoleGetResponse = AuthRoleGetRequest::new(name);
    /// The names of all roles.
    role_list() -> AuthRoleListResponse = AuthRoleListRequest::default();
    /// Removes a role, from its users too.
    role_delete(name: &str) -> AuthRoleDeleteResponse = AuthRoleDeleteRequest::new(name);
    /// Has a role permit more. Keys are whole: a namespace does not count.
    role_grant_permission(name: &str, permission: Permission) -> AuthRoleGrantPermissionResponse =
        AuthRoleGrantPermissionRequest::new(name, permission);
    /// Has a role permit nothing any more of what was granted for this range.
    role_revoke_permission(name: &str, range: impl Into<KeyRange>) -> AuthRoleRevokePermissionResponse =
        AuthRoleRevokePermissionRequest::new(name, range);
}
