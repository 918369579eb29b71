//! Users, roles, tokens, and who may do what.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use etcd_proto::grpc::Status;
use etcd_proto::v3::error::message;
use etcd_proto::v3::{AuthUserAddRequest, Permission, PermissionType};

use super::refusal::refusal;
use crate::version::Version;

const ROOT: &str = "root";
/// How long a token is good for after its last use, as etcd's simple tokens are.
const TOKEN_LIFE: Duration = Duration::from_secs(300);

#[derive(Clone, Default)]
struct Account {
    /// `None` where no password may be used.
    password: Option<String>,
    roles: BTreeSet<String>,
}

struct Token {
    user: String,
    end: Duration,
}

/// Users, roles and tokens.
#[derive(Default)]
pub struct Auth {
    enabled: bool,
    changes: u64,
    users: BTreeMap<String, Account>,
    roles: BTreeMap<String, Vec<Permission>>,
    tokens: BTreeMap<String, Token>,
    made: u64,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").field("enabled", &self.enabled).finish_non_exhaustive()
    }
}

/// Who makes a call, where authentication is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Authentication is off: anyone may do anything.
    Anyone,
    /// No token was sent.
    Nobody,
    /// The user whose token it was.
    User(String),
}

impl Auth {
    /// Whether authentication is on.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// How often users and roles were changed, plus one.
    pub fn revision(&self) -> u64 {
        self.changes + 1
    }

    /// Whose token this is; using it lengthens its life.
    pub fn caller(&mut self, token: Option<&str>, now: Duration) -> Result<Caller, Status> {
        if !self.enabled {
            return Ok(Caller::Anyone);
        }
        let Some(token) = token else { return Ok(Caller::Nobody) };
        self.tokens.retain(|_, token| token.end > now);
        let known = self.tokens.get_mut(token).ok_or_else(|| refusal(message::INVALID_TOKEN))?;
        known.end = now + TOKEN_LIFE;
        Ok(Caller::User(known.user.clone()))
    }

    /// Gives a token for a name and a password.
    pub fn authenticate(
        &mut self,
        name: &str,
        password: &str,
        now: Duration,
    ) -> Result<String, Status> {
        if !self.enabled {
            return Err(refusal(message::AUTH_NOT_ENABLED));
        }
        let account = self.users.get(name);
        if account.and_then(|account| account.password.as_deref()) != Some(password) {
            return Err(refusal(message::AUTH_FAILED));
        }
        self.made += 1;
        let letters = self.made.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let letter = |at: u32| char::from(b'a' + (letters >> (4 * at) & 15) as u8);
        let token = format!("{}.{}", (0..16).map(letter).collect::<String>(), self.made);
        self.tokens.insert(token.clone(), Token { user: name.into(), end: now + TOKEN_LIFE });
        Ok(token)
    }

    /// Whether the caller is someone.
    pub fn check_known(&self, caller: &Caller) -> Result<(), Status> {
        if *caller == Caller::Nobody { Err(refusal(message::USER_EMPTY)) } else { Ok(()) }
    }

    /// Whether the caller has the role of root.
    pub fn check_root(&self, caller: &Caller) -> Result<(), Status> {
        let Caller::User(user) = caller else { return self.check_known(caller) };
        if self.is_root(user) { Ok(()) } else { Err(refusal(message::PERMISSION_DENIED)) }
    }

    /// Whether the caller may read or write a range.
    pub fn check(
        &self,
        caller: &Caller,
        kind: PermissionType,
        key: &[u8],
        range_end: &[u8],
    ) -> Result<(), Status> {
        let Caller::User(user) = caller else { return self.check_known(caller) };
        if self.is_root(user) || self.is_covered(user, kind, key, range_end) {
            return Ok(());
        }
        Err(refusal(message::PERMISSION_DENIED))
    }

    fn is_root(&self, user: &str) -> bool {
        self.users.get(user).is_some_and(|account| account.roles.contains(ROOT))
    }

    /// Whether what the user's roles permit covers the range together.
    fn is_covered(&self, user: &str, kind: PermissionType, key: &[u8], range_end: &[u8]) -> bool {
        let roles = self.users.get(user).map(|account| &account.roles);
        let permissions = roles.into_iter().flatten().filter_map(|role| self.roles.get(role));
        let mut spans: Vec<_> = permissions
            .flatten()
            .filter(|held| {
                held.perm_type() == kind || held.perm_type() == PermissionType::READWRITE
            })
            .map(|held| span(&held.key, &held.range_end))
            .collect();
        spans.sort();
        let (mut reached, end) = span(key, range_end);
        for (from, to) in spans {
            if from > reached {
                break;
            }
            match (&to, &end) {
                (None, _) => return true,
                (Some(to), Some(end)) if to >= end => return true,
                (Some(to), _) => reached = reached.max(to.clone()),
            }
        }
        false
    }

