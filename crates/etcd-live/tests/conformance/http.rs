//! Plain HTTP/1.1 on one connection, and watches on connections of their own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a server may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to a server.
pub(crate) struct Line(BufReader<TcpStream>);

/// Status and headers of a reply.
pub(crate) struct Head {
    status: String,
    headers: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn status(&self) -> &str {
        &self.status
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    /// What servers have to agree on.
    pub(crate) fn shown(&self) -> String {
        let Self { status, .. } = self;
        let names = ["x-etcd-index", "content-type", "allow", "location"];
        let [index, kind, allow, to] = names.map(|name| self.get(name));
        format!("{status} index={index} type={kind} allow={allow} location={to}")
    }
}

impl Line {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("a socket");
        Self(BufReader::new(stream))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.get_ref().peer_addr().expect("a connection")
    }

    pub(crate) fn ask(&mut self, method: &str, target: &str, form: &str) -> (Head, String) {
        self.send(method, target, form);
        self.reply(method)
    }

    /// As [`ask`](Self::ask), with whole lines of headers and a body of whatever type they name.
    pub(crate) fn ask_with(
        &mut self,
        method: &str,
        target: &str,
        headers: &str,
        body: &str,
    ) -> (Head, String) {
        self.write(method, target, headers, body);
        self.reply(method)
    }

    fn reply(&mut self, method: &str) -> (Head, String) {
        let head = self.head();
        let body = if method == "HEAD" { String::new() } else { self.body(&head) };
        (head, body)
    }

    pub(crate) fn send(&mut self, method: &str, target: &str, form: &str) {
        self.write(method, target, "content-type: application/x-www-form-urlencoded\r\n", form);
    }

    fn write(&mut self, method: &str, target: &str, headers: &str, body: &str) {
        let length = body.len();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nhost: etcd\r\n{headers}\
             content-length: {length}\r\n\r\n{body}"
        );
        self.0.get_mut().write_all(request.as_bytes()).expect("it is sent");
    }

    /// Reads the head of a reply.
    pub(crate) fn head(&mut self) -> Head {
        let status = self.line();
        let status = status.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Head { status, headers }
    }

    /// Reads the body that follows a head.
    pub(crate) fn body(&mut self, head: &Head) -> String {
        let mut body = Vec::new();
        if head.get("transfer-encoding") != "chunked" {
            let length = head.get("content-length").parse().unwrap_or(0);
            body.resize(length, 0);
            self.0.read_exact(&mut body).expect("a body");
            return String::from_utf8(body).expect("text");
        }
        loop {
            let length = usize::from_str_radix(&self.line(), 16).expect("a length");
            let mut chunk = vec![0; length + 2];
            self.0.read_exact(&mut chunk).expect("a chunk");
            body.extend_from_slice(&chunk[..length]);
            if length == 0 {
                return String::from_utf8(body).expect("text");
            }
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }
}
