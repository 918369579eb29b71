//! Taking a cluster to an older release.

use super::header::{ResponseHeader, with_revision};
use super::open_enum::open_enum;

/// Begins, ends or tries the way to an older release. Since 3.5.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct DowngradeRequest {
    /// What to do, as a number; see [`action`](Self::action).
    #[prost(int32, tag = "1")]
    pub action: i32,
    /// The release to go to, such as `3.5.0`.
    #[prost(string, tag = "2")]
    pub version: String,
}

impl DowngradeRequest {
    /// Asks whether the cluster could go to this release, such as `3.5.0`.
    pub fn validate(version: impl Into<String>) -> Self {
        Self { action: DowngradeAction::VALIDATE.0, version: version.into() }
    }

    /// Lets members of this release, such as `3.5.0`, join.
    pub fn enable(version: impl Into<String>) -> Self {
        Self { action: DowngradeAction::ENABLE.0, version: version.into() }
    }

    /// Ends it; members stay at the release that they have.
    pub fn cancel() -> Self {
        Self { action: DowngradeAction::CANCEL.0, version: String::new() }
    }

    /// What to do.
    pub fn action(&self) -> DowngradeAction {
        DowngradeAction(self.action)
    }
}

open_enum! {
    /// What to do about the way to an older release.
    DowngradeAction {
        /// To ask whether it can be gone.
        VALIDATE = 0,
        /// To begin it.
        ENABLE = 1,
        /// To end it.
        CANCEL = 2,
    }
}

/// The answer to a [`DowngradeRequest`]. Since 3.5.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct DowngradeResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The cluster's version at present.
    #[prost(string, tag = "2")]
    pub version: String,
}

/// What members try on their log before they go to an older release. Since 3.6.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct DowngradeVersionTestRequest {
    /// A version.
    #[prost(string, tag = "1")]
    pub ver: String,
}

with_revision!(DowngradeResponse);
