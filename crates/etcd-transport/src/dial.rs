//! From an endpoint to a connected socket.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream, lookup_host};

use crate::endpoint::Endpoint;
use crate::socket::{Gauge, Socket, Stream};

/// How long a quiet TCP connection goes before the kernel asks whether the other side is there.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// How often it asks then.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);

/// Longer than connecting takes, and short enough to be added to any instant.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Connects to an endpoint: every port that may be meant, every address that the name has.
pub(crate) async fn dial(endpoint: &Endpoint, most: Duration) -> io::Result<(Socket, Arc<Gauge>)> {
    let connecting = connect(endpoint, Instant::now() + most.min(LONGEST));
    match tokio::time::timeout(most, connecting).await {
        Ok(connected) => Ok(Socket::new(connected?)),
        Err(_) => Err(too_long()),
    }
}

async fn connect(endpoint: &Endpoint, until: Instant) -> io::Result<Stream> {
    if let Some(path) = endpoint.socket_path() {
        return Ok(Stream::Unix(UnixStream::connect(path).await?));
    }
    let host = endpoint.host().unwrap_or_default();
    let mut addresses = Vec::new();
    for port in endpoint.ports() {
        addresses.extend(lookup_host((host, port)).await?);
    }
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for (at, address) in addresses.iter().enumerate() {
        // One address that stays silent leaves time for those after it.
        let left = u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
        let share = until.saturating_duration_since(Instant::now()) / left;
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return prepare(stream).map(Stream::Tcp),
            Ok(Err(error)) => last = error,
            Err(_) => last = too_long(),
        }
    }
    Err(last)
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "connecting took too long")
}

fn prepare(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}
