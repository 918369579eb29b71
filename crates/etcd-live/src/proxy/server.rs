//! The side of the proxy that accepts connections.

use std::future::pending;
use std::io;
use std::net::{self, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;

use super::connection::carry;
use super::{Command, Cut, Mode, Shared};

/// Accepts connections, and does what it is told.
pub(super) struct Server {
    address: SocketAddr,
    target: SocketAddr,
    mode: watch::Sender<Mode>,
    cuts: broadcast::Sender<Cut>,
    shared: Arc<Shared>,
    connections: JoinSet<()>,
}

impl Server {
    pub(super) fn new(address: SocketAddr, target: SocketAddr, shared: Arc<Shared>) -> Self {
        let (mode, cuts) = (watch::Sender::new(Mode::Pass), broadcast::Sender::new(1));
        Self { address, target, mode, cuts, shared, connections: JoinSet::new() }
    }

    pub(super) async fn run(
        mut self,
        listener: net::TcpListener,
        mut commands: mpsc::UnboundedReceiver<Command>,
    ) {
        let Ok(listener) = TcpListener::from_std(listener) else { return };
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
            *listener = Some(TcpListener::from_std(listen(self.address)?)?);
        }
        Ok(())
    }

    async fn cut(&mut self, how: Cut) {
        // Without a receiver there is no connection to cut.
        let _ = self.cuts.send(how);
        while self.connections.join_next().await.is_some() {}
    }

    fn carry(&mut self, client: TcpStream) {
        let shared = Arc::clone(&self.shared);
        shared.accepted.fetch_add(1, Ordering::SeqCst);
        shared.open.fetch_add(1, Ordering::SeqCst);
        let (mode, cuts) = (self.mode.subscribe(), self.cuts.subscribe());
        let connection = carry(client, self.target, mode, cuts, Arc::clone(&shared));
        self.connections.spawn(async move {
            connection.await;
            shared.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

/// Not by tokio's own call, which a caller within another runtime could not make.
pub(super) fn listen(address: SocketAddr) -> io::Result<net::TcpListener> {
    let listener = net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(client, _)| client),
        None => pending().await,
    }
}
