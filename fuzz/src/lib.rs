//! What must hold for any bytes, target by target, and the bytes to begin with.
//!
//! Each target is a module with `run`, which panics where something does not hold, and `seeds`.

// A target panics: that is how it tells.
#![allow(clippy::unwrap_used)]

pub mod endpoints;
pub mod grpc_frame;
pub mod grpc_status;
pub mod redirect;
pub mod v2_events;
pub mod v2_reply;
pub mod v2_request;
mod v3;
pub mod v3_message;
pub mod v3_request;

pub use v3::watch as watch_machine;

// The tables of etcd-proto's own tests: every exchange and every message, with all fields.
#[allow(dead_code, unused_imports)]
#[path = "../../crates/etcd-proto/tests/common/mod.rs"]
mod common;
#[allow(dead_code)]
#[path = "../../crates/etcd-proto/tests/golden_v3/describe.rs"]
mod describe;
#[allow(dead_code)]
#[path = "../../crates/etcd-proto/tests/golden_v3/golden.rs"]
mod golden;
#[allow(dead_code)]
#[path = "../../crates/etcd-proto/tests/golden_v3/row.rs"]
mod row;
#[allow(dead_code)]
#[path = "../../crates/etcd-proto/tests/golden_v3/table.rs"]
mod table;

/// One target.
pub struct Target {
    /// Its name, and that of the program that fuzzes it.
    pub name: &'static str,
    /// Panics where something does not hold for these bytes.
    pub run: fn(&[u8]),
    /// Bytes to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

macro_rules! targets {
    ($($name:ident),*) => {
        /// Every target.
        pub const TARGETS: &[Target] = &[$(Target {
            name: stringify!($name),
            run: $name::run,
            seeds: $name::seeds,
        }),*];
    };
}

targets!(
    grpc_frame,
    grpc_status,
    v3_message,
    v3_request,
    watch_machine,
    v2_reply,
    v2_events,
    v2_request,
    endpoints,
    redirect
);

/// A first part of the bytes that says how the others come, as pieces of these lengths.
fn pieces(data: &[u8]) -> (Vec<bytes::Bytes>, &[u8]) {
    let Some((&count, rest)) = data.split_first() else { return (Vec::new(), data) };
    let (lengths, whole) = rest.split_at(usize::from(count).min(rest.len()));
    let (mut pieces, mut left) = (Vec::new(), whole);
    for &length in lengths {
        let (piece, after) = left.split_at(usize::from(length).min(left.len()));
        pieces.push(bytes::Bytes::copy_from_slice(piece));
        left = after;
    }
    pieces.push(bytes::Bytes::copy_from_slice(left));
    (pieces, whole)
}

/// Bytes that come in pieces of these lengths.
fn in_pieces(lengths: &[u8], whole: &[u8]) -> Vec<u8> {
    let count = u8::try_from(lengths.len()).unwrap();
    [&[count][..], lengths, whole].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_holds_for_what_it_begins_with() {
        for target in TARGETS {
            let seeds = (target.seeds)();
            assert!(seeds.len() > 3, "{}: {} seeds", target.name, seeds.len());
            seeds.iter().for_each(|seed| (target.run)(seed));
        }
    }
}
