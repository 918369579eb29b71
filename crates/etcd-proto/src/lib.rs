//! What can be said to etcd, and what it answers: pure types and codecs.
//!
//! There is no I/O here, no clock and no runtime, so a proxy, an analyser or a test server can
//! depend on this crate alone. Each operation is a value that knows how to become a request and
//! how to read its reply:
//!
//! ```
//! use etcd_proto::call::{Exchange, Incoming};
//! use etcd_proto::tree::Path;
//! use etcd_proto::v2::Get;
//!
//! let get = Get::new("/config/name".parse::<Path>()?);
//! let outgoing = get.request()?;
//! assert_eq!(outgoing.target, "/v2/keys/config/name?quorum=true");
//!
//! // ... carry it to a server by whatever means, and bring back what it says:
//! let body = r#"{"action":"get","node":{"key":"/config/name","value":"a","modifiedIndex":7,"createdIndex":7}}"#;
//! let reply = get.decode(Incoming::new(http::StatusCode::OK, body))?;
//! assert_eq!(reply.node.unwrap().value.as_deref(), Some("a"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`call`] | the seam between a request and whoever carries it |
//! | [`ids`] | time to live, revision, lease, member and cluster ids |
//! | [`key`] | ranges of keys |
//! | [`plain`] | text from elsewhere, fit for a terminal |
//! | [`tree`] | key paths, and trees of keys from nested or flat listings |
//! | [`v2`] | the v2 API: keys, watch, members, statistics, auth, lock module |
//! | [`v3`] | the v3 API: every message, and every call with what a failure of it proves |
//! | [`grpc`] | how v3 messages are framed, and how a reply ends |

pub mod call;
pub mod error;
pub mod grpc;
pub mod ids;
pub mod key;
pub mod plain;
pub mod tree;
pub mod v2;
pub mod v3;
