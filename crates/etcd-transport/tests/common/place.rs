//! Places to listen at, and places where nobody answers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use etcd_transport::endpoint::Endpoint;
use tokio::net::{TcpListener, TcpSocket};

/// A port of this machine that stays ours, so that it refuses while nobody listens at it.
pub(crate) struct Port {
    address: SocketAddr,
    _held: TcpSocket,
}

impl Port {
    pub(crate) fn reserve() -> Self {
        Self::reserve_at(Ipv4Addr::LOCALHOST.into())
    }

    /// A port of another address of this machine.
    pub(crate) fn reserve_at(address: IpAddr) -> Self {
        let held = bound((address, 0).into());
        Self { address: held.local_addr().unwrap(), _held: held }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.address.to_string().parse().unwrap()
    }

    pub(crate) fn listen(&self, backlog: u32) -> TcpListener {
        bound(self.address).listen(backlog).unwrap()
    }
}

/// Several sockets may be bound to one port; only those that listen get connections.
fn bound(address: SocketAddr) -> TcpSocket {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    };
    let socket = socket.unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

/// A port where connecting never ends: its queue of connections is full and nobody takes one.
pub(crate) struct Blackhole {
    pub(crate) endpoint: Endpoint,
    _listener: TcpListener,
    _queued: TcpStream,
}

impl Blackhole {
    pub(crate) fn open() -> Self {
        let port = Port::reserve();
        let listener = port.listen(0);
        let queued = TcpStream::connect(port.address).unwrap();
        Self { endpoint: port.endpoint(), _listener: listener, _queued: queued }
    }
}
