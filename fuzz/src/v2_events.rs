//! The events of a v2 watch are found in bytes as they are, however those are cut.

use bytes::Bytes;
use etcd_proto::call::StreamDecoder as _;
use etcd_proto::v2::{EventDecoder, KeyReply};

use crate::common::captured;

fn found(pieces: impl IntoIterator<Item = Bytes>) -> (Vec<KeyReply>, bool) {
    let (mut decoder, mut found) = (EventDecoder::default(), Vec::new());
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next() {
                Ok(Some(event)) => found.push(event),
                Ok(None) => break,
                Err(_) => return (found, true),
            }
        }
    }
    (found, false)
}

/// The same in one piece and in many.
pub fn run(data: &[u8]) {
    let (pieces, whole) = crate::pieces(data);
    let (cut, uncut) = (found(pieces), found([Bytes::copy_from_slice(whole)]));
    assert_eq!(format!("{cut:?}"), format!("{uncut:?}"));
}

/// What real servers answered, one after another and cut.
pub fn seeds() -> Vec<Vec<u8>> {
    let replies = captured::all().into_iter().filter_map(|captured| captured.reply);
    let bodies: Vec<_> = replies.map(|reply| reply.body).filter(|b| b.starts_with(b"{")).collect();
    let mut seeds: Vec<_> = bodies.iter().map(|body| crate::in_pieces(&[1, 5, 30], body)).collect();
    seeds.extend(bodies.chunks(3).map(|some| crate::in_pieces(&[100, 7], &some.concat())));
    seeds
}
