//! Paths of keys: what `foo`, `/foo` and `foo/` have in common.

use std::fmt;
use std::str::FromStr;

/// The path of a key or directory: `/`, or `/` and segments joined by `/`.
///
/// A leading slash may be left out when parsing, a trailing one is dropped and doubled ones count
/// as one, as etcd's v2 servers clean a path too. `.` and `..` are refused: a server would resolve
/// them, and answer for a key that was not named.
///
/// ```
/// use etcd_proto::tree::Path;
///
/// let path: Path = "config//name/".parse()?;
/// assert_eq!(path.as_str(), "/config/name");
/// assert_eq!(path.name(), "name");
/// assert!("../secret".parse::<Path>().is_err());
/// # Ok::<(), etcd_proto::tree::InvalidPath>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(String);

impl Path {
    /// The root directory, `/`.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// The path with its leading slash and without a trailing one.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `/`.
    pub fn is_root(&self) -> bool {
        self.0 == "/"
    }

    /// The last segment; empty for the root.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The directory that holds this; nothing for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.rfind('/').unwrap_or(0).max(1);
        Some(Self(self.0[..end].to_owned()))
    }

    /// The segments from the root down.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|segment| !segment.is_empty())
    }

    /// This path with more segments behind it.
    ///
    /// # Errors
    ///
    /// When `rest` holds `.` or `..` as a segment.
    pub fn join(&self, rest: &str) -> Result<Self, InvalidPath> {
        format!("{}/{rest}", self.0).parse()
    }

    /// Whether this is `directory` or below it.
    pub fn is_within(&self, directory: &Self) -> bool {
        match self.0.strip_prefix(directory.as_str()) {
            Some(rest) => directory.is_root() || rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }

    /// Whether any segment starts with `_`: v2 servers leave such nodes out of listings and of
    /// watches on a parent.
    pub fn is_hidden(&self) -> bool {
        self.segments().any(|segment| segment.starts_with('_'))
    }
}

impl FromStr for Path {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let mut path = String::with_capacity(text.len() + 1);
        for segment in text.split('/').filter(|segment| !segment.is_empty()) {
            if segment == "." || segment == ".." {
                return Err(InvalidPath { path: text.to_owned(), segment: segment.to_owned() });
            }
            path.push('/');
            path.push_str(segment);
        }
        if path.is_empty() {
            path.push('/');
        }
        Ok(Self(path))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Path {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A text that is no path of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{path:?} is not a key: a server would resolve the segment {segment:?}; name the key itself"
)]
pub struct InvalidPath {
    /// The text as given.
    pub path: String,
    /// The segment at fault.
    pub segment: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> Path {
        text.parse().unwrap()
    }

    #[test]
    fn slashes_are_cleaned() {
        for (text, clean) in
            [("foo", "/foo"), ("/foo", "/foo"), ("foo/", "/foo"), ("//a///b", "/a/b"), ("", "/")]
        {
            assert_eq!(path(text).as_str(), clean);
        }
    }

    #[test]
    fn dots_are_refused_as_segments_only() {
        for bad in ["..", "a/..", "../a", ".", "/a/./b"] {
            assert_eq!(bad.parse::<Path>().unwrap_err().path, bad);
        }
        assert_eq!(path("a..b/...").as_str(), "/a..b/...");
    }

    #[test]
    fn parents_and_containment() {
        assert_eq!(path("/a/b").parent(), Some(path("/a")));
        assert_eq!(path("/a").parent(), Some(Path::root()));
        assert_eq!(Path::root().parent(), None);
        assert!(path("/a/b").is_within(&path("/a")));
        assert!(path("/a").is_within(&path("/a")));
        assert!(path("/a").is_within(&Path::root()));
        assert!(!path("/ab").is_within(&path("/a")));
        assert!(path("/a/_b/c").is_hidden() && !path("/a_/b").is_hidden());
    }

    proptest! {
        #[test]
        fn parsing_is_idempotent(text in "\\PC*") {
            if let Ok(path) = text.parse::<Path>() {
                prop_assert_eq!(path.as_str().parse::<Path>().unwrap(), path);
            }
        }
    }
}
