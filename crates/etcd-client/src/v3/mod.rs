//! The whole v3 API, for etcd 3.0 to 3.7.
//!
//! [`Client`] has a handle for each service; the requests that they take, and the replies that
//! they give, are the messages of the API itself, in [`api`].
//!
//! ```no_run
//! use etcd_client::{Client, KeyRange};
//!
//! # async fn example() -> Result<(), etcd_client::Error> {
//! let client = Client::new("127.0.0.1:2379")?;
//! let revision = client.kv().put("/config/name", "a").await?.revision();
//! for entry in client.kv().range(KeyRange::prefix("/config/")).await?.kvs {
//!     println!("{:?} = {:?}", entry.key, entry.value);
//! }
//! client.kv().update_if("/config/name", "b", revision).await?;
//! # Ok(())
//! # }
//! ```

mod auth;
mod client;
mod cluster;
mod core;
mod election;
mod identity;
mod kv;
mod leader;
mod lease;
mod lock;
mod maintenance;
mod namespace;
mod opened;
mod pauses;
mod range_stream;
mod raw_election;
mod raw_lock;
mod snapshot;
mod steps;
mod sync;
mod token;
mod watch;

/// The requests and replies of the v3 API.
pub use etcd_proto::v3 as api;

pub use auth::Auth;
pub use client::Client;
pub use cluster::Cluster;
pub use election::{Election, Leaders, Leadership};
pub use kv::{Kv, Range};
pub use lease::{Ended, KeptLease, Lease};
pub use lock::{FencingToken, Lock, LockOptions, Lost};
pub use maintenance::Maintenance;
pub use range_stream::RangeStream;
pub use raw_election::{Observe, RawElection};
pub use raw_lock::RawLock;
pub use snapshot::Snapshot;
pub use sync::Syncing;
pub use watch::{Changes, Gap, Update, WatchOptions, WatchStatus, Watcher};
