//! Servers that are not etcd, or no longer.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// What `/version` answers on etcd.
pub(crate) const VERSION: &str = r#"{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}"#;

/// What a read of an empty etcd's root answers.
const EMPTY: &str = r#"{"action":"get","node":{"key":"/","dir":true}}"#;

/// A server that answers as it likes, for as long as this process lives.
#[derive(Debug)]
pub(crate) struct Impostor {
    address: SocketAddr,
}

impl Impostor {
    /// Each connection is handed to `talk`, and closed when that returns.
    pub(crate) fn talking(
        talk: impl Fn(&mut TcpStream) -> io::Result<()> + Send + Clone + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let talk = talk.clone();
                // It fails when the client has heard enough.
                thread::spawn(move || talk(&mut stream));
            }
        });
        Self { address }
    }

    /// Each request is handed to `answer`.
    pub(crate) fn answering(
        answer: impl Fn(&Request, &mut TcpStream) -> io::Result<()> + Send + Clone + 'static,
    ) -> Self {
        Self::talking(move |stream| answer(&request(stream)?, stream))
    }

    /// As etcd for `/version`, and as `answer` has it for all else.
    pub(crate) fn behind_a_version(
        answer: impl Fn(&Request, &mut TcpStream) -> io::Result<()> + Send + Clone + 'static,
    ) -> Self {
        Self::answering(move |request, stream| match request.path.as_str() {
            "/version" => reply(stream, "200 OK", &["Content-Type: application/json"], VERSION),
            _ => answer(request, stream),
        })
    }

    /// As an empty etcd for reads, and as `answer` has it for writes.
    pub(crate) fn for_writes(
        answer: impl Fn(&Request, &mut TcpStream) -> io::Result<()> + Send + Clone + 'static,
    ) -> Self {
        Self::behind_a_version(move |request, stream| match request.method.as_str() {
            "GET" => reply(stream, "200 OK", &["X-Etcd-Index: 7"], EMPTY),
            _ => answer(request, stream),
        })
    }

    /// Where it is, as a client takes it.
    pub(crate) fn endpoint(&self) -> String {
        self.address.to_string()
    }
}

/// What an impostor was asked.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Without a query.
    pub(crate) path: String,
}

/// A whole reply, after which the connection is closed.
pub(crate) fn reply(
    stream: &mut TcpStream,
    status: &str,
    headers: &[&str],
    body: &str,
) -> io::Result<()> {
    let (headers, length) = (headers.join("\r\n"), body.len());
    let own = format!("Content-Length: {length}\r\nConnection: close");
    write!(stream, "HTTP/1.1 {status}\r\n{headers}\r\n{own}\r\n\r\n{body}")
}

/// Says the same again and again, with pauses.
pub(crate) fn forever(stream: &mut TcpStream, begin: &str, again: &str) -> io::Result<()> {
    stream.write_all(begin.as_bytes())?;
    loop {
        thread::sleep(Duration::from_millis(20));
        stream.write_all(again.as_bytes())?;
    }
}

/// Reads a request with its body.
fn request(stream: &mut TcpStream) -> io::Result<Request> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut body) = (String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            body = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    io::copy(&mut io::Read::take(reader, body), &mut io::sink())?;
    let mut words = first.split([' ', '?']).map(str::to_owned);
    let [method, path] = [(); 2].map(|()| words.next().unwrap_or_default());
    Ok(Request { method, path })
}
