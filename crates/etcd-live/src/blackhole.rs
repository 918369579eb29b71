//! Endpoints where nothing comes back.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::members::free_ports;

/// How long a connection may take to fill a queue: loopback needs far less.
const CONNECT: Duration = Duration::from_millis(200);

/// An endpoint where nothing comes back, for as long as this value lives.
#[derive(Debug)]
pub struct Blackhole {
    address: SocketAddr,
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl Blackhole {
    /// Connections are never made: the first packet is dropped, as by a firewall.
    ///
    /// # Errors
    ///
    /// When the system gives no listener, or one whose queue does not fill.
    pub fn never_connects() -> io::Result<Self> {
        let hole = Self::listen(0)?;
        let mut queued = Vec::new();
        // The kernel drops what does not fit into the queue; its length is rounded up.
        while let Ok(stream) = TcpStream::connect_timeout(&hole.address, CONNECT) {
            queued.push(stream);
            if queued.len() > 16 {
                return Err(io::Error::other("a queue of length zero took 16 connections"));
            }
        }
        Ok(Self { _queued: queued, ..hole })
    }

    /// Connections are made, and nobody ever reads from them.
    ///
    /// # Errors
    ///
    /// When the system gives no listener.
    pub fn never_answers() -> io::Result<Self> {
        Self::listen(1024)
    }

    /// The address, as a client takes it.
    pub fn endpoint(&self) -> String {
        self.address.to_string()
    }

    fn listen(backlog: i32) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        socket.listen(backlog)?;
        let listener = TcpListener::from(socket);
        Ok(Self { address: listener.local_addr()?, _listener: listener, _queued: Vec::new() })
    }
}

/// An address that refuses connections: nobody listens there, and no outgoing connection gets it.
///
/// # Errors
///
/// When no port is free.
pub fn refused() -> io::Result<String> {
    Ok(format!("127.0.0.1:{}", free_ports(1)?[0]))
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};

    use super::*;

    #[test]
    fn nothing_comes_back() {
        let hole = Blackhole::never_connects().unwrap();
        let error = TcpStream::connect_timeout(&hole.address, CONNECT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);

        let hole = Blackhole::never_answers().unwrap();
        let mut stream = TcpStream::connect_timeout(&hole.address, CONNECT).unwrap();
        stream.set_read_timeout(Some(CONNECT)).unwrap();
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);

        let error = TcpStream::connect(refused().unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
}
