//! What a server or a cluster is to be.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use etcd_proto::v3::Member;
use tokio::net::TcpListener;

use crate::api::Api;
use crate::clock::Clock;
use crate::cluster::{Node, TestCluster, TestServer};
use crate::listen::Service;
use crate::store::v3::Store;
#[cfg(feature = "tls")]
use crate::tls::{ClientAuth, Tls};
use crate::v2;
use crate::v3;
use crate::version::Version;

/// What a server or a cluster is to be.
#[derive(Clone, Debug)]
pub struct Builder {
    version: Version,
    clock: Clock,
    address: SocketAddr,
    #[cfg(feature = "tls")]
    tls: Option<ClientAuth>,
}

impl Default for Builder {
    fn default() -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            version: Version::default(),
            clock: Clock::running(),
            address,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl Builder {
    /// Answers as another etcd than the newest.
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Lets TTLs and leases end by a clock of the test's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Listens there instead of on a loopback port that the system chooses.
    ///
    /// Members after the first take the ports that follow, or free ones where the port is 0.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Speaks TLS alone, with certificates that are made for it: HTTP/1.1 and, where there is v3,
    /// HTTP/2, as ALPN has it.
    ///
    /// They are for `localhost`, the loopback addresses and the address that is listened on. What a
    /// client needs is in [`TestServer::certificates`].
    ///
    /// ```
    /// use etcd_test_server::TestServer;
    /// use etcd_test_server::tls::ClientAuth;
    ///
    /// # async fn run() -> std::io::Result<()> {
    /// let server = TestServer::builder().tls(ClientAuth::Required).start().await?;
    /// let certificates = server.certificates().expect("they were asked for");
    /// assert!(server.endpoint().starts_with("https://"));
    /// assert!(certificates.ca.starts_with("-----BEGIN CERTIFICATE-----"));
    /// # Ok(())
    /// # }
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    /// # runtime.and_then(|runtime| runtime.block_on(run())).expect("it starts");
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls(mut self, clients: ClientAuth) -> Self {
        self.tls = Some(clients);
        self
    }

    /// Starts one server.
    ///
    /// # Errors
    ///
    /// Where the address cannot be listened on, or certificates cannot be made.
    pub async fn start(self) -> io::Result<TestServer> {
        Ok(TestServer(self.start_cluster(1).await?))
    }

    /// Starts a cluster of so many members (one at least), of which the first leads.
    ///
    /// # Errors
    ///
    /// Where an address cannot be listened on, or certificates cannot be made.
    pub async fn start_cluster(self, members: usize) -> io::Result<TestCluster> {
        let mut listeners = Vec::new();
        for nth in 0..members.max(1) {
            listeners.push(TcpListener::bind(nth_address(self.address, nth)?).await?);
        }
        #[cfg(feature = "tls")]
        let tls =
            self.tls.map(|auth| Tls::new(auth, self.version, self.address.ip())).transpose()?;
        let mut known = Vec::new();
        for (id, listener) in (1..).zip(&listeners) {
            known.push(member(id, &self.url(listener.local_addr()?)));
        }
        let store = Store::new(self.version, known);
        let v3 = v3::Server::new(store, self.clock.clone(), 1);
        let v2 = v2::Server::new(self.version, self.clock.clone());
        let mut nodes = Vec::new();
        for (id, listener) in (1..).zip(listeners) {
            let url = self.url(listener.local_addr()?);
            let service = Service {
                api: Api::new(self.version, v2.clone(), v3.member(id)),
                #[cfg(feature = "tls")]
                tls: tls.clone(),
            };
            nodes.push(Node::start(listener, url, service)?);
        }
        Ok(TestCluster::new(nodes, v2, v3))
    }

    fn url(&self, address: SocketAddr) -> String {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return format!("https://{address}");
        }
        format!("http://{address}")
    }
}

fn nth_address(first: SocketAddr, nth: usize) -> io::Result<SocketAddr> {
    if first.port() == 0 {
        return Ok(first);
    }
    let port = u16::try_from(nth).ok().and_then(|nth| first.port().checked_add(nth));
    let none =
        || io::Error::new(io::ErrorKind::InvalidInput, format!("no {nth} ports follow {first}"));
    Ok(SocketAddr::new(first.ip(), port.ok_or_else(none)?))
}

fn member(id: u64, url: &str) -> Member {
    Member {
        id,
        name: format!("m{id}"),
        // Nobody listens there: members share a store.
        peer_urls: vec![format!("http://127.0.0.1:{}", 40_000 + id)],
        client_urls: vec![url.to_owned()],
        is_learner: false,
    }
}
