//! Replies as bytes on the wire.

use super::request::Request;

/// A reply with its length in the head.
pub(crate) fn reply(status: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into()
}

/// What a server in good health answers.
pub(crate) fn healthy(request: &Request) -> Vec<u8> {
    match request.is_sign_of_life() {
        true => version(),
        false => done(),
    }
}

pub(crate) fn version() -> Vec<u8> {
    reply("200 OK", &[], r#"{"etcdserver":"2.3.8","etcdcluster":"2.3.0"}"#)
}

/// A read or write of a key that succeeded.
pub(crate) fn done() -> Vec<u8> {
    reply("200 OK", &["X-Etcd-Index: 7"], EVENT)
}

/// An error of the key API.
pub(crate) fn error(status: &str, code: u32) -> Vec<u8> {
    let body = format!(r#"{{"errorCode":{code},"message":"scripted","cause":"/k","index":7}}"#);
    reply(status, &["X-Etcd-Index: 7"], &body)
}

pub(crate) fn redirect(location: &str) -> Vec<u8> {
    reply("307 Temporary Redirect", &[&format!("Location: {location}")], "")
}

/// The head of a reply whose body comes in chunks.
pub(crate) fn chunked() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\nX-Etcd-Index: 7\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec()
}

/// One chunk of such a body.
pub(crate) fn chunk(body: &str) -> Vec<u8> {
    format!("{:x}\r\n{body}\r\n", body.len()).into()
}

/// The end of such a body.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// A change of a key.
pub(crate) const EVENT: &str =
    r#"{"action":"set","node":{"key":"/k","value":"v","modifiedIndex":7,"createdIndex":7}}"#;
