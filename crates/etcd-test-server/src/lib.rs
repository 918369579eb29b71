//! A small etcd in the same process: no disk, no Raft, faults on command.

mod api;
mod befall;
mod clock;
mod cluster;
pub mod fault;
mod listen;
mod spoil;
pub mod store;
mod v2;
pub mod v3;
mod version;

pub use clock::Clock;
pub use cluster::{Builder, TestCluster, TestServer};
pub use version::Version;
