//! Reading and writing keys.

use etcd_proto::tree::Path;
use etcd_proto::v2::{CreateInOrder, Delete, Feature, Get, KeyReply, Node, Refresh, Set};

use super::Client;
use crate::Ttl;
use crate::error::{Error, ErrorKind};

impl Client {
    /// Reads a key or directory, linearizably. A directory comes with what it holds itself.
    ///
    /// Servers of 0.2 and 0.3 cannot: there, once the version is known, the leader is asked, whose
    /// answer is old only while it has been replaced and does not know it yet.
    ///
    /// # Errors
    ///
    /// [`KeyNotFound`](ErrorKind::KeyNotFound) where nothing stands there.
    pub async fn get(&self, key: &str) -> Result<Node, Error> {
        node(self.send(&self.latest(Get::new(key.parse()?))).await?)
    }

    /// Like [`get`](Self::get), with nothing where nothing stands.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub async fn get_opt(&self, key: &str) -> Result<Option<Node>, Error> {
        match self.get(key).await {
            Ok(node) => Ok(Some(node)),
            Err(error) if error.is_key_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads what the member that answers has, which may be old.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    pub async fn get_serializable(&self, key: &str) -> Result<Node, Error> {
        node(self.send(&Get::new(key.parse()?).serializable()).await?)
    }

    /// Lists a directory: what it holds itself, sorted, in-order keys as numbers.
    ///
    /// # Errors
    ///
    /// [`NotADirectory`](ErrorKind::NotADirectory) where a value stands, and as for
    /// [`get`](Self::get).
    pub async fn list(&self, directory: &str) -> Result<Vec<Node>, Error> {
        children(node(self.send(&self.latest(Get::new(directory.parse()?).sorted())).await?)?)
    }

    /// Lists a directory with everything below it, sorted.
    ///
    /// # Errors
    ///
    /// As for [`list`](Self::list).
    pub async fn list_recursive(&self, directory: &str) -> Result<Vec<Node>, Error> {
        children(node(
            self.send(&self.latest(Get::new(directory.parse()?).recursive().sorted())).await?,
        )?)
    }

    /// The same read of what was written last, as far as the servers can tell.
    pub(super) fn latest(&self, get: Get) -> Get {
        match self.version.get() {
            Some(version) if Feature::Quorum.require(*version).is_err() => get.consistent(),
            _ => get,
        }
    }

    /// Writes a value, whatever stood there, and answers with the node.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); the outcome may be unknown.
    pub async fn set(&self, key: &str, value: &str) -> Result<Node, Error> {
        node(self.send(&Set::new(key.parse()?, value)).await?)
    }

    /// Like [`set`](Self::set), for a time.
    ///
    /// # Errors
    ///
    /// As for [`set`](Self::set).
    pub async fn set_with_ttl(&self, key: &str, value: &str, ttl: Ttl) -> Result<Node, Error> {
        node(self.send(&Set::new(key.parse()?, value).ttl(ttl)).await?)
    }

    /// Writes a value where nothing stands.
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](ErrorKind::PreconditionFailed) where something does.
    pub async fn create(&self, key: &str, value: &str) -> Result<Node, Error> {
        node(self.send(&Set::new(key.parse()?, value).if_absent()).await?)
    }

    /// Writes a value where something stands. A time to live that was there is taken away.
    ///
    /// # Errors
    ///
    /// [`KeyNotFound`](ErrorKind::KeyNotFound) where nothing stands.
    pub async fn update(&self, key: &str, value: &str) -> Result<Node, Error> {
        node(self.send(&Set::new(key.parse()?, value).if_present()).await?)
    }

