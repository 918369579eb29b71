//! One connection through the proxy, from its beginning to its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{broadcast, watch};

use super::fuse::{Counter, Verdict};
use super::{Cut, Mode, Shared, Way};

/// Why a connection ends before both sides have ended.
enum End {
    /// One side has failed.
    Failed,
    /// The fuse has burnt.
    Burnt(Cut),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Failed
    }
}

/// Carries a client's connection until it ends by itself or is cut.
pub(super) async fn carry(
    mut client: TcpStream,
    target: SocketAddr,
    mode: watch::Receiver<Mode>,
    mut cuts: broadcast::Receiver<Cut>,
    shared: Arc<Shared>,
) {
    let Ok(mut server) = TcpStream::connect(target).await else {
        return end(client, Cut::Reset).await;
    };
    for stream in [&client, &server] {
        // A proxy is to add no delays of its own; a connection that refuses has ended already.
        let _ = stream.set_nodelay(true);
    }
    let mut directions =
        [Way::ToServer, Way::ToClient].map(|way| Direction::new(way, mode.clone(), &shared));
    let how = tokio::select! {
        how = cuts.recv() => how.unwrap_or(Cut::Finish),
        ended = both_ways(&mut client, &mut server, &mut directions) => match ended {
            Ok(()) => Cut::Finish,
            Err(End::Failed) => Cut::Reset,
            Err(End::Burnt(how)) => how,
        },
    };
    end(client, how).await;
    end(server, how).await;
    if directions.iter().any(|direction| direction.burns) {
        shared.burnt.fetch_add(1, Ordering::SeqCst);
    }
}

/// Carries bytes until both sides have ended, or one has failed.
async fn both_ways(
    client: &mut TcpStream,
    server: &mut TcpStream,
    [asked, answered]: &mut [Direction<'_>; 2],
) -> Result<(), End> {
    let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
    tokio::try_join!(asked.carry(from_client, to_server), answered.carry(from_server, to_client))
        .map(drop)
}

/// One direction of a connection.
struct Direction<'a> {
    way: Way,
    mode: watch::Receiver<Mode>,
    counter: Counter,
    /// Whether it has taken the fuse: the connection ends soon, one way or another.
    burns: bool,
    shared: &'a Shared,
}

impl<'a> Direction<'a> {
    fn new(way: Way, mode: watch::Receiver<Mode>, shared: &'a Shared) -> Self {
        Self { way, mode, counter: Counter::new(way), burns: false, shared }
    }

    async fn carry(&mut self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> Result<(), End> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = from.read(&mut buffer).await?;
            let way = self.way;
            // The server's end of `mode` outlives its connections.
            let _ = self.mode.wait_for(|mode| mode.carries(way)).await;
            if length == 0 {
                return Ok(to.shutdown().await?);
            }
            match self.counter.count(length, &self.shared.fuse) {
                Verdict::Carry => self.write(&buffer[..length], &mut to).await?,
                Verdict::Burn { carried, swallowed, how } => {
                    self.burns = true;
                    self.write(&buffer[..carried], &mut to).await?;
                    swallow(&mut from, swallowed, length - carried).await?;
                    return Err(End::Burnt(how));
                }
            }
        }
    }

    async fn write(&mut self, mut bytes: &[u8], to: &mut WriteHalf<'_>) -> io::Result<()> {
        while !bytes.is_empty() {
            let mode = *self.mode.borrow_and_update();
            let piece = if let Mode::Drip(_) = mode { 1 } else { bytes.len() };
            to.write_all(&bytes[..piece]).await?;
            self.shared.count_carried(self.way, piece);
            bytes = &bytes[piece..];
            if let Mode::Drip(per_second) = mode {
                tokio::time::sleep(Duration::from_secs(1) / per_second.max(1)).await;
            }
        }
        Ok(())
    }
}

/// Takes bytes and drops them until there were so many, or there are no more.
async fn swallow(from: &mut ReadHalf<'_>, wanted: u64, had: usize) -> io::Result<()> {
    let left = wanted.saturating_sub(had as u64);
    tokio::io::copy(&mut from.take(left), &mut tokio::io::sink()).await.map(drop)
}

async fn end(mut stream: TcpStream, how: Cut) {
    // A side that has ended already cannot be ended again.
    let _ = match how {
        Cut::Reset => SockRef::from(&stream).set_linger(Some(Duration::ZERO)),
        Cut::Finish => stream.shutdown().await,
    };
}
