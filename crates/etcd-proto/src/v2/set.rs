//! Writing a key: set, create, update, compare-and-swap, and refreshing a time to live.

use http::Method;

use super::encode::{Form, Target};
use super::error::Error;
use super::node::KeyReply;
use crate::call::{Exchange, HttpVersion, Incoming, Outgoing, Replay};
use crate::error::EncodeError;
use crate::ids::Ttl;
use crate::tree::Path;

/// What must hold for a write or a removal to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// Nothing: whatever is there is replaced.
    #[default]
    None,
    /// Nothing stands at the key.
    Absent,
    /// Something stands at the key.
    Present,
    /// This value stands at the key. No v2 server takes an empty one: compare the index instead.
    Value(String),
    /// The last change to the key has this index. Zero is refused: servers take it for no condition.
    Index(u64),
    /// Both the value and the index are these.
    ValueAndIndex(String, u64),
}

impl Condition {
    /// The parameters that say it, as names and texts.
    pub(super) fn parameters(&self) -> Result<Vec<(&'static str, String)>, EncodeError> {
        let (value, index) = match self {
            Self::None => return Ok(Vec::new()),
            Self::Absent => return Ok(vec![("prevExist", "false".to_owned())]),
            Self::Present => return Ok(vec![("prevExist", "true".to_owned())]),
            Self::Value(value) => (Some(value), None),
            Self::Index(index) => (None, Some(index)),
            Self::ValueAndIndex(value, index) => (Some(value), Some(index)),
        };
        if value.is_some_and(String::is_empty) {
            let reason = "v2 servers cannot compare with an empty value; compare the index instead";
            return Err(EncodeError::new("previous value", reason));
        }
        if let Some(&index) = index {
            comparable(index)?;
        }
        let value = value.map(|value| ("prevValue", value.clone()));
        Ok(value.into_iter().chain(index.map(|index| ("prevIndex", index.to_string()))).collect())
    }
}

/// Servers read `prevIndex=0` as no condition, and would write or remove whatever is there.
fn comparable(index: u64) -> Result<(), EncodeError> {
    match index {
        0 => Err(EncodeError::new("previous index", "0 is no index of a change; they begin at 1")),
        _ => Ok(()),
    }
}

/// Writes a value or makes a directory.
///
/// A write without a time to live takes away the one that was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    path: Path,
    value: Option<String>,
    ttl: Option<Ttl>,
    condition: Condition,
    no_value_on_success: bool,
}

impl Set {
    /// Writes `value` at `path`.
    pub fn new(path: Path, value: impl Into<String>) -> Self {
        Self::with(path, Some(value.into()))
    }

    /// Makes a directory at `path`; with [`if_present`](Self::if_present), changes its time to live.
    ///
    /// The latter wipes the value where a key stands and no directory: servers do not look.
    pub fn directory(path: Path) -> Self {
        Self::with(path, None)
    }

    fn with(path: Path, value: Option<String>) -> Self {
        Self { path, value, ttl: None, condition: Condition::None, no_value_on_success: false }
    }

    /// Has the server remove the key after this time.
    pub fn ttl(self, ttl: impl Into<Option<Ttl>>) -> Self {
        Self { ttl: ttl.into(), ..self }
    }

    /// Only when the condition holds; it replaces one given before.
    pub fn condition(self, condition: Condition) -> Self {
        Self { condition, ..self }
    }

    /// Only when nothing stands there: create.
    pub fn if_absent(self) -> Self {
        self.condition(Condition::Absent)
    }

    /// Only when something stands there: update.
    pub fn if_present(self) -> Self {
        self.condition(Condition::Present)
    }

    /// Only when this value stands there: compare-and-swap. It must not be empty.
    pub fn if_value(self, value: impl Into<String>) -> Self {
        self.condition(Condition::Value(value.into()))
    }

    /// Only when the last change there has this index: compare-and-swap.
    pub fn if_index(self, index: u64) -> Self {
        self.condition(Condition::Index(index))
    }

    /// Asks for a reply without nodes. Servers before 3.1 answer with the node all the same.
    pub fn no_value_on_success(self) -> Self {
        Self { no_value_on_success: true, ..self }
    }
}

impl Exchange for Set {
    type Reply = KeyReply;
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    /// Once: a late duplicate could bury a newer value.
    fn replay(&self) -> Replay {
        Replay::Once
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        let mut form = Form::default();
        match &self.value {
            Some(value) => form.field("value", value),
            None => form.flag("dir", true),
        }
        if let Some(ttl) = self.ttl {
            form.field("ttl", &ttl.to_string());
        }
        for (name, text) in self.condition.parameters()? {
            form.field(name, &text);
        }
        form.flag("noValueOnSuccess", self.no_value_on_success);
        Target::key(&self.path).form(Method::PUT, form)
    }

    fn decode(&self, reply: Incoming) -> Result<KeyReply, Error> {
        KeyReply::decode(&reply)
    }
}

/// Gives a key or directory a new time to live and keeps its value; watchers hear nothing.
///
/// Needs [`Feature::Refresh`](super::Feature::Refresh): a server before 2.3 ignores the word and
/// **wipes the value**. Whoever sends this must know the server's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    path: Path,
    ttl: Ttl,
    directory: bool,
    index: Option<u64>,
}

impl Refresh {
    /// Gives what stands at `path` this time to live, from now.
    pub fn new(path: Path, ttl: Ttl) -> Self {
        Self { path, ttl, directory: false, index: None }
    }

    /// Says that a directory stands there.
    pub fn directory(self) -> Self {
        Self { directory: true, ..self }
    }

    /// Only when the last change there has this index.
    pub fn if_index(self, index: u64) -> Self {
        Self { index: Some(index), ..self }
    }
}

impl Exchange for Refresh {
    type Reply = KeyReply;
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    fn replay(&self) -> Replay {
        Replay::Once
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        let mut form = Form::default();
        form.field("ttl", &self.ttl.to_string());
        form.flag("refresh", true);
        form.flag("prevExist", true);
        form.flag("dir", self.directory);
        if let Some(index) = self.index {
            comparable(index)?;
            form.field("prevIndex", &index.to_string());
        }
        Target::key(&self.path).form(Method::PUT, form)
    }

    fn decode(&self, reply: Incoming) -> Result<KeyReply, Error> {
        KeyReply::decode(&reply)
    }
}
