//! What can be done with each message.

use bytes::Bytes;
use etcd_proto::v3::Message;
use serde_json::Value;

use super::describe::Describe;

/// An enumeration's name on the wire, and what a number is called.
pub(crate) type Enum = (&'static str, fn(i32) -> String);

/// A message.
pub(crate) struct Row {
    package: &'static str,
    message: &'static str,
    read: fn(Bytes) -> Option<Read>,
}

/// What was read from bytes, and how it is written again.
#[derive(Debug, PartialEq)]
pub(crate) struct Read {
    pub(crate) told: Value,
    pub(crate) written: Vec<u8>,
}

impl Row {
    pub(crate) const fn of<M: Message + Default + Describe>(
        package: &'static str,
        message: &'static str,
    ) -> Self {
        let read = |bytes| {
            let message = M::decode(bytes).ok()?;
            Some(Read { told: message.describe(), written: message.encode_to_vec() })
        };
        Self { package, message, read }
    }

    /// The message's name on the wire.
    pub(crate) fn name(&self) -> String {
        format!("{}.{}", self.package, self.message.replace("HashKv", "HashKV"))
    }

    pub(crate) fn read(&self, bytes: impl Into<Bytes>) -> Option<Read> {
        (self.read)(bytes.into())
    }
}
