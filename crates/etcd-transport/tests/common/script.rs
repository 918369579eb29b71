//! What a server does: scripts, and how one is played on a connection.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::reply;
use super::request::Request;

/// One thing that a server does on a connection.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes one at a time, each after a pause.
    Drip(Vec<u8>, Duration),
    /// Sends these bytes over and over until the client is gone.
    Pour(Vec<u8>),
    /// Does nothing for a while.
    Wait(Duration),
    /// Does nothing until the client is gone.
    Hang,
    /// Ends the connection in good order.
    Close,
    /// Ends the connection with a reset.
    Reset,
}

/// How a connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Close,
    Reset,
}

type OnRequest = dyn Fn(&Request) -> Vec<Act> + Send + Sync;

/// What a server does with connections and requests.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) accepted: Vec<Act>,
    pub(crate) requested: Arc<OnRequest>,
}

impl Script {
    /// Answers everything.
    pub(crate) fn healthy() -> Self {
        Self::on(|request| vec![Act::Send(reply::healthy(request))])
    }

    /// Does what the function says for each request.
    pub(crate) fn on(requested: impl Fn(&Request) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self { accepted: Vec::new(), requested: Arc::new(requested) }
    }

    /// Does this for each request, and answers those for a sign of life.
    pub(crate) fn each(acts: impl IntoIterator<Item = Act>) -> Self {
        let acts: Vec<_> = acts.into_iter().collect();
        Self::on(move |request| match request.is_sign_of_life() {
            true => vec![Act::Send(reply::version())],
            false => acts.clone(),
        })
    }

    /// Does this for each request, whatever it is.
    pub(crate) fn always(acts: impl IntoIterator<Item = Act>) -> Self {
        let acts: Vec<_> = acts.into_iter().collect();
        Self::on(move |_| acts.clone())
    }

    /// Does this for the first request that is not for a sign of life, and answers all others.
    pub(crate) fn first(acts: impl IntoIterator<Item = Act>) -> Self {
        let (acts, asked): (Vec<_>, _) = (acts.into_iter().collect(), AtomicUsize::new(0));
        Self::on(move |request| {
            match request.is_sign_of_life() || asked.fetch_add(1, Ordering::Relaxed) > 0 {
                true => vec![Act::Send(reply::healthy(request))],
                false => acts.clone(),
            }
        })
    }

    /// Does this with each connection before anything is read from it.
    pub(crate) fn greeting(acts: impl IntoIterator<Item = Act>) -> Self {
        Self { accepted: acts.into_iter().collect(), ..Self::healthy() }
    }
}

/// A connection that can be reset.
pub(crate) trait Line: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Has the connection end with a reset when it is dropped.
    fn poison(&self) {}
}

impl Line for TcpStream {
    fn poison(&self) {
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
    }
}

impl Line for UnixStream {}

/// Does what the script says, reports how many bytes the kernel took each time, and tells whether
/// the connection ends with that.
pub(crate) async fn play(
    acts: &[Act],
    line: &mut impl Line,
    sent: &impl Fn(usize),
) -> io::Result<Option<End>> {
    for act in acts {
        match act {
            Act::Send(bytes) => send(line, bytes, sent).await?,
            Act::Drip(bytes, pause) => {
                for byte in bytes {
                    tokio::time::sleep(*pause).await;
                    send(line, &[*byte], sent).await?;
                }
            }
            Act::Pour(bytes) => loop {
                send(line, bytes, sent).await?;
            },
            Act::Wait(pause) => tokio::time::sleep(*pause).await,
            Act::Hang => while line.read(&mut [0; 1024]).await? > 0 {},
            Act::Close => return Ok(Some(End::Close)),
            Act::Reset => return Ok(Some(End::Reset)),
        }
    }
    Ok(None)
}

async fn send(line: &mut impl Line, mut bytes: &[u8], sent: &impl Fn(usize)) -> io::Result<()> {
    while !bytes.is_empty() {
        let taken = line.write(bytes).await?;
        sent(taken);
        bytes = &bytes[taken..];
    }
    Ok(())
}
