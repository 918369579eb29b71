//! The v3 client without async.
//!
//! The names, requests and replies are those of [`crate::v3`]; streams are iterators.
//!
//! A [`Client`] has one thread, on which leases are renewed and changes received between calls. Its
//! clones and all that is made with it, such as a [`KeptLease`], a [`Lock`] or a [`Watcher`], share
//! that thread, and it ends with the last of them. So a lease is renewed for as long as its handle is
//! kept, the client dropped or not. **A handle that is dropped last takes the thread along**, before
//! what it would do in the background is done: a lease is then revoked by nobody, and it, or the lock
//! on it, ends when its time to live is over. To give one up for certain, call
//! [`KeptLease::revoke`], [`Lock::release`] or [`Leadership::resign`].
//!
//! ```no_run
//! use etcd_client::blocking::Client;
//! use etcd_client::{KeyRange, Ttl};
//!
//! # fn main() -> Result<(), etcd_client::Error> {
//! let client = Client::new("127.0.0.1:2379")?;
//! client.kv().put("/config/name", "a")?;
//! let lock = client.lock("/jobs", "10".parse::<Ttl>()?)?;
//! lock.put("/jobs/last", "today")?;
//! lock.release()?;
//! for update in client.watch(KeyRange::prefix("/config/")) {
//!     println!("{:?}", update?);
//! }
//! # Ok(())
//! # }
//! ```

mod auth;
mod client;
mod cluster;
mod election;
mod kv;
mod lease;
mod lock;
mod maintenance;
mod raw;
mod shadow;
mod watch;

pub use auth::Auth;
pub use client::{Client, Syncing};
pub use cluster::Cluster;
pub use election::{Election, Leaders, Leadership};
pub use kv::{Kv, RangeStream};
pub use lease::{KeptLease, Lease};
pub use lock::Lock;
pub use maintenance::{Maintenance, Snapshot};
pub use raw::{Observe, RawElection, RawLock};
pub use watch::Watcher;
