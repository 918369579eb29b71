//! A body in the pieces in which it came.

use bytes::{Bytes, BytesMut};

/// A piece of a body that is smaller is copied: it would hold the buffer in which it came.
const SMALL: usize = 4096;
/// The bytes that gRPC puts before a message, the length of which are the last four.
const MESSAGE_HEAD: usize = 5;

/// A body in the pieces in which it came; most have one.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    first: Bytes,
    rest: Vec<Bytes>,
    small: BytesMut,
}

impl Pieces {
    pub(crate) fn push(&mut self, piece: Bytes) {
        if self.first.is_empty() {
            self.first = piece;
        } else if self.first.len() < MESSAGE_HEAD {
            self.first = [&self.first[..], &piece[..]].concat().into();
        } else if piece.len() < SMALL {
            // Gathered when it is full to the byte, so that nothing is held beside what came.
            self.small.reserve(SMALL - self.small.len());
            let (before, after) = piece.split_at(piece.len().min(SMALL - self.small.len()));
            self.small.extend_from_slice(before);
            if self.small.len() == SMALL {
                self.gather();
            }
            if !after.is_empty() {
                self.small.reserve(SMALL);
                self.small.extend_from_slice(after);
            }
        } else {
            self.gather();
            self.rest.push(piece);
        }
    }

    fn gather(&mut self) {
        if !self.small.is_empty() {
            self.rest.push(std::mem::take(&mut self.small).freeze());
        }
    }

    /// The length of the message that the body announces: a reply is refused by it, before that
    /// much of it has come.
    pub(crate) fn announced(&self) -> Option<usize> {
        let [_, length @ ..] = *self.first.first_chunk::<MESSAGE_HEAD>()?;
        usize::try_from(u32::from_be_bytes(length)).ok()
    }

    pub(crate) fn join(mut self, length: usize) -> Bytes {
        self.gather();
        if self.rest.is_empty() {
            return self.first;
        }
        let mut whole = BytesMut::with_capacity(length);
        whole.extend_from_slice(&self.first);
        self.rest.iter().for_each(|piece| whole.extend_from_slice(piece));
        // A clone counts its references at once, where the original looks each time whether it does:
        // of a long list, each key and value is a slice of this.
        whole.freeze().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_are_joined_in_order() {
        for size in [1, 7, 100, 2050, SMALL - 1, SMALL, SMALL + 1, 10_000] {
            let body: Vec<u8> = (0..50_000u32).map(|byte| (byte % 251) as u8).collect();
            let mut pieces = Pieces::default();
            body.chunks(size).for_each(|piece| pieces.push(Bytes::copy_from_slice(piece)));
            assert_eq!(pieces.join(body.len()), body, "{size}");
        }
    }

    #[test]
    fn a_length_is_read_from_pieces_of_any_size() {
        let mut pieces = Pieces::default();
        for piece in [&b"\0"[..], b"\0\0", b"\x01\x02abc"] {
            assert_eq!(pieces.announced(), None);
            pieces.push(Bytes::from_static(piece));
        }
        assert_eq!(pieces.announced(), Some(0x0102));
        pieces.push(Bytes::from_static(b"def"));
        assert_eq!(pieces.join(11), &b"\0\0\0\x01\x02abcdef"[..]);
    }
}
