//! Users: a password and the names of roles.

use std::collections::BTreeSet;
use std::fmt;

use super::refused;
use super::role::ROOT;
use crate::store::v2::Refusal;

/// A user as it is sent, kept and shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its password; empty where it is to stay.
    pub password: String,
    /// Its roles; `None` where they were never named.
    pub roles: Option<Vec<String>>,
    /// Roles to be added.
    pub grant: Vec<String>,
    /// Roles to be taken away.
    pub revoke: Vec<String>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

impl User {
    /// The names of its roles.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().flatten().map(String::as_str)
    }

    /// It with the role of root, where it is root.
    pub(super) fn with_root(mut self) -> Self {
        if self.name == ROOT && !self.roles().any(|role| role == ROOT) {
            self.roles.get_or_insert_default().push(ROOT.to_owned());
        }
        self
    }

    /// It with the changes that another names.
    pub(super) fn changed(&self, change: &Self) -> Result<Self, Refusal> {
        let mut roles: BTreeSet<_> = self.roles().map(str::to_owned).collect();
        for role in &change.grant {
            if !roles.insert(role.clone()) {
                let why = format!("Granting duplicate role {role} for user {}", self.name);
                return Err(refused(409, why));
            }
        }
        for role in &change.revoke {
            if !roles.remove(role) {
                let why = format!("Revoking ungranted role {role} for user {}", self.name);
                return Err(refused(409, why));
            }
        }
        let password = if change.password.is_empty() { &self.password } else { &change.password };
        Ok(Self {
            name: self.name.clone(),
            password: password.clone(),
            roles: Some(roles.into_iter().collect()),
            ..Self::default()
        })
    }
}
