//! Several endpoints over one store.

use std::io;
use std::net::SocketAddr;

use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::befall;
use crate::builder::Builder;
use crate::clock::Clock;
use crate::fault::{Faults, Incident};
use crate::listen::{self, Service, State};
#[cfg(feature = "tls")]
use crate::tls::Certificates;
use crate::v2;
use crate::v3;

/// How many bytes a pipe holds.
const PIPE: usize = 64 * 1024;

/// One member, and where it listens.
#[derive(Debug)]
pub(crate) struct Node {
    address: SocketAddr,
    url: String,
    service: Service,
    state: watch::Sender<State>,
}

impl Node {
    pub(crate) fn start(listener: TcpListener, url: String, service: Service) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let node = Self { address, url, service, state: watch::Sender::new(State::Up) };
        node.accept(listener);
        Ok(node)
    }

    fn accept(&self, listener: TcpListener) {
        tokio::spawn(listen::accept(listener, self.service.clone(), self.state.subscribe()));
    }

    fn id(&self) -> u64 {
        self.service.api.v3.id()
    }
}

/// Several endpoints over one store, one of which leads.
///
/// Members have numbers from 0. Dropping it ends every connection and frees the ports.
#[derive(Debug)]
pub struct TestCluster {
    nodes: Vec<Node>,
    v3: v3::Server,
    expiry: JoinHandle<()>,
}

impl TestCluster {
    pub(crate) fn new(nodes: Vec<Node>, v2: v2::Server, v3: v3::Server) -> Self {
        let clocked = v3.clone();
        let expiry = tokio::spawn(async move { tokio::join!(clocked.run(), v2.run()).0 });
        Self { nodes, v3, expiry }
    }

    /// What can be chosen before it starts.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The URL of each member.
    pub fn endpoints(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.url.clone()).collect()
    }

    /// What a client needs for TLS, where that was asked for.
    #[cfg(feature = "tls")]
    pub fn certificates(&self) -> Option<&Certificates> {
        self.nodes.first()?.service.tls.as_ref().map(|tls| &*tls.certificates)
    }

    /// The address of a member.
    ///
    /// # Panics
    ///
    /// Where there is no such member, as every call with a number does.
    pub fn address(&self, member: usize) -> SocketAddr {
        self.nodes[member].address
    }

    /// A connection to a member that is in memory alone, and speaks what a socket does.
    pub fn pipe(&self, member: usize) -> DuplexStream {
        let node = &self.nodes[member];
        let (ours, theirs) = tokio::io::duplex(PIPE);
        tokio::spawn(listen::serve(theirs, node.service.clone(), node.state.subscribe()));
        ours
    }

    /// The clock that leases end by.
    pub fn clock(&self) -> &Clock {
        self.v3.clock()
    }

    /// What v3 clients see, to be looked at and changed behind their backs.
    pub fn v3(&self) -> &v3::Server {
        &self.v3
    }

    /// What goes wrong with requests to a member.
    pub fn faults(&self, member: usize) -> &Faults {
        &self.nodes[member].service.api.faults
    }

    /// Has something happen to the store of v3 now; returns whether it did.
    pub fn befall(&self, incident: &Incident) -> bool {
        befall::happen(&self.v3, incident)
    }

    /// The member that leads.
    pub fn leader(&self) -> Option<usize> {
        let leader = self.v3.with(|store| store.cluster.leader);
        self.nodes.iter().position(|node| node.id() == leader)
    }

    /// Lets another member lead, or none.
    pub fn lead(&self, member: Option<usize>) {
        let id = member.map_or(0, |member| self.nodes[member].id());
        self.v3.with(|store| {
            store.cluster.leader = id;
            store.cluster.term += 1;
        });
    }

    /// Ends a member: its connections end, and new ones are refused.
    ///
    /// Where it led, the first that is up leads now. Returns when the port refuses connections.
    pub async fn kill(&self, member: usize) {
        let node = &self.nodes[member];
        node.state.send_replace(State::Down);
        // The listener is gone when its receiver is.
        node.state.closed().await;
        if self.leader() == Some(member) {
            self.lead(self.nodes.iter().position(|node| *node.state.borrow() == State::Up));
        }
    }

    /// Starts a member that was killed, on the port that it had.
    ///
    /// # Errors
    ///
    /// Where the port was taken meanwhile.
    pub async fn restart(&self, member: usize) -> io::Result<()> {
        let node = &self.nodes[member];
        if *node.state.borrow() != State::Down {
            return Ok(());
        }
        let listener = TcpListener::bind(node.address).await?;
        node.state.send_replace(State::Up);
        node.accept(listener);
        if self.leader().is_none() {
            self.lead(Some(member));
        }
        Ok(())
    }

    /// Stops reading and writing at a member; connections stay, and new ones wait.
    ///
    /// What it has read already may still be done.
    pub fn pause(&self, member: usize) {
        self.change(member, State::Paused);
    }

    /// Cuts every connection of a member, and each new one as soon as it is made.
    ///
    /// Those that there were end even where it is resumed at once.
    pub fn cut(&self, member: usize) {
        self.change(member, State::Cut);
        self.nodes[member].service.api.cuts.send_replace(());
    }

    /// Lets a member go on that was paused or cut off.
    pub fn resume(&self, member: usize) {
        self.change(member, State::Up);
    }

    fn change(&self, member: usize, to: State) {
        self.nodes[member].state.send_if_modified(|state| {
            let alive = *state != State::Down;
            if alive {
                *state = to;
            }
            alive
        });
    }
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        self.expiry.abort();
        for node in &self.nodes {
            node.state.send_replace(State::Down);
        }
    }
}

/// One server, ended when it is dropped.
#[derive(Debug)]
pub struct TestServer(pub(crate) TestCluster);

impl TestServer {
    /// Starts a server of the newest etcd on a loopback port.
    ///
    /// # Errors
    ///
    /// Where there is no port to listen on.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// What can be chosen before it starts.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Its URL, as clients take it.
    pub fn endpoint(&self) -> String {
        self.0.nodes.first().map(|node| node.url.clone()).unwrap_or_default()
    }

    /// What a client needs for TLS, where that was asked for.
    #[cfg(feature = "tls")]
    pub fn certificates(&self) -> Option<&Certificates> {
        self.0.certificates()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address(0)
    }

    /// A connection to it that is in memory alone, and speaks what a socket does.
    pub fn pipe(&self) -> DuplexStream {
        self.0.pipe(0)
    }

    /// What goes wrong with requests to it.
    pub fn faults(&self) -> &Faults {
        self.0.faults(0)
    }

    /// It as a cluster of one: to be paused, cut off, killed and restarted as member 0.
    pub fn cluster(&self) -> &TestCluster {
        &self.0
    }
}
