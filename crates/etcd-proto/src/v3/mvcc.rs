//! Keys with their values, and changes of them.

use std::str::Utf8Error;

use bytes::Bytes;

use super::open_enum::open_enum;
use crate::ids::LeaseId;

/// A key, its value, and where both come from.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct KeyValue {
    /// The key, never empty.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The revision in which the key was created; zero in the event of a removal.
    #[prost(int64, tag = "2")]
    pub create_revision: i64,
    /// The revision of the last change to the key.
    #[prost(int64, tag = "3")]
    pub mod_revision: i64,
    /// How many changes there were since the key was created; zero in the event of a removal.
    #[prost(int64, tag = "4")]
    pub version: i64,
    /// The value; empty also when only keys were asked for.
    #[prost(bytes = "bytes", tag = "5")]
    pub value: Bytes,
    /// The lease that the key goes with; zero for none.
    #[prost(int64, tag = "6")]
    pub lease: i64,
}

impl KeyValue {
    /// The key as text.
    ///
    /// # Errors
    ///
    /// When the key is no UTF-8.
    pub fn key_str(&self) -> Result<&str, Utf8Error> {
        std::str::from_utf8(&self.key)
    }

    /// The value as text.
    ///
    /// # Errors
    ///
    /// When the value is no UTF-8.
    pub fn value_str(&self) -> Result<&str, Utf8Error> {
        std::str::from_utf8(&self.value)
    }

    /// Whether the last change created the key.
    pub fn is_created(&self) -> bool {
        self.create_revision == self.mod_revision
    }

    /// The lease that the key goes with.
    pub fn lease_id(&self) -> Option<LeaseId> {
        (self.lease != 0).then_some(LeaseId(self.lease))
    }
}

/// One change of one key.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Event {
    /// What was done, as a number; see [`event_type`](Self::event_type).
    #[prost(int32, tag = "1")]
    pub event_type: i32,
    /// The key after the change. A removal has the key and its revision in it, and nothing else.
    #[prost(message, optional, tag = "2")]
    pub kv: Option<KeyValue>,
    /// The key before the change, when that was asked for and is not compacted away.
    #[prost(message, optional, tag = "3")]
    pub prev_kv: Option<KeyValue>,
}

impl Event {
    /// What was done.
    pub fn event_type(&self) -> EventType {
        EventType(self.event_type)
    }

    /// Whether this put a value.
    pub fn is_put(&self) -> bool {
        self.event_type() == EventType::PUT
    }

    /// Whether this removed the key, by request or because its lease ended.
    pub fn is_delete(&self) -> bool {
        self.event_type() == EventType::DELETE
    }

    /// Whether this created the key.
    pub fn is_create(&self) -> bool {
        self.is_put() && self.kv.as_ref().is_some_and(KeyValue::is_created)
    }
}

open_enum! {
    /// What an event did.
    EventType {
        /// It put a value.
        PUT = 0,
        /// It removed the key.
        DELETE = 1,
    }
}
