//! Users, roles, and whether authentication is on (2.1 and later).

use std::fmt;

use http::Method;
use serde::{Deserialize, Deserializer, Serialize};

use super::encode::Target;
use super::error::Error;
use super::reply::{self, null_as_default};
use crate::call::{Exchange, HttpVersion, Incoming, Outgoing, Replay};
use crate::error::EncodeError;

/// A user and its roles.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// The user's name.
    #[serde(rename = "user")]
    pub name: String,
    /// Its roles. Replies about one user, and listings since 2.3, hold each role's permissions.
    #[serde(default, deserialize_with = "null_as_default")]
    pub roles: Vec<UserRole>,
}

/// A role as a user has it: its name, and its permissions where the reply holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserRole {
    /// The role's name.
    pub name: String,
    /// What it may do, where the reply says so.
    pub permissions: Option<Permissions>,
}

impl<'de> Deserialize<'de> for UserRole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            Name(String),
            Whole(Role),
        }
        Ok(match Shape::deserialize(deserializer)? {
            Shape::Name(name) => Self { name, permissions: None },
            Shape::Whole(role) => Self { name: role.name, permissions: Some(role.permissions) },
        })
    }
}

/// A role and what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Role {
    /// The role's name.
    #[serde(rename = "role")]
    pub name: String,
    /// What it may do.
    #[serde(default)]
    pub permissions: Permissions,
}

/// What a role may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// With keys.
    #[serde(default)]
    pub kv: KeyPermissions,
}

/// Which keys may be read and written: paths, or prefixes that end in `*`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPermissions {
    /// Keys that may be read.
    #[serde(default, deserialize_with = "null_as_default")]
    pub read: Vec<String>,
    /// Keys that may be written.
    #[serde(default, deserialize_with = "null_as_default")]
    pub write: Vec<String>,
}

/// Asks whether authentication is on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuthStatus;

/// Turns authentication on; user `root` must be there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuthEnable;

/// Turns authentication off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuthDisable;

/// Lists all users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserList;

/// Reads one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserGet(String);

/// Removes a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDelete(String);

/// Lists all roles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoleList;

/// Reads one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleGet(String);

/// Removes a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleDelete(String);

/// Makes a user, or changes its password and roles. It is answered as it is afterwards.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct UserPut {
    #[serde(rename = "user")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    password: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grant: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    revoke: Vec<String>,
}

impl UserPut {
    /// Makes or changes the user of this name.
    pub fn new(name: impl Into<String>) -> Self {
        let (roles, grant, revoke) = (Vec::new(), Vec::new(), Vec::new());
        Self { name: name.into(), password: String::new(), roles, grant, revoke }
    }

    /// Gives the user a password; a new user must have one.
    pub fn password(self, password: impl Into<String>) -> Self {
        Self { password: password.into(), ..self }
    }

    /// Gives a new user these roles.
    pub fn roles(self, roles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { roles: roles.into_iter().map(Into::into).collect(), ..self }
    }

    /// Adds roles to a user that is there.
    pub fn grant(self, roles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { grant: roles.into_iter().map(Into::into).collect(), ..self }
    }

    /// Takes roles from a user that is there.
    pub fn revoke(self, roles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { revoke: roles.into_iter().map(Into::into).collect(), ..self }
    }
}

/// Without the password.
impl fmt::Debug for UserPut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserPut").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Makes a role, or changes what it may do. It is answered as it is afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RolePut {
    #[serde(rename = "role")]
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<Permissions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<Permissions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoke: Option<Permissions>,
}

impl RolePut {
    /// Makes or changes the role of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), permissions: None, grant: None, revoke: None }
    }

    /// Lets a new role do this.
    pub fn permissions(self, kv: KeyPermissions) -> Self {
        Self { permissions: Some(Permissions { kv }), ..self }
    }

    /// Lets a role that is there do this too.
    pub fn grant(self, kv: KeyPermissions) -> Self {
        Self { grant: Some(Permissions { kv }), ..self }
    }

    /// Takes this from a role that is there.
    pub fn revoke(self, kv: KeyPermissions) -> Self {
        Self { revoke: Some(Permissions { kv }), ..self }
    }
}

