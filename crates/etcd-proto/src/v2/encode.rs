//! Targets and forms, percent-encoded.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::call::{MAX_TARGET, Outgoing};
use crate::error::EncodeError;
use crate::tree::Path;

/// All but the unreserved characters of RFC 3986.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same with slashes left standing.
const PATH: &AsciiSet = &COMPONENT.remove(b'/');

/// A target that grows: path, then parameters.
pub(super) struct Target {
    text: String,
    has_query: bool,
}

impl Target {
    pub(super) fn new(path: &str) -> Self {
        Self { text: path.to_owned(), has_query: false }
    }

    /// `/v2/keys` and a key's path.
    pub(super) fn key(path: &Path) -> Self {
        Self::below("/v2/keys", path)
    }

    /// A fixed prefix and a path below it.
    pub(super) fn below(prefix: &str, path: &Path) -> Self {
        let mut text = String::with_capacity(prefix.len() + path.as_str().len() + 32);
        text.push_str(prefix);
        text.extend(utf8_percent_encode(path.as_str(), PATH));
        Self { text, has_query: false }
    }

    /// A fixed prefix, a slash and a name.
    ///
    /// Servers resolve a path after decoding it, so that `../enable` would name another resource.
    pub(super) fn name(prefix: &str, name: &str) -> Result<Self, EncodeError> {
        if matches!(name, "" | "." | "..") || name.contains('/') {
            let reason =
                format!("{name:?} cannot name anything: it is empty, dots, or has a slash");
            return Err(EncodeError::new("name", reason));
        }
        let text = format!("{prefix}/{}", utf8_percent_encode(name, COMPONENT));
        Ok(Self { text, has_query: false })
    }

    pub(super) fn parameter(&mut self, name: &str, value: &str) {
        self.text.push(if self.has_query { '&' } else { '?' });
        self.has_query = true;
        push_pair(&mut self.text, name, value);
    }

    pub(super) fn flag(&mut self, name: &str, on: bool) {
        if on {
            self.parameter(name, "true");
        }
    }

    pub(super) fn bare(self, method: Method) -> Result<Outgoing, EncodeError> {
        self.finish(method, HeaderMap::new(), Bytes::new())
    }

    pub(super) fn form(self, method: Method, form: Form) -> Result<Outgoing, EncodeError> {
        // With room for what the carrier adds.
        let mut headers = HeaderMap::with_capacity(4);
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, kind);
        self.finish(method, headers, form.0.into())
    }

    pub(super) fn json(
        self,
        method: Method,
        body: &impl Serialize,
    ) -> Result<Outgoing, EncodeError> {
        let body = serde_json::to_vec(body)
            .map_err(|error| EncodeError::new("body", error.to_string()))?;
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.finish(method, headers, body.into())
    }

    fn finish(
        self,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Outgoing, EncodeError> {
        let length = self.text.len();
        if length > MAX_TARGET {
            let reason =
                format!("{length} bytes long when encoded; at most {MAX_TARGET} can be sent");
            return Err(EncodeError::new("key", reason));
        }
        let target = PathAndQuery::from_maybe_shared(Bytes::from(self.text))
            .map_err(|error| EncodeError::new("key", error.to_string()))?;
        Ok(Outgoing { method, target, headers, body })
    }
}

/// A form body that grows.
#[derive(Default)]
pub(super) struct Form(String);

impl Form {
    pub(super) fn field(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.reserve(name.len() + value.len() + 1);
        push_pair(&mut self.0, name, value);
    }

    pub(super) fn flag(&mut self, name: &str, on: bool) {
        if on {
            self.field(name, "true");
        }
    }
}

fn push_pair(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push('=');
    push_encoded(text, value, COMPONENT);
}

/// Most keys and values need no encoding, and looking is cheaper than encoding piece by piece.
fn push_encoded(text: &mut String, plain: &str, set: &'static AsciiSet) {
    // To the end in any case: without a way out of the loop, many bytes are looked at at once.
    match plain.bytes().fold(true, |plain, b| plain & b.is_ascii_alphanumeric()) {
        true => text.push_str(plain),
        false => text.extend(utf8_percent_encode(plain, set)),
    }
}
