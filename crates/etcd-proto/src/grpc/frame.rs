//! Messages behind five bytes: whether they are compressed, and how long they are.

use std::collections::VecDeque;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;

use crate::error::{DecodeError, EncodeError};

/// How many bytes stand before each message.
pub const FRAME_HEAD: usize = 5;

/// A message as it goes on the wire, with the five bytes before it.
///
/// # Errors
///
/// For a message of 4 GiB or more, which no frame can announce.
pub fn encode(message: &impl Message) -> Result<Bytes, EncodeError> {
    let length = message.encoded_len();
    let announced = u32::try_from(length).map_err(|_| {
        EncodeError::new("message", format!("{length} bytes long, and 4294967295 is the most"))
    })?;
    let mut frame = BytesMut::with_capacity(FRAME_HEAD + length);
    frame.put_u8(0);
    frame.put_u32(announced);
    // A buffer in memory is as large as need be.
    let _ = message.encode(&mut frame);
    Ok(frame.freeze())
}

/// The one message that the body of a unary reply holds.
///
/// # Errors
///
/// When the body is not exactly one frame, or the message in it cannot be read.
pub fn message<M: Message + Default>(name: &'static str, body: Bytes) -> Result<M, DecodeError> {
    M::decode(content(name, body)?).map_err(|error| unreadable(name, &error))
}

// Apart from what is made for each type of message.
#[inline(never)]
fn unreadable(name: &'static str, error: &prost::DecodeError) -> DecodeError {
    DecodeError::new(name, error.to_string())
}

/// What the one frame that a body is holds.
#[inline(never)]
fn content(name: &'static str, mut body: Bytes) -> Result<Bytes, DecodeError> {
    let length = match head(name, &body, usize::MAX)? {
        Some(length) if length == body.len() - FRAME_HEAD => length,
        Some(length) => {
            let held = body.len() - FRAME_HEAD;
            let reason = format!("its frame announces {length} bytes and {held} follow");
            return Err(DecodeError::new(name, reason));
        }
        None => return Err(DecodeError::new(name, format!("{} bytes are no frame", body.len()))),
    };
    debug_assert_eq!(length + FRAME_HEAD, body.len());
    body.advance(FRAME_HEAD);
    Ok(body)
}

/// The length of the message that a frame announces; nothing while its head is not whole.
fn head(name: &'static str, bytes: &[u8], most: usize) -> Result<Option<usize>, DecodeError> {
    let Some((head, _)) = bytes.split_first_chunk::<FRAME_HEAD>() else { return Ok(None) };
    let [compressed, a, b, c, d] = *head;
    match compressed {
        0 => {}
        1 => return Err(DecodeError::new(name, "compressed, which was not asked for")),
        other => return Err(DecodeError::new(name, format!("no gRPC frame begins with {other}"))),
    }
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if length > most {
        let reason = format!("its frame announces {length} bytes, and {most} are allowed");
        return Err(DecodeError::new(name, reason));
    }
    Ok(Some(length))
}

/// Finds messages in bytes that come in any pieces.
///
/// A frame that announces more than is allowed is refused by its head, before anything is kept.
/// A message that lies within one piece is not copied.
#[derive(Debug)]
pub struct Deframer {
    name: &'static str,
    most: usize,
    pieces: VecDeque<Bytes>,
    held: usize,
}

impl Deframer {
    /// Finds messages of this name, each of at most so many bytes.
    pub fn new(name: &'static str, most: usize) -> Self {
        Self { name, most, pieces: VecDeque::new(), held: 0 }
    }

