//! Waiting for changes.

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, Method};

use super::encode::Target;
use super::error::{Error, unreadable};
use super::node::{self, KeyReply};
use crate::call::{HttpVersion, Incoming, Outgoing, StreamDecoder, Streaming};
use crate::error::{DecodeError, EncodeError};
use crate::tree::Path;

/// The longest event that a decoder takes, in bytes.
const LONGEST_EVENT: usize = 64 << 20;

/// Waits for the next change at a key, or in a directory.
///
/// Without [`stream`](Self::stream) the reply holds one event and ends. A reply that ends without
/// one means that the server let go of the watch: ask again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    path: Path,
    recursive: bool,
    index: Option<u64>,
    stream: bool,
}

impl Watch {
    /// Waits for the next change at `path`.
    pub fn new(path: Path) -> Self {
        Self { path, recursive: false, index: None, stream: false }
    }

    /// Waits for changes anywhere below `path` too.
    pub fn recursive(self) -> Self {
        Self { recursive: true, ..self }
    }

    /// Starts with the first change at or after this index, which may lie in the past: servers
    /// keep the last 1,000 events of the whole store.
    pub fn from_index(self, index: u64) -> Self {
        Self { index: Some(index), ..self }
    }

    /// Keeps the reply open for more events.
    ///
    /// Never together with an index that lies in the past: servers (seen on 3.4 and 3.5) then
    /// deliver one event and stay silent for ever.
    pub fn stream(self) -> Self {
        Self { stream: true, ..self }
    }
}

impl Streaming for Watch {
    type Item = KeyReply;
    type Refusal = Error;
    type Decoder = EventDecoder;
    const HTTP: HttpVersion = HttpVersion::Http1;

    /// Never with `quorum=true`: servers then answer at once and do not wait.
    fn request(&self) -> Result<Outgoing, EncodeError> {
        let mut target = Target::key(&self.path);
        target.flag("wait", true);
        target.flag("recursive", self.recursive);
        target.flag("stream", self.stream);
        if let Some(index) = self.index {
            // Servers take zero for "from now on"; the first change has index 1.
            target.parameter("waitIndex", &index.max(1).to_string());
        }
        target.bare(Method::GET)
    }

    fn decoder(&self) -> EventDecoder {
        EventDecoder::default()
    }

    fn refusal(reply: Incoming) -> Error {
        Error::from_reply(&reply)
    }
}

/// Finds events in the bytes of a watch: JSON objects, with or without line breaks between them.
#[derive(Debug, Default)]
pub struct EventDecoder {
    buffer: BytesMut,
    scan: Scan,
}

impl StreamDecoder for EventDecoder {
    type Item = KeyReply;

    fn push(&mut self, bytes: Bytes) {
        self.buffer.extend_from_slice(&bytes);
    }

    fn next(&mut self) -> Result<Option<KeyReply>, DecodeError> {
        self.skip_space();
        if self.buffer.first().is_some_and(|&first| first != b'{') {
            return Err(unreadable("an event", "not an object", &self.buffer));
        }
        let Some(length) = self.scan.end_of_object(&self.buffer) else {
            return self.check_length();
        };
        self.scan = Scan::default();
        let event = &self.buffer[..length];
        let text = std::str::from_utf8(event).map_err(|why| unreadable("an event", why, event))?;
        let body = node::read(text).map_err(|error| unreadable("an event", error, event))?;
        self.buffer.advance(length);
        Ok(Some(body.with_headers(&HeaderMap::new())))
    }
}

impl EventDecoder {
    /// Whether bytes of an event that is not whole are held.
    pub fn is_within_event(&self) -> bool {
        !self.buffer.is_empty()
    }

    fn skip_space(&mut self) {
        if self.scan == Scan::default() {
            let space = self.buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.buffer.advance(space);
        }
    }

    fn check_length(&self) -> Result<Option<KeyReply>, DecodeError> {
        match self.buffer.len() {
            length if length > LONGEST_EVENT => {
                Err(DecodeError::new("an event", format!("longer than {LONGEST_EVENT} bytes")))
            }
            _ => Ok(None),
        }
    }
}

/// How far an object has been looked through, and what is open there.
///
/// A parser cannot tell where an object ends: one that stops after the `-` of `-1` is wrong to it,
/// not short. And it would read a long event again from its start for every piece that comes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Scan {
    at: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    /// The length of the object that `bytes` begins with, once it is whole.
    fn end_of_object(&mut self, bytes: &[u8]) -> Option<usize> {
        while let Some(&byte) = bytes.get(self.at) {
            self.at += 1;
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = self.in_string,
                b'"' => self.in_string = !self.in_string,
                b'{' if !self.in_string => self.depth += 1,
                b'}' if !self.in_string => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(self.at);
                    }
                }
                _ => {}
            }
        }
        None
    }
}
