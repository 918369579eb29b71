//! The last etcdctl that speaks v2, on the test server as on a real member.
//!
//! Its lists are in no order unless it is asked to sort them.

mod ctl;
mod directories;
mod keys;
mod watches;