    /// Takes more bytes.
    pub fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.held += bytes.len();
            self.pieces.push_back(bytes);
        }
    }

    /// Whether bytes of a message that is not whole are held.
    pub fn is_within_message(&self) -> bool {
        self.held > 0
    }

    /// The next whole message; nothing when more bytes are needed.
    ///
    /// # Errors
    ///
    /// When the bytes are no frame, the frame is too long, or the message cannot be read.
    pub fn message<M: Message + Default>(&mut self) -> Result<Option<M>, DecodeError> {
        self.message_by(M::decode)
    }

    /// The next whole message, read by a function; nothing when more bytes are needed.
    ///
    /// # Errors
    ///
    /// When the bytes are no frame, the frame is too long, or the message cannot be read.
    pub fn message_by<M>(
        &mut self,
        read: impl FnOnce(Bytes) -> Result<M, prost::DecodeError>,
    ) -> Result<Option<M>, DecodeError> {
        let Some(length) = self.announced()? else { return Ok(None) };
        if self.held - FRAME_HEAD < length {
            return Ok(None);
        }
        self.take(FRAME_HEAD);
        let message = self.take(length);
        read(message).map(Some).map_err(|error| unreadable(self.name, &error))
    }

    fn announced(&mut self) -> Result<Option<usize>, DecodeError> {
        if self.held < FRAME_HEAD {
            return Ok(None);
        }
        if self.pieces.front().is_some_and(|first| first.len() < FRAME_HEAD) {
            let head = self.take(FRAME_HEAD);
            self.held += head.len();
            self.pieces.push_front(head);
        }
        head(self.name, self.pieces.front().map_or(&[], |first| first), self.most)
    }

    /// So many of the bytes that are held, copied only where they lie in several pieces.
    fn take(&mut self, length: usize) -> Bytes {
        self.held -= length;
        match self.pieces.front_mut() {
            Some(first) if first.len() > length => first.split_to(length),
            Some(first) if first.len() == length => self.pieces.pop_front().unwrap_or_default(),
            _ => self.join(length),
        }
    }

    fn join(&mut self, length: usize) -> Bytes {
        let mut joined = BytesMut::with_capacity(length);
        while joined.len() < length
            && let Some(first) = self.pieces.front_mut()
        {
            let more = first.len().min(length - joined.len());
            joined.extend_from_slice(&first.split_to(more));
            if first.is_empty() {
                self.pieces.pop_front();
            }
        }
        joined.freeze()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, PartialEq, prost::Message)]
    struct Blob {
        #[prost(bytes = "bytes", tag = "1")]
        bytes: Bytes,
    }

    fn blob(length: usize) -> Blob {
        Blob { bytes: vec![b'x'; length].into() }
    }

    #[test]
    fn a_unary_body_is_one_frame() {
        let frame = encode(&blob(3)).unwrap();
        assert_eq!(frame[..5], [0, 0, 0, 0, 5]);
        assert_eq!(message::<Blob>("a blob", frame.clone()).unwrap(), blob(3));
        for cut in 0..frame.len() {
            assert!(message::<Blob>("a blob", frame.slice(..cut)).is_err(), "{cut}");
        }
        let two = [&frame[..], &frame[..]].concat();
        assert!(message::<Blob>("a blob", two.into()).is_err());
    }

    #[test]
    fn a_frame_is_refused_by_its_head() {
        for (head, why) in [
            ([0u8, 0x7f, 0xff, 0xff, 0xff], "announces 2147483647 bytes, and 100 are allowed"),
            ([0, 0, 0, 0, 101], "announces 101 bytes"),
            ([1, 0, 0, 0, 1], "compressed"),
            ([b'<', b'h', b't', b'm', b'l'], "no gRPC frame begins with 60"),
        ] {
            let mut deframer = Deframer::new("a blob", 100);
            deframer.push(Bytes::copy_from_slice(&head));
            let error = deframer.message::<Blob>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            lengths in proptest::collection::vec(0usize..60, 0..8),
            cuts in proptest::collection::vec(1usize..40, 1..30),
        ) {
            let frames: Vec<_> = lengths.iter().map(|&length| encode(&blob(length)).unwrap()).collect();
            let mut bytes = Bytes::from(frames.concat());
            let (mut deframer, mut found) = (Deframer::new("a blob", 100), Vec::new());
            for cut in cuts.iter().cycle() {
                if bytes.is_empty() {
                    break;
                }
                deframer.push(bytes.split_to((*cut).min(bytes.len())));
                while let Some(blob) = deframer.message::<Blob>().unwrap() {
                    found.push(blob.bytes.len());
                }
            }
            prop_assert_eq!(found, lengths);
            prop_assert!(!deframer.is_within_message());
        }

        #[test]
        fn no_bytes_make_it_panic(pieces in proptest::collection::vec(any::<Vec<u8>>(), 0..20)) {
            let mut deframer = Deframer::new("a blob", 100);
            for piece in pieces {
                deframer.push(piece.into());
                while let Ok(Some(_)) = deframer.message::<Blob>() {}
            }
        }
    }
}
