//! Users and roles as clients send them, read as Go reads JSON.

use serde_json::Value;

use crate::store::v2::{Permissions, Role, User};
use crate::v2::go::{Fields, field, first, object, text, texts};

/// The user that a body names, if it is one.
pub(super) fn user(body: &[u8]) -> Option<User> {
    let fields = fields(body)?;
    let roles = |name| Some(texts(field(&fields, name))?.unwrap_or_default());
    Some(User {
        name: text(field(&fields, "user"))?,
        password: text(field(&fields, "password"))?,
        roles: texts(field(&fields, "roles"))?,
        grant: roles("grant")?,
        revoke: roles("revoke")?,
    })
}

/// The role that a body names, if it is one.
pub(super) fn role(body: &[u8]) -> Option<Role> {
    let fields = fields(body)?;
    Some(Role {
        name: text(field(&fields, "role"))?,
        permissions: permissions(field(&fields, "permissions"))?.unwrap_or_default(),
        grant: permissions(field(&fields, "grant"))?,
        revoke: permissions(field(&fields, "revoke"))?,
    })
}

fn fields(body: &[u8]) -> Option<Fields> {
    let first = first(&String::from_utf8_lossy(body))?;
    object(Some(&first)).map(Option::unwrap_or_default)
}

fn permissions(value: Option<&Value>) -> Option<Option<Permissions>> {
    let Some(fields) = object(value)? else { return Some(None) };
    let kv = object(field(&fields, "kv"))?.unwrap_or_default();
    let (read, write) = (texts(field(&kv, "read"))?, texts(field(&kv, "write"))?);
    Some(Some(Permissions { read, write }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_read_in_any_case_and_nothing_else_is() {
        let read = user(br#"{"USER":"a","roles":["x",null],"more":[{}]} and more"#);
        let roles = Some(vec!["x".to_owned(), String::new()]);
        assert_eq!(read, Some(User { name: "a".to_owned(), roles, ..User::default() }));
        assert_eq!(user(b"null"), Some(User::default()));
        for body in ["", "[]", "{", r#"{"user":7}"#, r#"{"user":"a","roles":[1]}"#] {
            assert_eq!(user(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_role_has_permissions_that_may_be_left_out() {
        let read = role(br#"{"role":"r","permissions":{"kv":{"read":["/a"]}},"grant":{}}"#);
        let permissions = Permissions { read: Some(vec!["/a".to_owned()]), write: None };
        let grant = Some(Permissions::default());
        let name = "r".to_owned();
        assert_eq!(read, Some(Role { name, permissions, grant, revoke: None }));
        assert_eq!(role(br#"{"role":"r","permissions":7}"#), None);
    }
}
