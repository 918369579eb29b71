//! From an endpoint to a connected socket.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream, lookup_host};

use crate::endpoint::Endpoint;
use crate::socket::{Gauge, Socket, Stream};

/// How long a quiet TCP connection goes before the kernel asks whether the other side is there.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// How often it asks then.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);

/// Connects to an endpoint: every port that may be meant, every address that the name has.
pub(crate) async fn dial(endpoint: &Endpoint, most: Duration) -> io::Result<(Socket, Arc<Gauge>)> {
    let connected = match tokio::time::timeout(most, connect(endpoint)).await {
        Ok(connected) => connected?,
        Err(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, "connecting took too long")),
    };
    Ok(Socket::new(connected))
}

async fn connect(endpoint: &Endpoint) -> io::Result<Stream> {
    if let Some(path) = endpoint.socket_path() {
        return Ok(Stream::Unix(UnixStream::connect(path).await?));
    }
    let host = endpoint.host().unwrap_or_default();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for port in endpoint.ports() {
        for address in lookup_host((host, port)).await? {
            match TcpStream::connect(address).await {
                Ok(stream) => return prepare(stream).map(Stream::Tcp),
                Err(error) => last = error,
            }
        }
    }
    Err(last)
}

fn prepare(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}
