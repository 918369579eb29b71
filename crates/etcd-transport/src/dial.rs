//! From an endpoint to a connection that can carry requests.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use etcd_proto::call::HttpVersion;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream, lookup_host};

use crate::endpoint::Endpoint;
use crate::error::{Cause, Phase};
use crate::line::Line;
use crate::socket::{Gauge, Socket, Stream};
use crate::tls::Tls;
use crate::wait::{after, before};

/// Why connecting failed: nothing was sent.
type Failure = (Phase, Cause);

/// How long a quiet TCP connection goes before the kernel asks whether the other side is there.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// How often it asks then.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);

/// What it takes to connect to an endpoint.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) endpoint: Endpoint,
    pub(crate) tls: Tls,
    /// How long it may take, with the greeting of TLS.
    pub(crate) most: Duration,
    pub(crate) version: HttpVersion,
}

impl Way {
    /// Connects: every port that may be meant, every address that the name has.
    pub(crate) async fn dial(self) -> Result<(Line, Arc<Gauge>), Failure> {
        let until = after(self.most);
        let dialed = before(until, self.line(until)).await;
        let dialed = dialed.unwrap_or_else(|| Err(Cause::Io(too_long().to_string())));
        dialed.map_err(|cause| (Phase::Connect, cause))
    }

    async fn line(&self, until: Instant) -> Result<(Line, Arc<Gauge>), Cause> {
        let connected = connect(&self.endpoint, until).await;
        let (socket, gauge) = Socket::new(connected.map_err(|error| Cause::Io(error.to_string()))?);
        if !self.endpoint.is_secure() {
            return Ok((Line::Plain(socket), gauge));
        }
        // Boxed, as it is large and mostly not there.
        let greeted = Box::pin(self.tls.greet(&self.endpoint, socket, self.version)).await;
        let stream = greeted.map_err(|error| Cause::Tls(error.to_string()))?;
        Ok((Line::Tls(Box::new(stream)), gauge))
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
    first_of(&addresses, until).await.and_then(prepare).map(Stream::Tcp)
}

/// The first of these addresses that lets us in.
async fn first_of(addresses: &[SocketAddr], until: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for (at, address) in addresses.iter().enumerate() {
        // One address that stays silent leaves time for those after it.
        let left = u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
        let share = until.saturating_duration_since(Instant::now()) / left;
        match before(after(share), TcpStream::connect(address)).await {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(error)) => last = error,
            None => last = too_long(),
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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener as Reserved};

    use socket2::{Domain, Type};
    use tokio::net::TcpListener;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    /// A port that nobody listens on.
    fn refused() -> SocketAddr {
        Reserved::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
    }

    /// A listener that never accepts, and whose queue is full.
    fn silent() -> (socket2::Socket, Vec<std::net::TcpStream>, SocketAddr) {
        let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) =
            std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100))
        {
            waiting.push(stream);
        }
        (socket, waiting, address)
    }

    #[tokio::test]
    async fn every_address_of_a_name_is_tried() {
        let live = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (live_at, (_socket, _waiting, silent)) = (live.local_addr().unwrap(), silent());
        for addresses in
            [vec![live_at], vec![refused(), live_at], vec![refused(), refused(), live_at]]
        {
            let stream = first_of(&addresses, soon()).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), live_at);
        }
        // One that stays silent leaves the others their share of the time.
        let until = Instant::now() + Duration::from_secs(2);
        let stream = first_of(&[silent, refused(), live_at], until).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), live_at);
        let error = first_of(&[silent, refused()], until).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(first_of(&[], soon()).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    /// Where a name has addresses of both families, as this one mostly has, one of them is not ours.
    #[tokio::test]
    async fn a_name_is_dialed_as_often_as_it_is_asked_for() {
        let live = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = live.local_addr().unwrap().port();
        let endpoint: Endpoint = format!("localhost:{port}").parse().unwrap();
        for _ in 0..2 {
            assert!(connect(&endpoint, soon()).await.is_ok());
            live.accept().await.unwrap();
        }
    }
}
