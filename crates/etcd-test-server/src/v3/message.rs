//! Requests as they arrive: frames, limits, deadlines, and grpc-go's words for what is wrong.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use etcd_proto::grpc::{Code, FRAME_HEAD, Status};
use etcd_proto::v3::Message;
use http_body_util::BodyExt;

use crate::store::v3::LONGEST_REQUEST;

/// The longest message that is read at all.
pub const LONGEST_MESSAGE: usize = LONGEST_REQUEST + (512 << 10);

/// The messages of a request, as its bytes arrive.
#[derive(Debug, Default)]
pub struct Requests {
    held: BytesMut,
}

impl Requests {
    /// Takes bytes as they arrive.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next message, or `None` when more bytes are needed.
    pub fn message<M: Message + Default>(&mut self) -> Result<Option<M>, Status> {
        let Some(bytes) = self.frame()? else { return Ok(None) };
        M::decode(bytes).map(Some).map_err(|error| {
            let text = format!("grpc: failed to unmarshal the received message: {error}");
            Status::new(Code::INTERNAL, text)
        })
    }

    fn frame(&mut self) -> Result<Option<Bytes>, Status> {
        let Some((head, rest)) = self.held.split_first_chunk::<FRAME_HEAD>() else {
            return Ok(None);
        };
        let [flag, length @ ..] = *head;
        let internal = |text: String| Err(Status::new(Code::INTERNAL, text));
        match flag {
            0 => {}
            1 => {
                let text = "grpc: compressed flag set with identity or empty encoding";
                return internal(text.into());
            }
            other => return internal(format!("grpc: received unexpected payload format {other}")),
        }
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > LONGEST_MESSAGE {
            let text =
                format!("grpc: received message larger than max ({length} vs. {LONGEST_MESSAGE})");
            return Err(Status::new(Code::RESOURCE_EXHAUSTED, text));
        }
        if rest.len() < length {
            return Ok(None);
        }
        self.held.advance(FRAME_HEAD);
        Ok(Some(self.held.split_to(length).freeze()))
    }

    /// What is wrong where the bytes end here.
    pub fn end(&self) -> Result<(), Status> {
        if self.held.is_empty() {
            Ok(())
        } else {
            Err(Status::new(Code::INTERNAL, "unexpected EOF"))
        }
    }
}

/// The messages of a request's body.
pub(super) struct Incoming<B> {
    body: B,
    requests: Requests,
}

impl<B> Incoming<B>
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
{
    pub(super) fn new(body: B) -> Self {
        Self { body, requests: Requests::default() }
    }

    /// The next message; `None` when the caller has said all.
    ///
    /// May be dropped while it waits: nothing is lost.
    pub(super) async fn next<M: Message + Default>(&mut self) -> Result<Option<M>, Status> {
        loop {
            if let Some(message) = self.requests.message()? {
                return Ok(Some(message));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.requests.push(data);
                    }
                }
                Some(Err(_)) => return Err(Status::new(Code::CANCELED, "context canceled")),
                None => return self.requests.end().map(|()| None),
            }
        }
    }

    /// The one message of a call that has one.
    pub(super) async fn only<M: Message + Default>(&mut self) -> Result<M, Status> {
        let first = self.next().await?;
        first.ok_or_else(|| Status::new(Code::INTERNAL, "cardinality violation: no message"))
    }
}

/// Reads a `grpc-timeout`; `None` where it is none.
pub fn timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count = digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    Some(match unit {
        b'H' => Duration::from_secs(count * 3600),
        b'M' => Duration::from_secs(count * 60),
        b'S' => Duration::from_secs(count),
        b'm' => Duration::from_millis(count),
        b'u' => Duration::from_micros(count),
        b'n' => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use etcd_proto::v3::PutRequest;

    use super::*;

    #[test]
    fn messages_come_whole_however_their_bytes_come() {
        let puts = [PutRequest::new("a", "1"), PutRequest::new("bb", "22")];
        let bytes: Vec<u8> =
            puts.iter().flat_map(|put| etcd_proto::grpc::encode(put).unwrap_or_default()).collect();
        for size in 1..bytes.len() {
            let mut requests = Requests::default();
            let mut read = Vec::new();
            for piece in bytes.chunks(size) {
                requests.push(piece);
                while let Ok(Some(put)) = requests.message::<PutRequest>() {
                    read.push(put);
                }
            }
            assert_eq!(read, puts, "in pieces of {size}");
            assert_eq!(requests.end(), Ok(()));
        }
    }

    #[test]
    fn bad_frames_get_the_words_of_grpc_go() {
        let said = |bytes: &[u8]| {
            let mut requests = Requests::default();
            requests.push(bytes);
            requests.message::<PutRequest>().err().map(|status| (status.code, status.message))
        };
        let has = |bytes: &[u8], code, text: &str| {
            let (found, message) = said(bytes).unwrap_or((Code::OK, String::new()));
            assert!(found == code && message.contains(text), "{found} {message}");
        };
        has(&[1, 0, 0, 0, 0], Code::INTERNAL, "compressed flag set");
        has(&[9, 0, 0, 0, 0], Code::INTERNAL, "unexpected payload format 9");
        has(&[0, 0, 32, 0, 1], Code::RESOURCE_EXHAUSTED, "(2097153 vs. 2097152)");
        has(&[0, 0, 0, 0, 1, 0xff], Code::INTERNAL, "failed to unmarshal");
        assert_eq!(said(&[0, 0, 32, 0, 0]), None);
        let mut cut = Requests::default();
        cut.push(&[0, 0]);
        assert_eq!(cut.end(), Err(Status::new(Code::INTERNAL, "unexpected EOF")));
    }

    #[test]
    fn a_timeout_is_up_to_eight_digits_and_a_unit() {
        for (value, read) in [
            ("5S", Some(Duration::from_secs(5))),
            ("2500m", Some(Duration::from_millis(2500))),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3600))),
            ("1u", Some(Duration::from_micros(1))),
            ("123456789m", None),
            ("S", None),
            ("5", None),
            ("-5S", None),
            ("", None),
        ] {
            assert_eq!(timeout(value.as_bytes()), read, "{value}");
        }
        let own = etcd_proto::grpc::timeout(Duration::from_millis(1500));
        assert_eq!(timeout(own.as_bytes()), Some(Duration::from_millis(1500)));
    }
}
