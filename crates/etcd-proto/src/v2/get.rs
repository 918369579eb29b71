//! Reading a key or a directory.

use http::{Method, StatusCode};

use super::encode::Target;
use super::error::{Error, ErrorCode, KeyError};
use super::headers::Headers;
use super::node::KeyReply;
use super::reply;
use crate::call::{Exchange, HttpVersion, Incoming, Outgoing, Replay};
use crate::error::EncodeError;
use crate::tree::Path;

/// Reads a key, or lists a directory.
///
/// The read is linearizable (`quorum=true`) unless [`serializable`](Self::serializable) is asked
/// for. Servers before 0.4 do not know `quorum` and answer from the member that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Get {
    path: Path,
    recursive: bool,
    sorted: bool,
    quorum: bool,
    consistent: bool,
}

impl Get {
    /// Reads what stands at `path`.
    pub fn new(path: Path) -> Self {
        Self { path, recursive: false, sorted: false, quorum: true, consistent: false }
    }

    /// Lists everything below a directory, not only what it holds itself.
    pub fn recursive(self) -> Self {
        Self { recursive: true, ..self }
    }

    /// Asks the server to sort listings by name; see [`Node::sort`](super::Node::sort).
    pub fn sorted(self) -> Self {
        Self { sorted: true, ..self }
    }

    /// Takes the answer of whichever member is asked, which may be old.
    pub fn serializable(self) -> Self {
        Self { quorum: false, ..self }
    }

    /// Has a follower of 0.x send the request on to the leader (`consistent=true`).
    pub fn consistent(self) -> Self {
        Self { consistent: true, ..self }
    }

    fn target(&self) -> Target {
        let mut target = Target::key(&self.path);
        target.flag("recursive", self.recursive);
        target.flag("sorted", self.sorted);
        target.flag("quorum", self.quorum);
        target.flag("consistent", self.consistent);
        target
    }
}

impl Exchange for Get {
    type Reply = KeyReply;
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        self.target().bare(Method::GET)
    }

    fn decode(&self, reply: Incoming) -> Result<KeyReply, Error> {
        KeyReply::decode(&reply)
    }
}

/// Reads only the headers of what [`Get`] would answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head(Get);

impl Head {
    /// Asks whether something stands at `path`, and for the store's index.
    pub fn new(path: Path) -> Self {
        Self(Get::new(path))
    }
}

impl Exchange for Head {
    type Reply = Headers;
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        self.0.target().bare(Method::HEAD)
    }

    /// A reply without a body says only by its status that there is no such key.
    fn decode(&self, reply: Incoming) -> Result<Headers, Error> {
        let headers = Headers::read(&reply.headers);
        if reply.status == StatusCode::NOT_FOUND && headers.etcd_index.is_some() {
            return Err(Error::Key(KeyError {
                status: reply.status,
                code: ErrorCode::KEY_NOT_FOUND,
                message: "Key not found".to_owned(),
                cause: self.0.path.to_string(),
                index: headers.etcd_index.unwrap_or_default(),
            }));
        }
        reply::nothing(&reply)?;
        Ok(headers)
    }
}