    /// Turns authentication on; there must be a user `root` with that role.
    pub fn enable(&mut self) -> Result<(), Status> {
        let root = self.users.get(ROOT).ok_or_else(|| refusal(message::ROOT_USER_NOT_FOUND))?;
        if !root.roles.contains(ROOT) {
            return Err(refusal(message::ROOT_ROLE_NOT_FOUND));
        }
        self.enabled = true;
        Ok(())
    }

    /// Turns authentication off; all tokens are void.
    pub fn disable(&mut self) {
        if std::mem::take(&mut self.enabled) {
            self.tokens.clear();
            self.changes += 1;
        }
    }

    /// Adds a user.
    pub fn user_add(&mut self, request: &AuthUserAddRequest) -> Result<(), Status> {
        if request.name.is_empty() {
            return Err(refusal(message::USER_EMPTY));
        }
        if self.users.contains_key(&request.name) {
            return Err(refusal(message::USER_EXISTS));
        }
        let without = request.options.is_some_and(|options| options.no_password);
        let password = (!without).then(|| request.password.clone());
        self.users.insert(request.name.clone(), Account { password, roles: BTreeSet::new() });
        self.changes += 1;
        Ok(())
    }

    fn user(&mut self, name: &str) -> Result<&mut Account, Status> {
        self.users.get_mut(name).ok_or_else(|| refusal(message::USER_NOT_FOUND))
    }

    fn changed(&mut self, user: &str) {
        self.changes += 1;
        self.tokens.retain(|_, token| token.user != user);
    }

    /// Removes a user.
    pub fn user_delete(&mut self, name: &str) -> Result<(), Status> {
        if self.enabled && name == ROOT {
            return Err(refusal(message::INVALID_AUTH_MANAGEMENT));
        }
        self.user(name)?;
        self.users.remove(name);
        self.changed(name);
        Ok(())
    }

    /// Gives a user another password.
    pub fn change_password(&mut self, name: &str, password: &str) -> Result<(), Status> {
        self.user(name)?.password = Some(password.into());
        self.changed(name);
        Ok(())
    }

    /// The roles of a user, which others than root may only ask of themselves.
    pub fn user_get(&mut self, caller: &Caller, name: &str) -> Result<Vec<String>, Status> {
        if !matches!(caller, Caller::User(user) if user == name) {
            self.check_root(caller)?;
        }
        Ok(self.user(name)?.roles.iter().cloned().collect())
    }

    /// The names of all users.
    pub fn user_names(&self) -> Vec<String> {
        self.users.keys().cloned().collect()
    }

    /// Gives a user a role.
    pub fn grant_role(&mut self, user: &str, role: &str) -> Result<(), Status> {
        let known = role == ROOT || self.roles.contains_key(role);
        let account = self.user(user)?;
        if !known {
            return Err(refusal(message::ROLE_NOT_FOUND));
        }
        if account.roles.insert(role.into()) {
            self.changed(user);
        }
        Ok(())
    }

    /// Takes a role from a user.
    pub fn revoke_role(&mut self, user: &str, role: &str) -> Result<(), Status> {
        if self.enabled && user == ROOT && role == ROOT {
            return Err(refusal(message::INVALID_AUTH_MANAGEMENT));
        }
        if !self.user(user)?.roles.remove(role) {
            return Err(refusal(message::ROLE_NOT_GRANTED));
        }
        self.changed(user);
        Ok(())
    }

    /// Adds a role.
    pub fn role_add(&mut self, name: &str) -> Result<(), Status> {
        if name.is_empty() {
            return Err(refusal(message::ROLE_EMPTY));
        }
        if self.roles.contains_key(name) {
            return Err(refusal(message::ROLE_EXISTS));
        }
        self.roles.insert(name.into(), Vec::new());
        self.changes += 1;
        Ok(())
    }

    fn role(&mut self, name: &str) -> Result<&mut Vec<Permission>, Status> {
        self.roles.get_mut(name).ok_or_else(|| refusal(message::ROLE_NOT_FOUND))
    }

    /// What a role permits, which others than root may only ask of their own.
    pub fn role_get(&mut self, caller: &Caller, name: &str) -> Result<Vec<Permission>, Status> {
        let own = match caller {
            Caller::User(user) => {
                self.users.get(user).is_some_and(|account| account.roles.contains(name))
            }
            Caller::Anyone | Caller::Nobody => false,
        };
        if !own {
            self.check_root(caller)?;
        }
        Ok(self.role(name)?.clone())
    }

    /// The names of all roles.
    pub fn role_names(&self) -> Vec<String> {
        self.roles.keys().cloned().collect()
    }

    /// Removes a role, from its users too.
    pub fn role_delete(&mut self, name: &str) -> Result<(), Status> {
        if self.enabled && name == ROOT {
            return Err(refusal(message::INVALID_AUTH_MANAGEMENT));
        }
        self.role(name)?;
        self.roles.remove(name);
        let mut had = Vec::new();
        for (user, account) in &mut self.users {
            if account.roles.remove(name) {
                had.push(user.clone());
            }
        }
        self.changes += 1;
        self.tokens.retain(|_, token| !had.contains(&token.user));
        Ok(())
    }

