//! Messages are found in bytes as they are, however those are cut.

use bytes::Bytes;
use etcd_proto::grpc::{Deframer, encode, message};
use etcd_proto::v3::{KeyValue, WatchResponse};

use crate::golden;

const MOST: usize = 1 << 16;

/// What was found, and whether it ended in an error.
fn found(pieces: impl IntoIterator<Item = Bytes>) -> (Vec<WatchResponse>, bool, bool) {
    let (mut deframer, mut found) = (Deframer::new("a message", MOST), Vec::new());
    for piece in pieces {
        deframer.push(piece);
        loop {
            match deframer.message() {
                Ok(Some(message)) => found.push(message),
                Ok(None) => break,
                Err(_) => return (found, true, false),
            }
        }
    }
    (found, false, deframer.is_within_message())
}

/// The same in one piece and in many; a unary body is read as a stream of one is.
pub fn run(data: &[u8]) {
    let (pieces, whole) = crate::pieces(data);
    let whole = Bytes::copy_from_slice(whole);
    let expected = found([whole.clone()]);
    assert_eq!(found(pieces), expected);
    let only = message::<WatchResponse>("a message", whole.clone());
    if let Ok(only) = only {
        assert!(whole.len() > MOST || expected == (vec![only], false, false));
    }
    let _ = message::<KeyValue>("a message", whole);
}

/// Watch replies as another implementation writes them, one, two, and cut.
pub fn seeds() -> Vec<Vec<u8>> {
    let replies: Vec<Vec<u8>> = golden::all()
        .filter(|golden| golden.message == "etcdserverpb.WatchResponse")
        .map(|golden| {
            let length = u32::try_from(golden.bytes.len()).unwrap().to_be_bytes();
            [&[0][..], &length, &golden.bytes].concat()
        })
        .collect();
    let mut seeds = vec![
        Vec::new(),
        crate::in_pieces(&[], b"\0\x7f\xff\xff\xff"),
        crate::in_pieces(&[2], b"\x01\0\0\0\x01\0"),
        crate::in_pieces(&[1], b"<html>"),
        crate::in_pieces(&[], &encode(&WatchResponse::default()).unwrap()),
    ];
    for reply in &replies {
        seeds.push(crate::in_pieces(&[], reply));
        seeds.push(crate::in_pieces(&[1, 2, 3, 40], reply));
        seeds.push(crate::in_pieces(&[7], &reply[..reply.len() - 1]));
    }
    seeds.push(crate::in_pieces(&[3, 200, 1], &replies.concat()));
    seeds
}
