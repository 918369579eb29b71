//! Several endpoints over one store.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use etcd_proto::v3::Member;
use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api::Api;
use crate::befall;
use crate::clock::Clock;
use crate::fault::{Faults, Incident};
use crate::listen::{self, State};
use crate::store::v3::Store;
use crate::v2;
use crate::v3;
use crate::version::Version;

/// How many bytes a pipe holds.
const PIPE: usize = 64 * 1024;

/// What a server or a cluster is to be.
#[derive(Clone, Debug)]
pub struct Builder {
    version: Version,
    clock: Clock,
    address: SocketAddr,
}

impl Default for Builder {
    fn default() -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { version: Version::default(), clock: Clock::running(), address }
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

    /// Starts one server.
    ///
    /// # Errors
    ///
    /// Where the address cannot be listened on.
    pub async fn start(self) -> io::Result<TestServer> {
        Ok(TestServer(self.start_cluster(1).await?))
    }

    /// Starts a cluster of so many members (one at least), of which the first leads.
    ///
    /// # Errors
    ///
    /// Where an address cannot be listened on.
    pub async fn start_cluster(self, members: usize) -> io::Result<TestCluster> {
        let mut listeners = Vec::new();
        for nth in 0..members.max(1) {
            listeners.push(TcpListener::bind(nth_address(self.address, nth)?).await?);
        }
        let mut known = Vec::new();
        for (id, listener) in (1..).zip(&listeners) {
            known.push(member(id, listener.local_addr()?));
        }
        let store = Store::new(self.version, known);
        let v3 = v3::Server::new(store, self.clock.clone(), 1);
        let v2 = v2::Server::new(self.version, self.clock.clone());
        let mut nodes = Vec::new();
        for (id, listener) in (1..).zip(listeners) {
            nodes.push(Node::start(listener, Api::new(self.version, v2.clone(), v3.member(id)))?);
        }
        let clocked = v3.clone();
        let expiry = tokio::spawn(async move { tokio::join!(clocked.run(), v2.run()).0 });
        Ok(TestCluster { nodes, v3, expiry })
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

fn member(id: u64, address: SocketAddr) -> Member {
    Member {
        id,
        name: format!("m{id}"),
        // Nobody listens there: members share a store.
        peer_urls: vec![format!("http://127.0.0.1:{}", 40_000 + id)],
        client_urls: vec![format!("http://{address}")],
        is_learner: false,
    }
}

#[derive(Debug)]
struct Node {
    address: SocketAddr,
    api: Api,
    state: watch::Sender<State>,
}

impl Node {
    fn start(listener: TcpListener, api: Api) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let state = watch::Sender::new(State::Up);
        tokio::spawn(listen::accept(listener, api.clone(), state.subscribe()));
        Ok(Self { address, api, state })
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
    /// What can be chosen before it starts.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The URL of each member.
    pub fn endpoints(&self) -> Vec<String> {
        self.nodes.iter().map(|node| format!("http://{}", node.address)).collect()
    }

    /// The address of a member.
    ///
    /// # Panics
    ///
    /// Where there is no such member, as every call with a number does.
    pub fn address(&self, member: usize) -> SocketAddr {
        self.nodes[member].address
    }

    /// A connection to a member that is in memory alone.
    pub fn pipe(&self, member: usize) -> DuplexStream {
        let node = &self.nodes[member];
        let (ours, theirs) = tokio::io::duplex(PIPE);
        tokio::spawn(listen::serve(theirs, node.api.clone(), node.state.subscribe()));
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
        &self.nodes[member].api.faults
    }

    /// Has something happen to the store of v3 now; returns whether it did.
    pub fn befall(&self, incident: &Incident) -> bool {
        befall::happen(&self.v3, incident)
    }

    /// The member that leads.
    pub fn leader(&self) -> Option<usize> {
        let leader = self.v3.with(|store| store.cluster.leader);
        self.nodes.iter().position(|node| node.api.v3.id() == leader)
    }

    /// Lets another member lead, or none.
    pub fn lead(&self, member: Option<usize>) {
        let id = member.map_or(0, |member| self.nodes[member].api.v3.id());
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
        tokio::spawn(listen::accept(listener, node.api.clone(), node.state.subscribe()));
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
        self.nodes[member].api.cuts.send_replace(());
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
pub struct TestServer(TestCluster);

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
        format!("http://{}", self.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address(0)
    }

    /// A connection to it that is in memory alone.
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
