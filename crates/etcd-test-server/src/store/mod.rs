//! What an etcd keeps, as pure state: `apply(operation, now)` and nothing that waits.

pub mod v2;
pub mod v3;
