//! Users and roles, and turning authentication on and off (2.1 and later).

use etcd_proto::v2::{
    AuthDisable, AuthEnable, AuthStatus, Role, RoleDelete, RoleGet, RoleList, RolePut, User,
    UserDelete, UserGet, UserList, UserPut, UserRole,
};

use super::Client;
use crate::error::Error;

/// A method for each request, with what it says and what it answers.
macro_rules! auth_calls {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $reply:ty = $request:expr;)*) => {
        /// Users and roles; all of these need 2.1, and are refused before with
        /// [`Unsupported`](crate::ErrorKind::Unsupported).
        impl Client {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                ///
                /// The server's refusal, or that no server answered.
                pub async fn $name(&self, $($argument: $type),*) -> Result<$reply, Error> {
                    self.send(&$request).await
                }
            )*
        }
    };
}

auth_calls! {
    /// Whether authentication is on.
    auth_enabled() -> bool = AuthStatus;
    /// Turns authentication on; a user `root` must be there.
    enable_auth() -> () = AuthEnable;
    /// Turns authentication off.
    disable_auth() -> () = AuthDisable;
    /// All users.
    users() -> Vec<User> = UserList;
    /// One user.
    user(name: &str) -> User = UserGet::new(name);
    /// Makes a user with a password.
    create_user(name: &str, password: &str) -> User = UserPut::new(name).password(password);
    /// Changes a user's password.
    change_password(name: &str, password: &str) -> User = UserPut::new(name).password(password);
    /// Gives a user more roles.
    grant_roles(name: &str, roles: &[&str]) -> User = UserPut::new(name).grant(roles.iter().copied());
    /// Takes roles from a user.
    revoke_roles(name: &str, roles: &[&str]) -> User = UserPut::new(name).revoke(roles.iter().copied());
    /// Removes a user.
    delete_user(name: &str) -> () = UserDelete::new(name);
    /// All roles.
    roles() -> Vec<UserRole> = RoleList;
    /// One role.
    role(name: &str) -> Role = RoleGet::new(name);
    /// Makes a role, or changes one: whatever the request says.
    put_role(request: RolePut) -> Role = request;
    /// Removes a role.
    delete_role(name: &str) -> () = RoleDelete::new(name);
}