macro_rules! by_name {
    ($($name:ident: $what:literal),*) => {$(
        impl $name {
            #[doc = concat!("Names the ", $what, ".")]
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }
        }
    )*};
}

by_name!(UserGet: "user", UserDelete: "user", RoleGet: "role", RoleDelete: "role");

#[derive(Deserialize)]
struct Enabled {
    enabled: bool,
}

#[derive(Deserialize)]
struct Users {
    #[serde(deserialize_with = "null_as_default")]
    users: Vec<User>,
}

#[derive(Deserialize)]
struct Roles {
    #[serde(deserialize_with = "null_as_default")]
    roles: Vec<UserRole>,
}

const ENABLE: &str = "/v2/auth/enable";
const USERS: &str = "/v2/auth/users";
const ROLES: &str = "/v2/auth/roles";

/// What each request says and how its reply reads, a row each.
macro_rules! auth_exchange {
    ($($name:ident, $replay:ident, $reply:ty, |$it:ident| $request:expr, |$incoming:ident| $decode:expr;)*) => {$(
        impl Exchange for $name {
            type Reply = $reply;
            type Refusal = Error;
            const HTTP: HttpVersion = HttpVersion::Http1;

            fn replay(&self) -> Replay {
                Replay::$replay
            }

            fn request(&self) -> Result<Outgoing, EncodeError> {
                let $it = self;
                $request
            }

            fn decode(&self, reply: Incoming) -> Result<$reply, Error> {
                let $incoming = &reply;
                $decode
            }
        }
    )*};
}

auth_exchange! {
    AuthStatus, Safe, bool, |_it| Target::new(ENABLE).bare(Method::GET),
        |reply| reply::json::<Enabled>("whether authentication is on", reply).map(|body| body.enabled);
    AuthEnable, Once, (), |_it| Target::new(ENABLE).bare(Method::PUT), |reply| reply::nothing(reply);
    AuthDisable, Once, (), |_it| Target::new(ENABLE).bare(Method::DELETE), |reply| reply::nothing(reply);
    UserList, Safe, Vec<User>, |_it| Target::new(USERS).bare(Method::GET),
        |reply| Ok(reply::json::<UserNames>("a list of users", reply)?.into_users());
    UserGet, Safe, User, |it| Target::name(USERS, &it.0)?.bare(Method::GET),
        |reply| reply::json("a user", reply);
    UserPut, Once, User, |it| Target::name(USERS, &it.name)?.json(Method::PUT, it),
        |reply| reply::json("a user", reply);
    UserDelete, Once, (), |it| Target::name(USERS, &it.0)?.bare(Method::DELETE),
        |reply| reply::nothing(reply);
    RoleList, Safe, Vec<UserRole>, |_it| Target::new(ROLES).bare(Method::GET),
        |reply| reply::json::<Roles>("a list of roles", reply).map(|body| body.roles);
    RoleGet, Safe, Role, |it| Target::name(ROLES, &it.0)?.bare(Method::GET),
        |reply| reply::json("a role", reply);
    RolePut, Once, Role, |it| Target::name(ROLES, &it.name)?.json(Method::PUT, it),
        |reply| reply::json("a role", reply);
    RoleDelete, Once, (), |it| Target::name(ROLES, &it.0)?.bare(Method::DELETE),
        |reply| reply::nothing(reply);
}

/// Since 2.3 a listing holds users; before, their names alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum UserNames {
    Whole(Users),
    Names {
        #[serde(deserialize_with = "null_as_default")]
        users: Vec<String>,
    },
}

impl UserNames {
    fn into_users(self) -> Vec<User> {
        match self {
            Self::Whole(body) => body.users,
            Self::Names { users } => {
                users.into_iter().map(|name| User { name, roles: Vec::new() }).collect()
            }
        }
    }
}
