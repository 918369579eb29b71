//! The commands, one a file.

pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod leader;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod serve;
pub(crate) mod set;
pub(crate) mod tree;
pub(crate) mod unlock;
pub(crate) mod watch;

mod child;
pub(crate) mod signals;
mod terminal;
