//! Removing keys and directories.

use http::Method;

use super::encode::Target;
use super::error::Error;
use super::node::KeyReply;
use super::set::Condition;
use crate::call::{Exchange, HttpVersion, Incoming, Outgoing, Replay};
use crate::error::EncodeError;
use crate::tree::Path;

/// Removes a key, or a directory when told that it is one.
///
/// All parameters go into the query: servers ignore the body of a DELETE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete {
    path: Path,
    directory: bool,
    recursive: bool,
    condition: Condition,
}

impl Delete {
    /// Removes the key at `path`; a directory there is an error.
    pub fn new(path: Path) -> Self {
        Self { path, directory: false, recursive: false, condition: Condition::None }
    }

    /// Removes a directory, which must be empty.
    pub fn directory(self) -> Self {
        Self { directory: true, ..self }
    }

    /// Removes a directory with everything below it.
    pub fn recursive(self) -> Self {
        Self { recursive: true, ..self }
    }

    /// Only when this value stands there: compare-and-delete. It must not be empty.
    pub fn if_value(self, value: impl Into<String>) -> Self {
        Self { condition: Condition::Value(value.into()), ..self }
    }

    /// Only when the last change there has this index: compare-and-delete.
    pub fn if_index(self, index: u64) -> Self {
        Self { condition: Condition::Index(index), ..self }
    }
}

impl Exchange for Delete {
    type Reply = KeyReply;
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    /// Once: a late duplicate could remove a newer key.
    fn replay(&self) -> Replay {
        Replay::Once
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        let mut target = Target::key(&self.path);
        target.flag("dir", self.directory);
        target.flag("recursive", self.recursive);
        for (name, text) in self.condition.parameters()? {
            target.parameter(name, &text);
        }
        target.bare(Method::DELETE)
    }

    fn decode(&self, reply: Incoming) -> Result<KeyReply, Error> {
        KeyReply::decode(&reply)
    }
}
