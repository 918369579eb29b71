//! The v2 API over HTTP/1.1: keys, watches, users and roles, members, statistics and the modules of 0.3.

mod auth;
mod form;
mod go;
mod json;
mod keys;
mod members;
mod modules;
mod path;
mod replies;
mod service;
mod shared;
mod stats;

pub(crate) use modules::serve as serve_module;
pub(crate) use path::elsewhere;
pub(crate) use replies::no_leader;
pub(crate) use service::serve;
pub(crate) use shared::Server;
