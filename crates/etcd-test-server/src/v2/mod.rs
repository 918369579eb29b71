//! The v2 API over HTTP/1.1: keys, watches, members and statistics.

mod form;
mod json;
mod keys;
mod members;
mod path;
mod service;
mod shared;

pub(crate) use path::elsewhere;
pub(crate) use service::serve;
pub(crate) use shared::Server;
