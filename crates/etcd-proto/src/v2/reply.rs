//! What all v2 replies have in common: a status that tells success, then JSON, text or nothing.

use http::StatusCode;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};

use super::error::{Error, unreadable};
use crate::call::Incoming;

/// A successful reply's body as JSON.
pub(super) fn json<T: DeserializeOwned>(
    message: &'static str,
    reply: &Incoming,
) -> Result<T, Error> {
    read(message, reply, |text| serde_json::from_str(text))
}

/// A successful reply's body as this reads it.
pub(super) fn read<T>(
    message: &'static str,
    reply: &Incoming,
    read: impl FnOnce(&str) -> Result<T, serde_json::Error>,
) -> Result<T, Error> {
    success(reply)?;
    // Checked once as a whole, UTF-8 costs less than string by string.
    let text = std::str::from_utf8(&reply.body)
        .map_err(|error| Error::unreadable(message, reply, error))?;
    read(text).map_err(|error| Error::unreadable(message, reply, error))
}

/// A successful reply's body as text, as it is.
pub(super) fn text(message: &'static str, reply: &Incoming) -> Result<String, Error> {
    success(reply)?;
    match std::str::from_utf8(&reply.body) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(Error::unreadable(message, reply, error)),
    }
}

/// A successful reply whose body does not matter.
pub(super) fn nothing(reply: &Incoming) -> Result<(), Error> {
    success(reply)
}

fn success(reply: &Incoming) -> Result<(), Error> {
    match reply.status {
        StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT => Ok(()),
        _ => Err(Error::from_reply(reply)),
    }
}

/// Go writes an empty list as `null`.
pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Error {
    pub(super) fn unreadable(
        message: &'static str,
        reply: &Incoming,
        why: impl std::fmt::Display,
    ) -> Self {
        let from_etcd = reply.headers.contains_key("x-etcd-index");
        Self::Unreadable { from_etcd, error: unreadable(message, why, &reply.body) }
    }
}
