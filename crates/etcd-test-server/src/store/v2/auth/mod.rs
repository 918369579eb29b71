//! Users, roles, and what each may do, as etcd has them from 2.1 on.

mod access;
mod role;
mod user;

use std::collections::BTreeMap;

pub use access::Identity;
pub use role::{Patterns, Permissions, Role};
pub use user::User;

use super::refusal::Refusal;
use role::{GUEST, ROOT};

/// How many nodes etcd makes of its own before the first change: they have indexes too.
const PREPARATIONS: u64 = 4;

/// A change of users and roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthOperation {
    /// Asks everyone who he is from now on; the user `root` has to be there.
    Enable,
    /// Asks no more.
    Disable,
    /// Makes a user, or changes it.
    PutUser(User),
    /// Removes a user.
    DeleteUser(String),
    /// Makes a role, or changes it.
    PutRole(Role),
    /// Removes a role.
    DeleteRole(String),
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthReply {
    /// It is done, and there is nothing to show.
    Done,
    /// The user as it is now; whether etcd says that it was made.
    User(User, bool),
    /// The role as it is now; whether it was made.
    Role(Role, bool),
}

/// Users, roles, and whether anyone is asked for them.
#[derive(Clone, Debug, Default)]
pub struct Auth {
    enabled: bool,
    users: BTreeMap<String, User>,
    roles: BTreeMap<String, Role>,
    is_prepared: bool,
    writes: u64,
}

pub(super) fn refused(status: u16, why: impl AsRef<str>) -> Refusal {
    Refusal::new(status, format!("auth: {}", why.as_ref()))
}

impl Auth {
    /// Whether everyone is asked who he is.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// How many writes there were, each of which has an index.
    pub(super) fn writes(&self) -> u64 {
        self.writes
    }

    /// Whether etcd has made the nodes that it keeps all this in.
    pub(super) fn is_prepared(&self) -> bool {
        self.is_prepared
    }

    /// The names of all users, but for hidden ones, which begin with `_`.
    pub fn user_names(&self) -> Vec<String> {
        self.users.keys().filter(|name| !name.starts_with('_')).cloned().collect()
    }

    /// The names of all roles, but for hidden ones, which begin with `_`.
    pub fn role_names(&self) -> Vec<String> {
        let kept = self.roles.keys().filter(|name| !name.starts_with('_')).cloned();
        let mut names: Vec<_> = kept.chain([ROOT.to_owned()]).collect();
        names.sort();
        names
    }

    /// A user.
    ///
    /// # Errors
    ///
    /// 404 where there is none of that name.
    pub fn user(&self, name: &str) -> Result<User, Refusal> {
        let found = self.users.get(name).cloned().map(User::with_root);
        found.ok_or_else(|| refused(404, format!("User {name} does not exist.")))
    }

    /// A role.
    ///
    /// # Errors
    ///
    /// 404 where there is none of that name.
    pub fn role(&self, name: &str) -> Result<Role, Refusal> {
        if name == ROOT {
            return Ok(Role::root());
        }
        let found = self.roles.get(name).cloned();
        found.ok_or_else(|| refused(404, format!("Role {name} does not exist.")))
    }

    /// Makes a change.
    pub(super) fn apply(&mut self, operation: AuthOperation) -> Result<AuthReply, Refusal> {
        match operation {
            AuthOperation::Enable => self.enable(),
            AuthOperation::Disable if !self.enabled => Err(refused(409, "already disabled")),
            AuthOperation::Disable => self.write(|auth| auth.enabled = false),
            AuthOperation::PutUser(user) => self.put_user(user),
            AuthOperation::DeleteUser(name) => self.delete_user(&name),
            AuthOperation::PutRole(role) => self.put_role(role),
            AuthOperation::DeleteRole(name) => self.delete_role(&name),
        }
    }

    fn prepare(&mut self) {
        if !self.is_prepared {
            self.is_prepared = true;
            self.writes += PREPARATIONS;
        }
    }

    fn write(&mut self, write: impl FnOnce(&mut Self)) -> Result<AuthReply, Refusal> {
        self.prepare();
        self.writes += 1;
        write(self);
        Ok(AuthReply::Done)
    }

    fn enable(&mut self) -> Result<AuthReply, Refusal> {
        if self.enabled {
            return Err(refused(409, "already enabled"));
        }
        if !self.users.contains_key(ROOT) {
            return Err(refused(409, "No root user available, please create one"));
        }
        if !self.roles.contains_key(GUEST) {
            self.write(|auth| drop(auth.roles.insert(GUEST.to_owned(), Role::guest())))?;
        }
        self.write(|auth| auth.enabled = true)
    }

