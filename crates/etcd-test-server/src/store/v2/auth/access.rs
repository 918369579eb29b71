//! Who makes a request, and what he may do.

use super::role::{GUEST, ROOT};
use super::{Auth, User};

/// Who makes a request, as its header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// There is no such header.
    Nobody,
    /// There is one that cannot be read.
    Unreadable,
    /// A name and a password.
    Named(String, String),
}

impl Auth {
    /// Whether who makes a request may do everything.
    pub fn is_root(&self, identity: &Identity) -> bool {
        !self.enabled
            || self.known(identity).is_some_and(|user| user.roles().any(|role| role == ROOT))
    }

    /// Whether who makes a request may read or write a key, or all below it too.
    pub fn may(&self, identity: &Identity, key: &str, write: bool, recursive: bool) -> bool {
        if !self.enabled {
            return true;
        }
        if *identity == Identity::Nobody {
            // etcd does not mind here what is below.
            return self.role(GUEST).is_ok_and(|role| role.may(key, write, false));
        }
        self.known(identity).is_some_and(|user| {
            let roles = user.roles().filter_map(|name| self.role(name).ok());
            roles.into_iter().any(|role| role.may(key, write, recursive))
        })
    }

    fn known(&self, identity: &Identity) -> Option<User> {
        let Identity::Named(name, password) = identity else { return None };
        self.user(name).ok().filter(|user| user.password == *password)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::v2::AuthOperation;

    #[test]
    fn who_says_nothing_is_a_guest_and_who_says_something_false_is_nobody() {
        let mut auth = Auth::default();
        let (name, password) = (ROOT.to_owned(), "p".to_owned());
        let root = User { name, password, ..User::default() };
        assert!(auth.apply(AuthOperation::PutUser(root)).is_ok());
        let named = |password: &str| Identity::Named("root".to_owned(), password.to_owned());
        assert!(auth.may(&Identity::Unreadable, "/a", true, true) && auth.is_root(&named("no")));
        assert!(auth.apply(AuthOperation::Enable).is_ok());
        assert!(auth.may(&Identity::Nobody, "/a", true, true) && !auth.is_root(&Identity::Nobody));
        for identity in [Identity::Unreadable, named("no")] {
            assert!(!auth.may(&identity, "/a", false, false) && !auth.is_root(&identity));
        }
        assert!(auth.may(&named("p"), "/a", true, true) && auth.is_root(&named("p")));
    }
}
