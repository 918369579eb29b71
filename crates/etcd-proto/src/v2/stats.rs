//! Statistics of one member, of the leader, and of a member's store.

use std::collections::BTreeMap;

use http::Method;
use serde::Deserialize;

use super::encode::Target;
use super::error::Error;
use super::reply::{self, null_as_default};
use crate::call::{Exchange, HttpVersion, Incoming, Outgoing, Replay};
use crate::error::EncodeError;

/// What a member says of itself. Fields that a version does not send are at their defaults.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SelfStats {
    /// The member's name.
    pub name: String,
    /// Its id in hexadecimal; empty on 0.x.
    pub id: String,
    /// `StateLeader` or `StateFollower`; on 0.x `leader`, `follower` or empty.
    pub state: String,
    /// When it started, in RFC 3339.
    pub start_time: String,
    /// Which member leads, as far as this one knows.
    pub leader_info: LeaderInfo,
    /// Append requests received.
    pub recv_append_request_cnt: u64,
    /// Append requests received a second.
    pub recv_pkg_rate: f64,
    /// Bytes received a second.
    pub recv_bandwidth_rate: f64,
    /// Append requests sent.
    pub send_append_request_cnt: u64,
    /// Append requests sent a second.
    pub send_pkg_rate: f64,
    /// Bytes sent a second.
    pub send_bandwidth_rate: f64,
}

/// Which member leads, as another knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct LeaderInfo {
    /// Its id in hexadecimal; on 0.x its name.
    pub leader: String,
    /// How long it has led, as Go writes durations.
    pub uptime: String,
    /// Since when it leads, in RFC 3339.
    pub start_time: String,
}

/// What the leader says of its followers.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LeaderStats {
    /// The leader's id in hexadecimal; on 0.x its name.
    pub leader: String,
    /// Each follower by id, on 0.x by name.
    #[serde(deserialize_with = "null_as_default")]
    pub followers: BTreeMap<String, FollowerStats>,
}

/// How one follower keeps up.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct FollowerStats {
    /// Milliseconds an append takes: `current`, `average`, `standardDeviation`, `minimum`, `maximum`.
    #[serde(deserialize_with = "null_as_default")]
    pub latency: BTreeMap<String, f64>,
    /// Appends: `success` and `fail`.
    #[serde(deserialize_with = "null_as_default")]
    pub counts: BTreeMap<String, u64>,
}

/// What a member's store has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is a count of what its name says")]
pub struct StoreStats {
    pub gets_success: u64,
    pub gets_fail: u64,
    pub sets_success: u64,
    pub sets_fail: u64,
    pub delete_success: u64,
    pub delete_fail: u64,
    pub update_success: u64,
    pub update_fail: u64,
    pub create_success: u64,
    pub create_fail: u64,
    pub compare_and_swap_success: u64,
    pub compare_and_swap_fail: u64,
    pub compare_and_delete_success: u64,
    pub compare_and_delete_fail: u64,
    pub expire_count: u64,
    pub watchers: u64,
}

/// Asks a member about itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatsSelf;

/// Asks the leader about its followers.
///
/// A follower answers with a redirect on 0.x and with a refusal (403, `not current leader`) since.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatsLeader;

/// Asks a member about its store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatsStore;

macro_rules! stats_exchange {
    ($name:ident, $target:literal, $message:literal, $reply:ty) => {
        impl Exchange for $name {
            type Reply = $reply;
            type Refusal = Error;
            const HTTP: HttpVersion = HttpVersion::Http1;

            fn replay(&self) -> Replay {
                Replay::Safe
            }

            fn request(&self) -> Result<Outgoing, EncodeError> {
                Target::new($target).bare(Method::GET)
            }

            fn decode(&self, reply: Incoming) -> Result<$reply, Error> {
                reply::json($message, &reply)
            }
        }
    };
}

stats_exchange!(StatsSelf, "/v2/stats/self", "a member's statistics", SelfStats);
stats_exchange!(StatsLeader, "/v2/stats/leader", "the leader's statistics", LeaderStats);
stats_exchange!(StatsStore, "/v2/stats/store", "a store's statistics", StoreStats);