    /// Writes a value where the last change has this index. Safer than by value: a value may
    /// have come back.
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](ErrorKind::PreconditionFailed) where it has another.
    pub async fn compare_and_swap(
        &self,
        key: &str,
        index: u64,
        value: &str,
    ) -> Result<Node, Error> {
        node(self.send(&Set::new(key.parse()?, value).if_index(index)).await?)
    }

    /// Writes a value where this value stands, also an empty one: servers cannot compare with
    /// that, so its index is read and compared.
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](ErrorKind::PreconditionFailed) where another stands.
    pub async fn compare_value_and_swap(
        &self,
        key: &str,
        previous: &str,
        value: &str,
    ) -> Result<Node, Error> {
        self.swap(&Set::new(key.parse()?, value), key, previous).await
    }

    /// Sends `set` on the condition that `previous` stands at `key`.
    pub(crate) async fn swap(&self, set: &Set, key: &str, previous: &str) -> Result<Node, Error> {
        if !previous.is_empty() {
            return node(self.send(&set.clone().if_value(previous)).await?);
        }
        let present = self.get(key).await?;
        match present.value.as_deref() {
            Some("") => node(self.send(&set.clone().if_index(present.modified_index)).await?),
            Some(_) => {
                let kind = ErrorKind::PreconditionFailed { current: None };
                Err(Error::new(kind, crate::Outcome::NotApplied, "the value is not empty"))
            }
            None => Err(is_directory()),
        }
    }

    /// Gives a key another time to live and keeps its value; watchers hear nothing.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](ErrorKind::Unsupported) before 2.3, whose servers would wipe the value: it
    /// is not sent to them. [`KeyNotFound`](ErrorKind::KeyNotFound) where nothing stands.
    pub async fn refresh(&self, key: &str, ttl: Ttl) -> Result<Node, Error> {
        let path = key.parse()?;
        self.require(Feature::Refresh).await?;
        node(self.send(&Refresh::new(path, ttl)).await?)
    }

    /// Makes a key in a directory under the next number as its name.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); after an unknown outcome a repeat may make a second key.
    pub async fn create_in_order(&self, directory: &str, value: &str) -> Result<Node, Error> {
        node(self.send(&CreateInOrder::new(directory.parse()?, value)).await?)
    }

    /// Makes a directory where nothing stands.
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](ErrorKind::PreconditionFailed) where something does.
    pub async fn create_directory(&self, directory: &str) -> Result<Node, Error> {
        node(self.send(&Set::directory(directory.parse()?).if_absent()).await?)
    }

    /// Removes a key; answers with the reply, whose `previous` is what stood there.
    ///
    /// # Errors
    ///
    /// [`KeyNotFound`](ErrorKind::KeyNotFound) where nothing stands,
    /// [`IsDirectory`](ErrorKind::IsDirectory) where a directory does.
    pub async fn delete(&self, key: &str) -> Result<KeyReply, Error> {
        self.send(&Delete::new(key.parse()?)).await
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    ///
    /// [`DirectoryNotEmpty`](ErrorKind::DirectoryNotEmpty) where it is not.
    pub async fn delete_directory(&self, directory: &str) -> Result<KeyReply, Error> {
        self.send(&Delete::new(directory.parse()?).directory()).await
    }

    /// Removes a directory with everything below it, or a key.
    ///
    /// # Errors
    ///
    /// [`KeyNotFound`](ErrorKind::KeyNotFound) where nothing stands.
    pub async fn delete_recursive(&self, path: &str) -> Result<KeyReply, Error> {
        self.send(&Delete::new(path.parse()?).recursive()).await
    }

    /// Removes a key where the last change has this index.
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](ErrorKind::PreconditionFailed) where it has another.
    pub async fn compare_and_delete(&self, key: &str, index: u64) -> Result<KeyReply, Error> {
        self.send(&Delete::new(key.parse()?).if_index(index)).await
    }

    /// Removes a key where this value stands; it must not be empty.
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](ErrorKind::PreconditionFailed) where another stands.
    pub async fn compare_value_and_delete(
        &self,
        key: &str,
        value: &str,
    ) -> Result<KeyReply, Error> {
        let path: Path = key.parse()?;
        self.send(&Delete::new(path).if_value(value)).await
    }
}

/// The node of a reply to a request that did not ask to leave it out.
pub(crate) fn node(reply: KeyReply) -> Result<Node, Error> {
    reply.node.ok_or_else(|| {
        Error::new(ErrorKind::Refused, crate::Outcome::Applied, "the reply holds no node")
    })
}

fn children(mut node: Node) -> Result<Vec<Node>, Error> {
    if !node.dir {
        let message = format!("a value stands at {:?}, not a directory", node.key);
        return Err(Error::new(ErrorKind::NotADirectory, crate::Outcome::NotApplied, message));
    }
    node.sort();
    Ok(node.nodes)
}

pub(crate) fn is_directory() -> Error {
    let message = "a directory stands there; list it instead";
    Error::new(ErrorKind::IsDirectory, crate::Outcome::NotApplied, message)
}
