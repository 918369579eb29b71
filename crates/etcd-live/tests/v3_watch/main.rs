//! Watches of v3 on real members that are cut off, killed and stopped.

// A helper of a test may fail it.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod cuts;
mod ends;
mod large;
mod many;
mod members;
mod users;
mod writer;
