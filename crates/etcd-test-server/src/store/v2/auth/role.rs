//! Roles: which keys may be read and written.

use std::collections::BTreeSet;

use super::refused;
use crate::store::v2::Refusal;

/// The role that may do everything, and is not kept.
pub(super) const ROOT: &str = "root";
/// The role of those who do not say who they are.
pub(super) const GUEST: &str = "guest";

/// Paths, or prefixes that end in `*`; `None` where they were never named.
pub type Patterns = Option<Vec<String>>;

/// What may be done with keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// What may be read.
    pub read: Patterns,
    /// What may be written.
    pub write: Patterns,
}

/// A role as it is sent, kept and shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub permissions: Permissions,
    /// What is to be added to that. etcd keeps an empty one of a role that is made.
    pub grant: Option<Permissions>,
    /// What is to be taken from it. etcd keeps an empty one of a role that is made.
    pub revoke: Option<Permissions>,
}

impl Permissions {
    fn all() -> Self {
        let all = || Some(vec!["/*".to_owned()]);
        Self { read: all(), write: all() }
    }

    fn patterns(&self, write: bool) -> impl Iterator<Item = &str> {
        let patterns = if write { &self.write } else { &self.read };
        patterns.iter().flatten().map(String::as_str)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.patterns(false).chain(self.patterns(true)).next().is_none()
    }

    /// A key alone, or with all below it, which prefixes alone allow.
    fn allow(&self, key: &str, write: bool, recursive: bool) -> bool {
        self.patterns(write).any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => key.starts_with(prefix),
            None => !recursive && key == pattern,
        })
    }

    fn grant(&self, more: &Self) -> Result<Self, Refusal> {
        let read = added(&self.read, &more.read, "read")?;
        Ok(Self { read, write: added(&self.write, &more.write, "write")? })
    }

    fn revoke(&self, less: &Self) -> Self {
        Self { read: removed(&self.read, &less.read), write: removed(&self.write, &less.write) }
    }
}

fn added(held: &Patterns, more: &Patterns, kind: &str) -> Result<Patterns, Refusal> {
    let mut patterns: BTreeSet<_> = held.iter().flatten().cloned().collect();
    for pattern in more.iter().flatten() {
        if !patterns.insert(pattern.clone()) {
            return Err(refused(409, format!("Granting duplicate {kind} permission {pattern}")));
        }
    }
    Ok(Some(patterns.into_iter().collect()))
}

fn removed(held: &Patterns, less: &Patterns) -> Patterns {
    let less: BTreeSet<_> = less.iter().flatten().collect();
    let left: BTreeSet<_> = held.iter().flatten().filter(|held| !less.contains(held)).collect();
    Some(left.into_iter().cloned().collect())
}

impl Role {
    /// The role that may do everything.
    pub(super) fn root() -> Self {
        Self { name: ROOT.to_owned(), permissions: Permissions::all(), ..Self::default() }
    }

    /// The role that those without a name have where nobody gave them another.
    pub(super) fn guest() -> Self {
        Self { name: GUEST.to_owned(), ..Self::root() }
    }

    /// Whether it is to be made, as it names no change.
    pub(super) fn is_new(&self) -> bool {
        [&self.grant, &self.revoke].into_iter().flatten().all(Permissions::is_empty)
    }

    /// Whether it may read or write a key, or all below it too.
    pub(super) fn may(&self, key: &str, write: bool, recursive: bool) -> bool {
        self.name == ROOT || self.permissions.allow(key, write, recursive)
    }

    /// It with the changes that another names.
    pub(super) fn changed(&self, change: &Self) -> Result<Self, Refusal> {
        let mut permissions = self.permissions.clone();
        if let Some(grant) = &change.grant {
            permissions = permissions.grant(grant)?;
        }
        if let Some(revoke) = &change.revoke {
            permissions = permissions.revoke(revoke);
        }
        Ok(Self { name: self.name.clone(), permissions, grant: None, revoke: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_allows_what_is_below_and_a_path_itself_alone() {
        let patterns = |texts: &[&str]| Some(texts.iter().map(|&text| text.to_owned()).collect());
        let permissions = Permissions { read: patterns(&["/a", "/d/*", ""]), write: None };
        let role = Role { permissions, ..Role::default() };
        for (key, recursive, allowed) in [
            ("/a", false, true),
            ("/a", true, false),
            ("/a/b", false, false),
            ("/d", false, false),
            ("/d/", true, true),
            ("/d/e/f", false, true),
            ("/d/e/f", true, true),
            ("", false, true),
            ("", true, false),
        ] {
            assert_eq!(role.may(key, false, recursive), allowed, "{key} {recursive}");
            assert!(!role.may(key, true, recursive) && Role::root().may(key, true, recursive));
        }
    }
}
