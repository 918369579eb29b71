//! The checksum at the end of a snapshot: pure.

use std::collections::VecDeque;
use std::fmt;

use bytes::{Bytes, BytesMut};
use ring::digest::{Context, SHA256};

/// How long it is.
pub(super) const SUM: usize = 32;

/// What comes of a snapshot, whose last 32 bytes are the SHA-256 of all before them.
///
/// Until the end nobody knows which bytes are the last: so many are always held back.
#[derive(Clone)]
pub(super) struct Summed {
    hash: Context,
    held: VecDeque<Bytes>,
    length: usize,
}

impl fmt::Debug for Summed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Summed").field("held", &self.length).finish_non_exhaustive()
    }
}

impl Default for Summed {
    fn default() -> Self {
        Self { hash: Context::new(&SHA256), held: VecDeque::new(), length: 0 }
    }
}

impl Summed {
    /// Takes more bytes; gives those that are no part of the sum.
    pub(super) fn push(&mut self, bytes: Bytes) -> Vec<Bytes> {
        if !bytes.is_empty() {
            self.length += bytes.len();
            self.held.push_back(bytes);
        }
        let mut given = Vec::new();
        while self.length > SUM
            && let Some(mut first) = self.held.pop_front()
        {
            let surplus = (self.length - SUM).min(first.len());
            let piece = first.split_to(surplus);
            if !first.is_empty() {
                self.held.push_front(first);
            }
            self.length -= surplus;
            if !piece.is_empty() {
                self.hash.update(&piece);
                given.push(piece);
            }
        }
        given
    }

    /// The sum, which holds; nothing where it does not, or not all has come.
    pub(super) fn end(self) -> Option<Bytes> {
        let mut sum = BytesMut::with_capacity(SUM);
        self.held.iter().for_each(|bytes| sum.extend_from_slice(bytes));
        (sum[..] == *self.hash.finish().as_ref()).then(|| sum.freeze())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::digest::digest;

    use super::*;

    /// What comes out of it, and the sum at its end, when bytes come in pieces of these sizes.
    fn through(mut bytes: Bytes, sizes: &[usize]) -> (Vec<u8>, Option<Bytes>) {
        let (mut summed, mut given) = (Summed::default(), Vec::new());
        for size in sizes.iter().cycle() {
            if bytes.is_empty() {
                break;
            }
            let piece = bytes.split_to((*size).min(bytes.len()));
            for piece in summed.push(piece) {
                given.extend_from_slice(&piece);
            }
            assert!(summed.length <= SUM);
        }
        (given, summed.end())
    }

    proptest! {
        #[test]
        fn only_what_is_whole_has_a_sum(
            data in proptest::collection::vec(any::<u8>(), 0..200),
            sizes in proptest::collection::vec(1usize..70, 1..9),
            cut in 1usize..240,
            flip in 0usize..240,
        ) {
            let sum = digest(&SHA256, &data);
            let whole = Bytes::from([&data[..], sum.as_ref()].concat());
            let (given, ended) = through(whole.clone(), &sizes);
            prop_assert_eq!(&given, &data);
            prop_assert_eq!(ended.as_deref(), Some(sum.as_ref()));

            let cut = whole.slice(..whole.len().saturating_sub(cut));
            prop_assert_eq!(through(cut, &sizes).1, None);
            let mut flipped = whole.to_vec();
            flipped[flip % whole.len()] ^= 1;
            prop_assert_eq!(through(flipped.into(), &sizes).1, None);
        }
    }

    #[test]
    fn empty_pieces_are_nothing() {
        let mut summed = Summed::default();
        assert!(summed.push(Bytes::new()).is_empty());
        let sum = Bytes::copy_from_slice(digest(&SHA256, b"").as_ref());
        assert!(summed.push(sum.clone()).is_empty());
        assert!(summed.push(Bytes::new()).is_empty());
        assert_eq!(summed.end(), Some(sum));
        assert_eq!(Summed::default().end(), None);
    }
}
