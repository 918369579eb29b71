//! Users and roles, and turning authentication on and off (2.1 and later).

use etcd_proto::v2::{Role, RolePut, User, UserRole};

use super::Client;
use crate::Error;

impl Client {
    /// Whether authentication is on.
    ///
    /// # Errors
    ///
    /// The server's refusal, or that no server answered.
    pub fn auth_enabled(&self) -> Result<bool, Error> {
        self.pump.run(self.inner.auth_enabled())
    }

    /// Turns authentication on; a user `root` must be there.
    ///
    /// # Errors
    ///
    /// The server's refusal, or that no server answered.
    pub fn enable_auth(&self) -> Result<(), Error> {
        self.pump.run(self.inner.enable_auth())
    }

    /// Turns authentication off.
    ///
    /// # Errors
    ///
    /// The server's refusal, or that no server answered.
    pub fn disable_auth(&self) -> Result<(), Error> {
        self.pump.run(self.inner.disable_auth())
    }

    /// All users.
    ///
    /// # Errors
    ///
    /// The server's refusal, or that no server answered.
    pub fn users(&self) -> Result<Vec<User>, Error> {
        self.pump.run(self.inner.users())
    }

    /// One user.
    ///
    /// # Errors
    ///
    /// The server's refusal, or that no server answered.
    pub fn user(&self, name: &str) -> Result<User, Error> {
        self.pump.run(self.inner.user(name))
    }

    /// Makes a user with a password.
    ///
    /// # Errors
    ///
    /// The server's refusal, or that no server answered.
    pub fn create_user(&self, name: &str, password: &str) -> Result<User, Error> {
        self.pump.run(self.inner.create_user(name, password))
    }

    /// Changes a user's password.
    ///
    /// # Errors
    ///
    /// The server's refusal, or that no server answered.
    pub fn change_password(&self, name: &str, password: &str) -> Result<User, Error> {
        self.pump.run(self.inner.change_password(name, password))
    }

    /// Gives a user more roles.
    ///
    /// # Errors
    ///
    /// The server's refusal, or that no server answered.
    pub fn grant_roles(&self, name: &str, roles: &[&str]) -> Result<User, Error> {
        self.pump.run(self.inner.grant_roles(name, roles))
    }

    /// Takes roles from a user.
    ///
    /// # Errors
    ///
    /// The server's refusal, or that no server answered.
    pub fn revoke_roles(&self, name: &str, roles: &[&str]) -> Result<User, Error> {
        self.pump.run(self.inner.revoke_roles(name, roles))
    }

    /// Removes a user.
    ///
    /// # Errors
    ///
    /// The server's refusal, or that no server answered.
    pub fn delete_user(&self, name: &str) -> Result<(), Error> {
        self.pump.run(self.inner.delete_user(name))
    }

    /// All roles.
    ///
    /// # Errors
    ///
    /// The server's refusal, or that no server answered.
    pub fn roles(&self) -> Result<Vec<UserRole>, Error> {
        self.pump.run(self.inner.roles())
    }

    /// One role.
    ///
    /// # Errors
    ///
    /// The server's refusal, or that no server answered.
    pub fn role(&self, name: &str) -> Result<Role, Error> {
        self.pump.run(self.inner.role(name))
    }

    /// Makes a role, or changes one: whatever the request says.
    ///
    /// # Errors
    ///
    /// The server's refusal, or that no server answered.
    pub fn put_role(&self, request: RolePut) -> Result<Role, Error> {
        self.pump.run(self.inner.put_role(request))
    }

    /// Removes a role.
    ///
    /// # Errors
    ///
    /// The server's refusal, or that no server answered.
    pub fn delete_role(&self, name: &str) -> Result<(), Error> {
        self.pump.run(self.inner.delete_role(name))
    }
}