    fn put_user(&mut self, user: User) -> Result<AuthReply, Refusal> {
        let names_roles = user.roles().next().is_some();
        let changes = !(user.grant.is_empty() && user.revoke.is_empty());
        match (changes, names_roles) {
            (true, true) => {
                Err(Refusal::new(400, "User JSON contains both roles and grant/revoke"))
            }
            (true, false) => self.change_user(&user),
            // etcd does not say that a user with roles was made.
            (false, true) => self.create_user(user).map(|user| AuthReply::User(user, false)),
            (false, false) if self.users.contains_key(&user.name) => self.change_user(&user),
            (false, false) => self.create_user(user).map(|user| AuthReply::User(user, true)),
        }
    }

    fn create_user(&mut self, user: User) -> Result<User, Refusal> {
        let (user, name) = (user.clone().with_root(), user.name);
        if user.password.is_empty() {
            let why = format!("Cannot create user {name} with an empty password");
            return Err(refused(400, why));
        }
        self.prepare();
        if self.users.contains_key(&name) {
            return Err(refused(409, format!("User {name} already exists.")));
        }
        self.write(|auth| drop(auth.users.insert(name, user.clone())))?;
        Ok(user)
    }

    fn change_user(&mut self, change: &User) -> Result<AuthReply, Refusal> {
        let old = self.user(&change.name)?;
        let new = old.changed(change)?;
        // A password that is given counts as another: etcd compares salted hashes.
        if new == old && change.password.is_empty() {
            let why = "User not updated. Use grant/revoke/password to update the user.";
            return Err(refused(400, why));
        }
        self.write(|auth| drop(auth.users.insert(new.name.clone(), new.clone())))?;
        Ok(AuthReply::User(new, false))
    }

    fn delete_user(&mut self, name: &str) -> Result<AuthReply, Refusal> {
        if self.enabled && name == ROOT {
            return Err(refused(403, "Cannot delete root user while auth is enabled."));
        }
        self.prepare();
        if !self.users.contains_key(name) {
            return Err(refused(404, format!("User {name} does not exist")));
        }
        self.write(|auth| drop(auth.users.remove(name)))
    }

    fn put_role(&mut self, role: Role) -> Result<AuthReply, Refusal> {
        if role.is_new() {
            return self.create_role(role);
        }
        if !role.permissions.is_empty() {
            let why = "Role JSON contains both permissions and grant/revoke";
            return Err(Refusal::new(400, why));
        }
        check_not_root(&role.name)?;
        let old = self.role(&role.name)?;
        let new = old.changed(&role)?;
        if new == old {
            let why = "Role not updated. Use grant/revoke to update the role.";
            return Err(refused(400, why));
        }
        self.write(|auth| drop(auth.roles.insert(role.name, new.clone())))?;
        Ok(AuthReply::Role(new, false))
    }

    fn create_role(&mut self, role: Role) -> Result<AuthReply, Refusal> {
        check_not_root(&role.name)?;
        self.prepare();
        if self.roles.contains_key(&role.name) {
            return Err(refused(409, format!("Role {} already exists.", role.name)));
        }
        self.write(|auth| drop(auth.roles.insert(role.name.clone(), role.clone())))?;
        Ok(AuthReply::Role(role, true))
    }

    fn delete_role(&mut self, name: &str) -> Result<AuthReply, Refusal> {
        check_not_root(name)?;
        self.prepare();
        if !self.roles.contains_key(name) {
            return Err(refused(404, format!("Role {name} doesn't exist.")));
        }
        self.write(|auth| drop(auth.roles.remove(name)))
    }
}

fn check_not_root(role: &str) -> Result<(), Refusal> {
    if role == ROOT {
        return Err(refused(403, format!("Cannot modify role {role}: is root role.")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> User {
        User { name: name.to_owned(), password: "p".to_owned(), ..User::default() }
    }

    #[test]
    fn each_write_counts_and_so_do_the_preparations_for_the_first() {
        let mut auth = Auth::default();
        let mut steps = |operation| {
            let before = auth.writes();
            let _ = auth.apply(operation);
            auth.writes() - before
        };
        assert_eq!(steps(AuthOperation::Enable), 0);
        assert_eq!(steps(AuthOperation::DeleteUser("nobody".to_owned())), 4);
        assert_eq!(steps(AuthOperation::PutUser(user("root"))), 1);
        // The role of guests is made with it.
        assert_eq!(steps(AuthOperation::Enable), 2);
        assert_eq!(steps(AuthOperation::Enable), 0);
        assert_eq!(steps(AuthOperation::DeleteUser("root".to_owned())), 0);
        assert_eq!(steps(AuthOperation::Disable), 1);
    }
}
