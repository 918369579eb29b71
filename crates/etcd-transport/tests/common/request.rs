//! Requests as a server reads them, by a reader that is not the client's own code.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// A request that was read whole.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The value of a header, which is named in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        Some(value)
    }

    /// Whether this only asks whether the server is there.
    pub(crate) fn is_sign_of_life(&self) -> bool {
        self.target == "/version"
    }

    pub(crate) fn is_write(&self) -> bool {
        self.method == "PUT"
    }

    /// Whether this is about the key of this name.
    pub(crate) fn is_about(&self, name: &str) -> bool {
        let path = self.target.split('?').next().unwrap_or_default();
        path.strip_prefix("/v2/keys/") == Some(name)
    }
}

/// Reads requests off a connection, one after another.
#[derive(Default)]
pub(crate) struct Requests {
    buffer: Vec<u8>,
}

impl Requests {
    /// The next request; nothing when the client closes or what it sends is cut short.
    pub(crate) async fn next(&mut self, from: &mut (impl AsyncRead + Unpin)) -> Option<Request> {
        let head = loop {
            match self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None => self.more(from).await.ok()?,
            }
        };
        let mut request = parse(&String::from_utf8_lossy(&self.buffer[..head - 4]));
        let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.buffer.len() < head + length {
            self.more(from).await.ok()?;
        }
        request.body = self.buffer[head..head + length].to_vec();
        self.buffer.drain(..head + length);
        Some(request)
    }

    async fn more(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
        match from.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn parse(head: &str) -> Request {
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    Request { method, target, headers, body: Vec::new() }
}
