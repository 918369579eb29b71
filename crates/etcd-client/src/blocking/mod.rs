//! The same calls without async.
//!
//! Each handle drives a runtime of its own while a call is under way; no thread runs beside the
//! caller's, so nothing happens between calls: a lock is renewed only while
//! [`Session::hold`], or `keep` or `run` of a [`v2::Lock`], runs. Handles may be shared by threads.
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
pub mod v2;
mod work;

pub use session::{Session, Watcher};
pub use work::Held;
