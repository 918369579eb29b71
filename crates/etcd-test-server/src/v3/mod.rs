//! The v3 API over HTTP/2: one entry, for every call.

mod body;
mod duplex;
mod message;
mod service;
mod shared;
mod waiting;

pub use body::Body;
pub(crate) use body::{Stream, refused};
pub use message::{LONGEST_MESSAGE, LONGEST_REQUEST, Requests, timeout};
pub use service::serve;
pub use shared::Server;
