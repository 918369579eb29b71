//! The v3 API over HTTP/2: one entry, for every call.
//!
//! What is known to differ from a real etcd: a snapshot is a stand-in that no etcd can be restored
//! from, and hashes, sizes and Raft indexes are numbers of our own; a sort target or order that is
//! none is refused, where 3.4 and 3.5 crash; a downgrade is not enabled; a member that is added
//! never starts.

mod body;
mod duplex;
mod message;
mod service;
mod shared;
mod waiting;

pub use body::Body;
pub(crate) use body::{Stream, refused};
pub use message::{LONGEST_MESSAGE, Requests, timeout};
pub use service::serve;
pub use shared::Server;
