//! A leader election by votes in one etcd key: the protocol without its input and output.
//!
//! Deprecated: an example kept for those who know it from the old C program. A program that needs
//! one leader should hold a lock (`etcd-test lock -t TTL KEY -- COMMAND`, or the lock of the
//! etcd-client crate), which gives waiting in order and a fencing token.
//!
//! - [`vote`] is what the key holds: `name,state,fitness`.
//! - [`machine`] decides what a candidate does next. The binary drives it with real time and real
//!   requests; the model in `tests/model` steps the same function through every order of events.

pub mod machine;
pub mod vote;
