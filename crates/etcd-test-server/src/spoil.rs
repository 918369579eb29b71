//! Bodies of replies that are cut, slowed down or changed.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use etcd_proto::grpc::FRAME_HEAD;
use etcd_proto::v3::{Message, WatchResponse};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::Sleep;

use crate::v3::Body;

type Polled = Poll<Option<Result<Frame<Bytes>, io::Error>>>;

/// How a connection is told to end.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    /// At once, whatever is under way.
    pub(crate) cut: Notify,
    /// When what is under way is done.
    pub(crate) leave: Notify,
}

impl Ends {
    /// Ends the connection, and what waits for it with it.
    pub(crate) async fn cut<T>(&self) -> T {
        self.cut.notify_one();
        std::future::pending().await
    }
}

/// A body whose connection ends after so many bytes.
pub(crate) fn cut(body: Body, left: usize, ends: Arc<Ends>) -> Body {
    Cut { body, left: Some(left), ends }.boxed_unsync()
}

/// A body whose connection ends within the first message that has a sequel.
pub(crate) fn cut_in_fragment(body: Body, ends: Arc<Ends>) -> Body {
    Cut { body, left: None, ends }.boxed_unsync()
}

struct Cut {
    body: Body,
    /// How many bytes are left, where that is known already.
    left: Option<usize>,
    ends: Arc<Ends>,
}

impl hyper::body::Body for Cut {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        if self.left == Some(0) {
            self.ends.cut.notify_one();
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let Poll::Ready(Some(Ok(frame))) = polled else { return polled };
        Poll::Ready(Some(Ok(frame.map_data(|mut data| {
            if self.left.is_none() && has_sequel(&data) {
                self.left = Some(data.len() / 2);
            }
            if let Some(left) = &mut self.left {
                data.truncate(*left);
                *left -= data.len();
            }
            data
        }))))
    }

    /// Of the whole reply, so that its head promises what does not come.
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether a frame is a reply of a watch that has a sequel.
fn has_sequel(frame: &Bytes) -> bool {
    let message = frame.get(FRAME_HEAD..).map(|_| frame.slice(FRAME_HEAD..));
    message.and_then(|message| WatchResponse::decode(message).ok()).is_some_and(|it| it.fragment)
}

/// A body of which so many bytes come at a time, with a pause after them.
pub(crate) fn drip(body: Body, bytes: usize, every: Duration) -> Body {
    let (held, pause) = (Bytes::new(), None);
    Drip { body, held, bytes: bytes.max(1), every, pause }.boxed_unsync()
}

struct Drip {
    body: Body,
    held: Bytes,
    bytes: usize,
    every: Duration,
    pause: Option<Pin<Box<Sleep>>>,
}

impl hyper::body::Body for Drip {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        if self.held.is_empty() {
            let polled = ready!(Pin::new(&mut self.body).poll_frame(context));
            match polled.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => self.held = data,
                Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let bytes = self.bytes.min(self.held.len());
        let piece = self.held.split_to(bytes);
        self.pause = Some(Box::pin(tokio::time::sleep(self.every)));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    /// Asked for before anything was taken, when the head is written.
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What becomes of each message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    Malformed,
    Oversize(usize),
    UnknownFields,
}

/// A body whose messages are changed, each of which is a piece of it.
pub(crate) fn changed(body: Body, change: Change, is_grpc: bool) -> Body {
    let new = move |data: Bytes| if is_grpc { framed(&data, change) } else { json(&data, change) };
    // Boxed once more, so that it no longer says how long the body was.
    Unsized(body.map_frame(move |frame| frame.map_data(new)).boxed_unsync()).boxed_unsync()
}

struct Unsized(Body);

impl hyper::body::Body for Unsized {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        Pin::new(&mut self.0).poll_frame(context)
    }
}

/// A number of a field that no message of etcd has.
const UNKNOWN: u32 = 99_999;

fn framed(frame: &[u8], change: Change) -> Bytes {
    let message = frame.get(FRAME_HEAD..).unwrap_or_default();
    let mut new = BytesMut::zeroed(FRAME_HEAD);
    match change {
        // A tag that never ends.
        Change::Malformed => new.resize(FRAME_HEAD + message.len().max(16), 0xff),
        Change::Oversize(bytes) => {
            new.extend_from_slice(message);
            length_delimited(&mut new, bytes);
        }
        Change::UnknownFields => {
            new.extend_from_slice(message);
            for (wire_type, bytes) in [(0, 1), (1, 8), (5, 4)] {
                varint(&mut new, tag(wire_type));
                new.resize(new.len() + bytes, 1);
            }
            length_delimited(&mut new, 3);
        }
    }
    let length = u32::try_from(new.len() - FRAME_HEAD).unwrap_or(u32::MAX);
    new[1..FRAME_HEAD].copy_from_slice(&length.to_be_bytes());
    new.freeze()
}

fn tag(wire_type: u64) -> u64 {
    u64::from(UNKNOWN) << 3 | wire_type
}

fn varint(out: &mut BytesMut, mut number: u64) {
    while number > 0x7f {
        out.extend_from_slice(&[(number & 0x7f) as u8 | 0x80]);
        number >>= 7;
    }
    out.extend_from_slice(&[number as u8]);
}

fn length_delimited(out: &mut BytesMut, bytes: usize) {
    varint(out, tag(2));
    varint(out, bytes as u64);
    out.resize(out.len() + bytes, b'x');
}

fn json(text: &[u8], change: Change) -> Bytes {
    let Some(members) = text.strip_prefix(b"{") else { return Bytes::copy_from_slice(text) };
    let bytes = match change {
        Change::Malformed => return Bytes::copy_from_slice(&text[..text.len() / 2]),
        Change::Oversize(bytes) => bytes,
        Change::UnknownFields => 3,
    };
    let comma: &[u8] = if members.starts_with(b"}") { b"" } else { b"," };
    [&b"{\"unknown\":[{\"of\":\""[..], &vec![b'x'; bytes], b"\"}]", comma, members].concat().into()
}

#[cfg(test)]
mod tests {
    use etcd_proto::grpc::encode;
    use etcd_proto::v3::PutResponse;

    use super::*;

    fn read(frame: &[u8]) -> Result<PutResponse, String> {
        let length = u32::from_be_bytes([frame[1], frame[2], frame[3], frame[4]]);
        assert_eq!(frame.len() - FRAME_HEAD, length as usize);
        PutResponse::decode(&frame[FRAME_HEAD..]).map_err(|error| error.to_string())
    }

    #[test]
    fn unknown_fields_are_skipped_and_what_is_malformed_is_refused() {
        let reply = PutResponse { header: Some(Default::default()), prev_kv: None };
        for reply in [PutResponse::default(), reply] {
            let frame = encode(&reply).unwrap_or_default();
            for change in [Change::UnknownFields, Change::Oversize(70_000)] {
                let new = framed(&frame, change);
                assert!(new.len() > frame.len());
                assert_eq!(read(&new), Ok(reply.clone()), "{change:?}");
            }
            assert!(read(&framed(&frame, Change::Malformed)).is_err());
        }
        for text in ["{}", r#"{"a":1}"#] {
            let new = json(text.as_bytes(), Change::UnknownFields);
            let value: Option<serde_json::Value> = serde_json::from_slice(&new).ok();
            assert!(value.is_some_and(|value| value["unknown"][0]["of"] == "xxx"));
            let half = json(text.as_bytes(), Change::Malformed);
            assert!(serde_json::from_slice::<serde_json::Value>(&half).is_err());
        }
    }
}
