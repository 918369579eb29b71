//! The plainest of requests to ports of 127.0.0.1.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// Sends `GET path` to a loopback port and returns status and body.
pub fn http_get(port: u16, path: &str, timeout: Duration) -> io::Result<(u16, String)> {
    ask(port, "GET", path, "", timeout)
}

/// Sends `POST path` with a body of JSON to a loopback port and returns status and body.
pub fn http_post(
    port: u16,
    path: &str,
    json: &str,
    timeout: Duration,
) -> io::Result<(u16, String)> {
    ask(port, "POST", path, json, timeout)
}

fn ask(
    port: u16,
    method: &str,
    path: &str,
    body: &str,
    timeout: Duration,
) -> io::Result<(u16, String)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    // HTTP/1.0: the body ends with the connection and is never chunked.
    let length = match method {
        "GET" => String::new(),
        _ => format!("Content-Length: {}\r\n", body.len()),
    };
    let head = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\n{length}\r\n");
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
    let (mut reply, mut buffer) = (Vec::new(), [0; 8192]);
    // Ports for peers keep the connection open even so.
    while !is_complete(&reply) {
        match stream.read(&mut buffer)? {
            0 => break,
            length => reply.extend_from_slice(&buffer[..length]),
        }
    }
    parse_reply(&String::from_utf8_lossy(&reply)).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{address}{path}: not an HTTP reply"))
    })
}

fn parse_reply(reply: &str) -> Option<(u16, String)> {
    let (head, body) = reply.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

/// Whether a reply that says its length has come to its end.
fn is_complete(reply: &[u8]) -> bool {
    let Some(end) = reply.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&reply[..end]);
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: Option<usize> = length.and_then(|(_, value)| value.trim().parse().ok());
    length.is_some_and(|length| reply.len() >= end + 4 + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_split_into_status_and_body() {
        let reply = "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\ntrue";
        assert_eq!(parse_reply(reply), Some((200, "true".to_owned())));
        assert_eq!(parse_reply("SSH-2.0\r\n\r\n"), None);
        assert_eq!(parse_reply("HTTP/1.1 200 OK\r\n"), None);
    }

    #[test]
    fn a_reply_ends_with_its_length_or_the_connection() {
        let head = "HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\n";
        for (reply, ends) in [
            ("HTTP/1.0 200 OK\r\n".to_owned(), false),
            (format!("{head}tru"), false),
            (format!("{head}true"), true),
            ("HTTP/1.0 200 OK\r\n\r\ntrue".to_owned(), false),
        ] {
            assert_eq!(is_complete(reply.as_bytes()), ends, "{reply}");
        }
    }
}
