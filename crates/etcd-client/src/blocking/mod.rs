//! The same calls without async.
//!
//! A handle of a session or of the [`v2`] client drives a runtime of its own while a call is under
//! way; no thread runs beside the caller's, so nothing happens between calls: a lock is renewed only
//! while [`Session::hold`], or `keep` or `run` of a [`v2::Lock`], runs. The v3 [`Client`] has one
//! thread, which renews leases and receives changes between calls; see [`v3`]. Handles may be shared
//! by threads, and what one of them waits for is ended from another by a [`Stopper`].
//!
//! ```no_run
//! use etcd_client::blocking::Session;
//!
//! # fn main() -> Result<(), etcd_client::Error> {
//! let session = Session::open_str("127.0.0.1:2379")?;
//! session.set("/name", "a")?;
//! for event in session.watch("/", None)? {
//!     println!("{:?}", event?);
//! }
//! # Ok(())
//! # }
//! ```

mod pump;
mod session;
mod stopper;
pub mod v2;
pub mod v3;
mod work;

pub use session::{Session, Watcher};
pub use stopper::Stopper;
pub use v3::Client;
pub use work::Held;
