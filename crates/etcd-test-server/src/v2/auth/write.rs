//! Users and roles as etcd writes them.

use crate::store::v2::{Patterns, Permissions, Role, User};
use crate::v2::json::{string, strings};

/// A user with the names of its roles.
pub(super) fn user(user: &User) -> String {
    format!("{{\"user\":{},\"roles\":{}}}\n", string(&user.name), patterns(&user.roles))
}

/// A user with its roles.
pub(super) fn user_with_roles(name: &str, roles: &[Role]) -> String {
    if roles.is_empty() {
        return format!("{{\"user\":{}}}", string(name));
    }
    format!("{{\"user\":{},\"roles\":[{}]}}", string(name), joined(roles.iter().map(role)))
}

pub(super) fn joined(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(",")
}

pub(super) fn role(role: &Role) -> String {
    let mut out = format!(
        "{{\"role\":{},\"permissions\":{}",
        string(&role.name),
        permissions(&role.permissions)
    );
    for (name, change) in [("grant", &role.grant), ("revoke", &role.revoke)] {
        if let Some(change) = change {
            out += &format!(",\"{name}\":{}", permissions(change));
        }
    }
    out + "}"
}

fn permissions(of: &Permissions) -> String {
    format!("{{\"kv\":{{\"read\":{},\"write\":{}}}}}", patterns(&of.read), patterns(&of.write))
}

fn patterns(patterns: &Patterns) -> String {
    patterns.as_ref().map_or_else(|| "null".to_owned(), |texts| strings(texts))
}
