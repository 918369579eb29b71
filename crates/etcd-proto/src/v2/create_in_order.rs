//! Keys whose names are given by the server, in the order they are made.

use http::Method;

use super::encode::{Form, Target};
use super::error::Error;
use super::node::KeyReply;
use crate::call::{Exchange, HttpVersion, Incoming, Outgoing, Replay};
use crate::error::EncodeError;
use crate::ids::Ttl;
use crate::tree::Path;

/// Makes a key in a directory under a name that the server gives: the index of the change.
///
/// The name has 20 digits since 2.2 and is not padded before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateInOrder {
    directory: Path,
    value: String,
    ttl: Option<Ttl>,
}

impl CreateInOrder {
    /// Makes a key with this value in `directory`, which need not be there yet.
    pub fn new(directory: Path, value: impl Into<String>) -> Self {
        Self { directory, value: value.into(), ttl: None }
    }

    /// Has the server remove the key after this time.
    pub fn ttl(self, ttl: impl Into<Option<Ttl>>) -> Self {
        Self { ttl: ttl.into(), ..self }
    }
}

impl Exchange for CreateInOrder {
    type Reply = KeyReply;
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    /// Once: a repeat makes a second key.
    fn replay(&self) -> Replay {
        Replay::Once
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        let mut form = Form::default();
        form.field("value", &self.value);
        if let Some(ttl) = self.ttl {
            form.field("ttl", &ttl.to_string());
        }
        Target::key(&self.directory).form(Method::POST, form)
    }

    fn decode(&self, reply: Incoming) -> Result<KeyReply, Error> {
        KeyReply::decode(&reply)
    }
}
