//! Programs of C against the header and the shared library, on the server in this process.

#![allow(clippy::unwrap_used)]

mod build;
mod examples;
mod programs;
mod served;
