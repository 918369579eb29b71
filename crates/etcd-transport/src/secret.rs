//! Texts that are not shown, and are wiped where they were held.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

/// A password or a token: `Debug` does not show it, and its memory is wiped when the last clone is
/// dropped.
///
/// What it is copied to is not: a request that bears it lies in the buffers of its connection until
/// they are used again.
///
/// ```
/// let secret = etcd_transport::Secret::new("correct-horse");
/// assert_eq!(format!("{secret:?}"), "Secret(…)");
/// assert_eq!(secret.expose(), "correct-horse");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Takes a text; a `String` is taken as it is, without a copy.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(text.into())))
    }

    /// The text itself, for whoever has to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The value of a header, marked as sensitive, which shares the memory of the secret; nothing
    /// where a byte cannot be in a header.
    pub fn header(&self) -> Option<HeaderValue> {
        let shared = Bytes::from_owner(Owned(self.clone()));
        let mut value = HeaderValue::from_maybe_shared(shared).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&String> for Secret {
    fn from(text: &String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

struct Owned(Secret);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_the_text_and_is_not_shown() {
        let secret = Secret::new("canary");
        let header = secret.header().unwrap();
        assert_eq!(header, "canary");
        assert!(!format!("{header:?} {secret:?} {secret:#?}").contains("canary"));
        assert!(Secret::new("a\r\nb: c").header().is_none());
    }
}
