//! A small etcd in the same process: no disk, no Raft, faults on command.

mod clock;
pub mod store;
pub mod v3;
mod version;

pub use clock::Clock;
pub use version::Version;
