//! A TCP proxy in front of one member, whose connections can be cut, stalled and slowed.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as ack;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;

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
    /// So many bytes a second are carried in each direction.
    Drip(u32),
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
    counted: Arc<Counted>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Counted {
    accepted: AtomicUsize,
    open: AtomicUsize,
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
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _entered = runtime.enter();
            listen(address)?
        };
        let (commands, received) = mpsc::unbounded_channel();
        let counted = Arc::new(Counted::default());
        let server = Server::new(address, target, Arc::clone(&counted));
        let thread = thread::spawn(move || runtime.block_on(server.run(listener, received)));
        Ok(Self { address, commands: Some(commands), counted, thread: Some(thread) })
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
        self.counted.open.load(Ordering::SeqCst)
    }

    /// How many connections were accepted so far.
    pub fn accepted(&self) -> usize {
        self.counted.accepted.load(Ordering::SeqCst)
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

struct Server {
    address: SocketAddr,
    target: SocketAddr,
    mode: watch::Sender<Mode>,
    cuts: broadcast::Sender<Cut>,
    counted: Arc<Counted>,
    connections: JoinSet<()>,
}

impl Server {
    fn new(address: SocketAddr, target: SocketAddr, counted: Arc<Counted>) -> Self {
        let (mode, cuts) = (watch::Sender::new(Mode::Pass), broadcast::Sender::new(1));
        Self { address, target, mode, cuts, counted, connections: JoinSet::new() }
    }

    async fn run(mut self, listener: TcpListener, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut listener = Some(listener);
        loop {
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(Command::Mode(mode, done)) => {
                        // Nobody waits for the answer of a proxy that is being dropped.
                        let _ = done.send(self.set_mode(mode, &mut listener));
                    }
                    Some(Command::Cut(how, done)) => {
                        self.cut(how).await;
                        let _ = done.send(Ok(()));
                    }
                    None => return,
                },
                Ok(client) = accept(listener.as_ref()) => self.carry(client),
                Some(_) = self.connections.join_next() => {}
            }
        }
    }

    fn set_mode(&self, mode: Mode, listener: &mut Option<TcpListener>) -> io::Result<()> {
        self.mode.send_replace(mode);
        if mode == Mode::Refuse {
            *listener = None;
        } else if listener.is_none() {
            *listener = Some(listen(self.address)?);
        }
        Ok(())
    }

    async fn cut(&mut self, how: Cut) {
        // Without a receiver there is no connection to cut.
        let _ = self.cuts.send(how);
        while self.connections.join_next().await.is_some() {}
    }

    fn carry(&mut self, client: TcpStream) {
        self.counted.accepted.fetch_add(1, Ordering::SeqCst);
        self.counted.open.fetch_add(1, Ordering::SeqCst);
        let (mode, cuts) = (self.mode.subscribe(), self.cuts.subscribe());
        let connection = carry(client, self.target, mode, cuts);
        let counted = Arc::clone(&self.counted);
        self.connections.spawn(async move {
            connection.await;
            counted.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

/// Not by tokio's own call, which a caller within another runtime could not make.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(client, _)| client),
        None => pending().await,
    }
}

/// One connection, from its beginning to its end.
async fn carry(
    mut client: TcpStream,
    target: SocketAddr,
    mode: watch::Receiver<Mode>,
    mut cuts: broadcast::Receiver<Cut>,
) {
    let Ok(mut server) = TcpStream::connect(target).await else {
        return end(client, Cut::Reset).await;
    };
    for stream in [&client, &server] {
        // A proxy is to add no delays of its own; a connection that refuses has ended already.
        let _ = stream.set_nodelay(true);
    }
    let how = tokio::select! {
        how = cuts.recv() => how.unwrap_or(Cut::Finish),
        how = both_ways(&mut client, &mut server, &mode) => how,
    };
    end(client, how).await;
    end(server, how).await;
}

/// Carries bytes until both sides have ended, or one has failed; that is passed on.
async fn both_ways(
    client: &mut TcpStream,
    server: &mut TcpStream,
    mode: &watch::Receiver<Mode>,
) -> Cut {
    let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
    let asked = one_way(from_client, to_server, mode.clone());
    let answered = one_way(from_server, to_client, mode.clone());
    tokio::try_join!(asked, answered).map_or(Cut::Reset, |_| Cut::Finish)
}

async fn one_way(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut mode: watch::Receiver<Mode>,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = from.read(&mut buffer).await?;
        // The server's end of `mode` outlives its connections.
        let _ = mode.wait_for(|mode| *mode != Mode::Stall).await;
        if length == 0 {
            return to.shutdown().await;
        }
        let mut rest = &buffer[..length];
        while !rest.is_empty() {
            let piece = match *mode.borrow_and_update() {
                Mode::Drip(_) => 1,
                _ => rest.len(),
            };
            to.write_all(&rest[..piece]).await?;
            rest = &rest[piece..];
            drip(&mode).await;
        }
    }
}

/// The time that one byte takes.
async fn drip(mode: &watch::Receiver<Mode>) {
    let mode = *mode.borrow();
    if let Mode::Drip(per_second) = mode {
        tokio::time::sleep(Duration::from_secs(1) / per_second.max(1)).await;
    }
}

async fn end(mut stream: TcpStream, how: Cut) {
    // A side that has ended already cannot be ended again.
    let _ = match how {
        Cut::Reset => SockRef::from(&stream).set_linger(Some(Duration::ZERO)),
        Cut::Finish => stream.shutdown().await,
    };
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net;
    use std::time::Instant;

    use super::*;

    fn pair() -> (Proxy, net::TcpStream, net::TcpStream) {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy::to(&listener.local_addr().unwrap().to_string()).unwrap();
        let client = net::TcpStream::connect(proxy.endpoint()).unwrap();
        let (server, _) = listener.accept().unwrap();
        for stream in [&client, &server] {
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        }
        (proxy, client, server)
    }

    #[test]
    fn it_passes_and_stalls_and_drips() {
        let (proxy, mut client, mut server) = pair();
        let mut heard = [0; 5];
        client.write_all(b"hello").unwrap();
        server.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"hello");

        proxy.mode(Mode::Stall).unwrap();
        server.write_all(b"later").unwrap();
        assert_eq!(client.read(&mut heard).unwrap_err().kind(), ErrorKind::WouldBlock);
        proxy.mode(Mode::Pass).unwrap();
        client.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"later");

        proxy.mode(Mode::Drip(50)).unwrap();
        let began = Instant::now();
        client.write_all(b"slow!").unwrap();
        server.read_exact(&mut heard).unwrap();
        assert!(began.elapsed() >= Duration::from_millis(80), "{:?}", began.elapsed());
        assert_eq!((proxy.open(), proxy.accepted()), (1, 1));
    }

    #[test]
    fn it_cuts_as_it_is_told() {
        let (proxy, mut client, mut server) = pair();
        proxy.cut(Cut::Reset).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(proxy.open(), 0);

        let (proxy, mut client, mut server) = pair();
        proxy.cut(Cut::Finish).unwrap();
        assert_eq!((client.read(&mut [0]).unwrap(), server.read(&mut [0]).unwrap()), (0, 0));
    }

    #[test]
    fn it_refuses_and_comes_back() {
        let (proxy, mut client, mut server) = pair();
        proxy.mode(Mode::Refuse).unwrap();
        let error = net::TcpStream::connect(proxy.endpoint()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        client.write_all(b"x").unwrap();
        server.read_exact(&mut [0]).unwrap();
        proxy.mode(Mode::Pass).unwrap();
        net::TcpStream::connect(proxy.endpoint()).unwrap();
    }
}
