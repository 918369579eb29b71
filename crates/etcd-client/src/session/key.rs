//! Keys, as a session gives them.

use std::fmt;

use bytes::Bytes;
use etcd_proto::plain::Lossless;
use etcd_proto::tree::{InvalidPath, Path};

/// The whole path of a key or directory, with its leading slash.
///
/// Over v2 it is text always; over v3 it may be any bytes, as others may have written them. It
/// compares with texts, and goes back into every call, which cleans it as any path: a key that others
/// wrote with a doubled slash, or one at its end, is not reached by it. As text, bytes that are none
/// are shown as `\xNN`.
///
/// ```
/// # async fn example(session: etcd_client::Session) -> Result<(), etcd_client::Error> {
/// for found in session.list("/config").await? {
///     if found.key != "/config/name" && !found.directory {
///         session.delete(&found.key).await?;
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Bytes);

impl Key {
    /// The root directory, `/`.
    const ROOT: &[u8] = b"/";

    /// The path that a caller means, as calls read it: with one leading slash, none at the end and
    /// none doubled.
    ///
    /// # Errors
    ///
    /// Where a segment is `.` or `..`, as a v2 server would resolve them.
    pub fn parse(given: &[u8]) -> Result<Self, InvalidPath> {
        let mut path = Vec::with_capacity(given.len() + 1);
        for segment in given.split(|&byte| byte == b'/').filter(|segment| !segment.is_empty()) {
            if matches!(segment, b"." | b"..") {
                let [path, segment] = [given, segment].map(|bytes| Lossless(bytes).to_string());
                return Err(InvalidPath { path, segment });
            }
            path.push(b'/');
            path.extend_from_slice(segment);
        }
        Ok(Self(if path.is_empty() { Bytes::from_static(Self::ROOT) } else { path.into() }))
    }

    /// A key as the store has it.
    pub(super) fn stored(key: impl Into<Bytes>) -> Self {
        Self(key.into())
    }

    /// A path of v2.
    pub(super) fn of(path: &Path) -> Self {
        Self::stored(path.as_str().to_owned())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text; nothing where it is none.
    pub fn to_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// How many bytes it has; never none.
    #[expect(clippy::len_without_is_empty, reason = "a path has its slash at least")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn bytes(&self) -> Bytes {
        self.0.clone()
    }

    pub(super) fn is_root(&self) -> bool {
        self.0 == Self::ROOT
    }

    /// The last segment; empty for the root.
    pub(super) fn name(&self) -> &[u8] {
        self.0.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Lossless(&self.0).fmt(f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_str() {
            Some(text) => fmt::Debug::fmt(text, f),
            None => write!(f, "\"{}\"", self.0.escape_ascii()),
        }
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Key> for Bytes {
    fn from(key: Key) -> Self {
        key.0
    }
}

impl PartialEq<str> for Key {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Key {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl PartialEq<String> for Key {
    fn eq(&self, other: &String) -> bool {
        *self == **other
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_that_are_no_text_stay_what_they_are() {
        let key = Key::parse(b"a//\xff\n/").unwrap();
        assert_eq!(key.as_bytes(), b"/a/\xff\n");
        assert_eq!((key.to_str(), key.name()), (None, &b"\xff\n"[..]));
        assert_eq!(format!("{key:?}"), r#""/a/\xff\n""#);
        assert_eq!(format!("{:?}", Key::parse("ä\n".as_bytes()).unwrap()), r#""/ä\n""#);
        let refused = Key::parse(b"\xfe/..").unwrap_err();
        assert_eq!((refused.path.as_str(), refused.segment.as_str()), (r"\xfe/..", ".."));
    }

    proptest! {
        #[test]
        fn texts_are_cleaned_as_paths_are(text in "[/.a]{0,8}") {
            let key = Key::parse(text.as_bytes());
            let path = text.parse::<Path>();
            prop_assert_eq!(key.is_ok(), path.is_ok());
            if let (Ok(key), Ok(path)) = (key, path) {
                prop_assert_eq!(&key, path.as_str());
                prop_assert_eq!(key.is_root(), path.is_root());
                prop_assert_eq!(key.name(), path.name().as_bytes());
            }
        }
    }
}
