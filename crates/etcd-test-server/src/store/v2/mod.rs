//! What an etcd of v2 keeps: a tree of keys with indexes, ends and a short history.
//!
//! Everything is a function of the state, the request and the time.

mod auth;
mod error;
mod event;
mod history;
mod lock;
mod nodes;
mod operation;
mod refusal;
mod stats;
mod tree;
mod urls;

pub use auth::{Auth, AuthOperation, AuthReply, Identity, Patterns, Permissions, Role, User};
pub use error::Error;
pub use event::{Action, Event, Shown};
pub use history::{History, KEPT};
pub use lock::{Line, Place};
pub use operation::{Compare, Operation, Write};
pub use refusal::Refusal;
pub use stats::{Count, Stats};
pub use tree::Store;
pub use urls::peer_urls;
