//! A small etcd in the same process: no disk, no Raft, faults on command.

mod api;
mod befall;
mod builder;
mod clock;
mod cluster;
pub mod fault;
mod handler;
mod listen;
mod spoil;
pub mod store;
#[cfg(feature = "tls")]
pub mod tls;
mod v2;
pub mod v3;
mod version;

pub use builder::Builder;
pub use clock::Clock;
pub use cluster::{TestCluster, TestServer};
pub use handler::Handler;
pub use version::Version;
