//! A TCP proxy in front of one member, whose connections can be cut, stalled and slowed.

mod connection;
mod fuse;
mod server;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc as ack;
use std::thread::{self, JoinHandle};

use tokio::runtime::Builder;
use tokio::sync::mpsc;

pub use self::fuse::Fuse;

use self::fuse::Holder;
use self::server::{Server, listen};
use crate::members::free_ports;

/// What becomes of bytes and of new connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Bytes are carried at once.
    Pass,
    /// New connections are refused, as by a host where nobody listens; those that are there go on.
    Refuse,
    /// Nothing is carried in either direction, and connections stay open.
    Stall,
    /// Nothing is carried in one direction, and what is sent there waits; the other goes on.
    Mute(Way),
    /// So many bytes a second are carried in each direction.
    Drip(u32),
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// What the client says.
    ToServer,
    /// What the server answers.
    ToClient,
}

/// How connections end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// RST, to both sides.
    Reset,
    /// FIN, to both sides.
    Finish,
}

/// A proxy that lives no longer than this value. It passes everything at first.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    commands: Option<mpsc::UnboundedSender<Command>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What connections count, and what they look at.
#[derive(Debug, Default)]
struct Shared {
    accepted: AtomicUsize,
    open: AtomicUsize,
    burnt: AtomicUsize,
    to_server: AtomicU64,
    to_client: AtomicU64,
    fuse: Holder,
}

#[derive(Debug)]
enum Command {
    Mode(Mode, ack::Sender<io::Result<()>>),
    Cut(Cut, ack::Sender<io::Result<()>>),
}

impl Proxy {
    /// A proxy to an address such as `127.0.0.1:2379`.
    ///
    /// # Errors
    ///
    /// When `target` is no address, or there is no port to listen on.
    pub fn to(target: &str) -> io::Result<Self> {
        let target: SocketAddr = target.parse().map_err(io::Error::other)?;
        // Not an ephemeral port: while it refuses, no outgoing connection may take it.
        let address = SocketAddr::from(([127, 0, 0, 1], free_ports(1)?[0]));
        // Before there is a runtime: it could not be dropped here if this failed within another.
        let listener = listen(address)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (commands, received) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::default());
        let server = Server::new(address, target, Arc::clone(&shared));
        let thread = thread::spawn(move || runtime.block_on(server.run(listener, received)));
        Ok(Self { address, commands: Some(commands), shared, thread: Some(thread) })
    }

    /// The address, as a client takes it.
    pub fn endpoint(&self) -> String {
        self.address.to_string()
    }

    /// Changes what becomes of bytes and new connections; it holds when this returns.
    ///
    /// # Errors
    ///
    /// When the port cannot be had again after refusing.
    pub fn mode(&self, mode: Mode) -> io::Result<()> {
        self.command(|ack| Command::Mode(mode, ack))
    }

    /// Ends all connections that are there; they are gone when this returns.
    ///
    /// # Errors
    ///
    /// When the proxy has failed.
    pub fn cut(&self, how: Cut) -> io::Result<()> {
        self.command(|ack| Command::Cut(how, ack))
    }

    /// How many connections are there.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// How many connections were accepted so far.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How many bytes were carried in one direction so far, on all connections.
    pub fn carried(&self, way: Way) -> u64 {
        self.shared.carried(way).load(Ordering::SeqCst)
    }

    /// Ends the next connection that carries so many bytes; a fuse that was set before goes away.
    pub fn set_fuse(&self, fuse: Fuse) {
        self.shared.fuse.set(fuse);
    }

    /// Takes away the fuse that is set, if it has not begun to burn.
    pub fn clear_fuse(&self) {
        self.shared.fuse.clear();
    }

    /// How many fuses have burnt so far; their connections have ended.
    pub fn burnt(&self) -> usize {
        self.shared.burnt.load(Ordering::SeqCst)
    }

    fn command(
        &self,
        command: impl FnOnce(ack::Sender<io::Result<()>>) -> Command,
    ) -> io::Result<()> {
        let (done, ack) = ack::channel();
        let gone = || io::Error::other("the proxy has ended");
        let commands = self.commands.as_ref().ok_or_else(gone)?;
        commands.send(command(done)).map_err(|_| gone())?;
        ack.recv().map_err(|_| gone())?
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.commands.take());
        if let Some(thread) = self.thread.take() {
            // A proxy that panicked has shown it: its commands fail.
            drop(thread.join());
        }
    }
}

impl Mode {
    fn carries(self, way: Way) -> bool {
        self != Self::Stall && self != Self::Mute(way)
    }
}

impl Shared {
    fn carried(&self, way: Way) -> &AtomicU64 {
        match way {
            Way::ToServer => &self.to_server,
            Way::ToClient => &self.to_client,
        }
    }

    fn count_carried(&self, way: Way, length: usize) {
        self.carried(way).fetch_add(length as u64, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests;
