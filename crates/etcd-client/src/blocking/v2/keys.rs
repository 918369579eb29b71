//! Reading and writing keys.

use etcd_proto::v2::{KeyReply, Node};

use super::Client;
use crate::{Error, Ttl};

impl Client {
    /// Reads a key or directory, linearizably. A directory comes with what it holds itself.
    ///
    /// # Errors
    ///
    /// [`KeyNotFound`](crate::ErrorKind::KeyNotFound) where nothing stands there.
    pub fn get(&self, key: &str) -> Result<Node, Error> {
        self.pump.run(self.inner.get(key))
    }

    /// Like [`get`](Self::get), with nothing where nothing stands.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn get_opt(&self, key: &str) -> Result<Option<Node>, Error> {
        self.pump.run(self.inner.get_opt(key))
    }

    /// Reads what the member that answers has, which may be old.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    pub fn get_serializable(&self, key: &str) -> Result<Node, Error> {
        self.pump.run(self.inner.get_serializable(key))
    }

    /// Lists a directory: what it holds itself, sorted, in-order keys as numbers.
    ///
    /// # Errors
    ///
    /// [`NotADirectory`](crate::ErrorKind::NotADirectory) where a value stands, and as for
    /// [`get`](Self::get).
    pub fn list(&self, directory: &str) -> Result<Vec<Node>, Error> {
        self.pump.run(self.inner.list(directory))
    }

    /// Lists a directory with everything below it, sorted.
    ///
    /// # Errors
    ///
    /// As for [`list`](Self::list).
    pub fn list_recursive(&self, directory: &str) -> Result<Vec<Node>, Error> {
        self.pump.run(self.inner.list_recursive(directory))
    }

    /// Writes a value, whatever stood there, and answers with the node.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); the outcome may be unknown.
    pub fn set(&self, key: &str, value: &str) -> Result<Node, Error> {
        self.pump.run(self.inner.set(key, value))
    }

    /// Like [`set`](Self::set), for a time.
    ///
    /// # Errors
    ///
    /// As for [`set`](Self::set).
    pub fn set_with_ttl(&self, key: &str, value: &str, ttl: Ttl) -> Result<Node, Error> {
        self.pump.run(self.inner.set_with_ttl(key, value, ttl))
    }

    /// Writes a value where nothing stands.
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) where something does.
    pub fn create(&self, key: &str, value: &str) -> Result<Node, Error> {
        self.pump.run(self.inner.create(key, value))
    }

    /// Writes a value where something stands. A time to live that was there is taken away.
    ///
    /// # Errors
    ///
    /// [`KeyNotFound`](crate::ErrorKind::KeyNotFound) where nothing stands.
    pub fn update(&self, key: &str, value: &str) -> Result<Node, Error> {
        self.pump.run(self.inner.update(key, value))
    }

    /// Writes a value where the last change has this index. Safer than by value: a value may
    /// have come back.
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) where it has another.
    pub fn compare_and_swap(&self, key: &str, index: u64, value: &str) -> Result<Node, Error> {
        self.pump.run(self.inner.compare_and_swap(key, index, value))
    }

    /// Writes a value where this value stands, also an empty one: servers cannot compare with
    /// that, so its index is read and compared.
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) where another stands.
    pub fn compare_value_and_swap(
        &self,
        key: &str,
        previous: &str,
        value: &str,
    ) -> Result<Node, Error> {
        self.pump.run(self.inner.compare_value_and_swap(key, previous, value))
    }

    /// Gives a key another time to live and keeps its value; watchers hear nothing.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](crate::ErrorKind::Unsupported) before 2.3, whose servers would wipe the value: it
    /// is not sent to them. [`KeyNotFound`](crate::ErrorKind::KeyNotFound) where nothing stands.
    pub fn refresh(&self, key: &str, ttl: Ttl) -> Result<Node, Error> {
        self.pump.run(self.inner.refresh(key, ttl))
    }

    /// Makes a key in a directory under the next number as its name.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); after an unknown outcome a repeat may make a second key.
    pub fn create_in_order(&self, directory: &str, value: &str) -> Result<Node, Error> {
        self.pump.run(self.inner.create_in_order(directory, value))
    }

    /// Makes a directory where nothing stands.
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) where something does.
    pub fn create_directory(&self, directory: &str) -> Result<Node, Error> {
        self.pump.run(self.inner.create_directory(directory))
    }

    /// Removes a key; answers with the reply, whose `previous` is what stood there.
    ///
    /// # Errors
    ///
    /// [`KeyNotFound`](crate::ErrorKind::KeyNotFound) where nothing stands,
    /// [`IsDirectory`](crate::ErrorKind::IsDirectory) where a directory does.
    pub fn delete(&self, key: &str) -> Result<KeyReply, Error> {
        self.pump.run(self.inner.delete(key))
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    ///
    /// [`DirectoryNotEmpty`](crate::ErrorKind::DirectoryNotEmpty) where it is not.
    pub fn delete_directory(&self, directory: &str) -> Result<KeyReply, Error> {
        self.pump.run(self.inner.delete_directory(directory))
    }

    /// Removes a directory with everything below it, or a key.
    ///
    /// # Errors
    ///
    /// [`KeyNotFound`](crate::ErrorKind::KeyNotFound) where nothing stands.
    pub fn delete_recursive(&self, path: &str) -> Result<KeyReply, Error> {
        self.pump.run(self.inner.delete_recursive(path))
    }

    /// Removes a key where the last change has this index.
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) where it has another.
    pub fn compare_and_delete(&self, key: &str, index: u64) -> Result<KeyReply, Error> {
        self.pump.run(self.inner.compare_and_delete(key, index))
    }

    /// Removes a key where this value stands; it must not be empty.
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) where another stands.
    pub fn compare_value_and_delete(&self, key: &str, value: &str) -> Result<KeyReply, Error> {
        self.pump.run(self.inner.compare_value_and_delete(key, value))
    }
}
