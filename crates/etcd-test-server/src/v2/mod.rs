//! The v2 API over HTTP/1.1: keys, watches, members, statistics and the modules of 0.3.

mod form;
mod json;
mod keys;
mod members;
mod modules;
mod path;
mod service;
mod shared;

pub(crate) use modules::serve as serve_module;
pub(crate) use path::elsewhere;
pub(crate) use service::{no_leader, serve};
pub(crate) use shared::Server;
