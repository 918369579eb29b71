//! What the tests share: the captured exchanges, and a reader of requests that is not ours.

// Each test file uses its share, and a helper of a test fails as the test does.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod captured;
pub(crate) mod every;
pub(crate) mod wire;

use etcd_proto::tree::Path;

/// A path that is known to be one.
pub(crate) fn key(text: &str) -> Path {
    text.parse().unwrap()
}
