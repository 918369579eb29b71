//! What can be seen of a channel from outside.

use crate::endpoint::Endpoint;
use crate::set::Health;

/// What a channel has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Attempts at an endpoint, signs of life included.
    pub attempts: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Connections made.
    pub connections: u64,
    /// Redirects followed.
    pub redirects: u64,
}

/// An endpoint and how it has done lately.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EndpointStatus {
    /// Where it is.
    pub endpoint: Endpoint,
    /// How it has done.
    pub health: Health,
}