    /// Has a role permit something.
    pub fn grant_permission(
        &mut self,
        role: &str,
        permission: Option<&Permission>,
        version: Version,
    ) -> Result<(), Status> {
        let permission = permission.ok_or_else(|| refusal(message::PERMISSION_NOT_GIVEN))?;
        if version >= Version::V3_5 && !is_range(&permission.key, &permission.range_end) {
            return Err(refusal(message::INVALID_AUTH_MANAGEMENT));
        }
        let held = self.role(role)?;
        held.retain(|held| held.range() != permission.range());
        held.push(permission.clone());
        held.sort_by(|a, b| (&a.key, &a.range_end).cmp(&(&b.key, &b.range_end)));
        self.changes += 1;
        Ok(())
    }

    /// Has a role no longer permit something.
    pub fn revoke_permission(
        &mut self,
        role: &str,
        key: &Bytes,
        range_end: &Bytes,
    ) -> Result<(), Status> {
        let held = self.role(role)?;
        let count = held.len();
        held.retain(|held| held.key != key || held.range_end != range_end);
        if held.len() == count {
            return Err(refusal(message::PERMISSION_NOT_GRANTED));
        }
        self.changes += 1;
        Ok(())
    }
}

fn is_range(key: &[u8], range_end: &[u8]) -> bool {
    !key.is_empty() && (matches!(range_end, [] | [0]) || key < range_end)
}

/// From where to before where; `None` has no end.
fn span(key: &[u8], range_end: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let end = match range_end {
        [] => Some([key, &[0]].concat()),
        [0] => None,
        end => Some(end.to_vec()),
    };
    (key.to_vec(), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(permissions: &[Permission]) -> (Auth, Caller) {
        let mut auth = Auth::default();
        let done = (|| {
            for user in ["root", "anna"] {
                auth.user_add(&AuthUserAddRequest::new(user, "x"))?;
            }
            auth.grant_role("root", "root")?;
            auth.role_add("some")?;
            for permission in permissions {
                auth.grant_permission("some", Some(permission), Version::V3_7)?;
            }
            auth.grant_role("anna", "some")?;
            auth.enable()
        })();
        assert_eq!(done, Ok(()));
        (auth, Caller::User("anna".into()))
    }

    #[test]
    fn ranges_that_touch_permit_together() {
        let read = |from: &'static str, to: &'static str| {
            Permission::read(etcd_proto::key::KeyRange::between(from, to))
        };
        let (auth, anna) = with(&[read("a", "c"), read("c", "f"), Permission::write("w")]);
        let may = |kind, key: &str, end: &str| {
            auth.check(&anna, kind, key.as_bytes(), end.as_bytes()).is_ok()
        };
        assert!(may(PermissionType::READ, "b", "e") && may(PermissionType::READ, "a", ""));
        assert!(!may(PermissionType::READ, "b", "g") && !may(PermissionType::READ, "b", "\0"));
        assert!(may(PermissionType::WRITE, "w", "") && !may(PermissionType::READ, "w", ""));
        assert!(!may(PermissionType::WRITE, "w", "x"));
    }

    #[test]
    fn a_token_lives_by_its_use_and_dies_with_a_change_of_its_user() {
        let (mut auth, anna) = with(&[]);
        let at = Duration::from_secs;
        let token = auth.authenticate("anna", "x", at(0)).unwrap_or_default();
        assert_eq!(auth.caller(Some(&token), at(299)), Ok(anna.clone()));
        assert_eq!(auth.caller(Some(&token), at(598)), Ok(anna));
        assert_eq!(auth.change_password("anna", "y"), Ok(()));
        assert_eq!(auth.caller(Some(&token), at(599)), Err(refusal(message::INVALID_TOKEN)));
        assert_eq!(auth.authenticate("anna", "x", at(0)), Err(refusal(message::AUTH_FAILED)));
        let token = auth.authenticate("anna", "y", at(0)).unwrap_or_default();
        assert_eq!(auth.caller(Some(&token), at(300)), Err(refusal(message::INVALID_TOKEN)));
    }

    #[test]
    fn root_keeps_what_keeps_authentication_usable() {
        let (mut auth, _) = with(&[]);
        let refused = Err(refusal(message::INVALID_AUTH_MANAGEMENT));
        assert_eq!(auth.user_delete("root"), refused);
        assert_eq!(auth.revoke_role("root", "root"), refused);
        assert_eq!(auth.check_root(&Caller::Nobody), Err(refusal(message::USER_EMPTY)));
        auth.disable();
        assert_eq!(auth.caller(None, Duration::ZERO), Ok(Caller::Anyone));
        assert_eq!(Auth::default().enable(), Err(refusal(message::ROOT_USER_NOT_FOUND)));
    }
}
