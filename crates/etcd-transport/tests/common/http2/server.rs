//! A server in this process that plays a script over HTTP/2 and remembers what it saw.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_transport::endpoint::Endpoint;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::frame::{self, ACK, END_STREAM, Frame, PREFACE};
use super::script::{Request, Script};
use crate::common::place::Port;
use crate::common::script::{Act, End, Line};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A scripted server; it ends with its connections when it is dropped.
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    port: Port,
    seen: Arc<Seen>,
    script: Script,
    hang_up: watch::Sender<End>,
    accepting: JoinHandle<()>,
}

/// What a server has seen.
#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Request>>,
    /// Frames that are not part of a request.
    control: Mutex<Vec<Frame>>,
    accepted: AtomicUsize,
    open: AtomicUsize,
    written: AtomicU64,
    /// Reads nothing more while set.
    deaf: AtomicBool,
    changed: Notify,
}

impl Server {
    pub(crate) fn start(script: Script) -> Self {
        let port = Port::reserve();
        let (seen, hang_up) = (Arc::default(), watch::Sender::new(End::Close));
        let accepting = accept(port.listen(128), &script, &seen, &hang_up);
        Self { endpoint: port.endpoint(), port, seen, script, hang_up, accepting }
    }

    pub(crate) fn healthy() -> Self {
        Self::start(Script::healthy())
    }

    /// Refuses connections from now on, and ends those that are there.
    pub(crate) async fn stop(&mut self, end: End) {
        self.accepting.abort();
        let _ = (&mut self.accepting).await;
        self.hang_up(end).await;
    }

    /// Listens again where it did before.
    pub(crate) fn restart(&mut self) {
        self.accepting = accept(self.port.listen(128), &self.script, &self.seen, &self.hang_up);
    }

    /// Ends all connections, and waits until they have.
    pub(crate) async fn hang_up(&self, end: End) {
        self.hang_up.send_replace(end);
        self.until("all connections ended", |server| server.open() == 0).await;
    }

    /// Ends all connections without waiting.
    pub(crate) fn end_all(&self, end: End) {
        self.hang_up.send_replace(end);
    }

    /// Reads nothing more from any connection, as a stopped process does.
    pub(crate) fn go_deaf(&self) {
        self.seen.deaf.store(true, Ordering::SeqCst);
    }

    /// Waits until something holds.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let wait = async {
            loop {
                let changed = self.seen.changed.notified();
                if holds(self) {
                    return;
                }
                changed.await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "never came true: {what}");
    }

    /// How many whole requests came, but for those for a sign of life.
    pub(crate) fn calls(&self) -> usize {
        self.count(|request| !request.is_sign_of_life())
    }

    /// How many whole requests came about this key.
    pub(crate) fn about(&self, key: &str) -> usize {
        self.count(|request| request.is_about(key))
    }

    pub(crate) fn count(&self, which: impl Fn(&Request) -> bool) -> usize {
        self.seen.requests.lock().unwrap().iter().filter(|request| which(request)).count()
    }

    /// How many frames of this kind came that are not part of a request.
    pub(crate) fn control(&self, which: impl Fn(&Frame) -> bool) -> usize {
        self.seen.control.lock().unwrap().iter().filter(|frame| which(frame)).count()
    }

    pub(crate) fn pings(&self) -> usize {
        self.control(|frame| frame.kind == frame::PING && !frame.has(ACK))
    }

    /// How many streams the client has cancelled.
    pub(crate) fn cancelled(&self) -> usize {
        self.control(|frame| frame.kind == frame::RST_STREAM && frame.number(0) == frame::CANCEL)
    }

    /// How many connections were accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.seen.accepted.load(Ordering::SeqCst)
    }

    /// How many connections there are.
    pub(crate) fn open(&self) -> usize {
        self.seen.open.load(Ordering::SeqCst)
    }

    /// How many bytes the kernel took from it.
    pub(crate) fn written(&self) -> u64 {
        self.seen.written.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn accept(
    listener: TcpListener,
    script: &Script,
    seen: &Arc<Seen>,
    hang_up: &watch::Sender<End>,
) -> JoinHandle<()> {
    let (script, seen, hang_up) = (script.clone(), Arc::clone(seen), hang_up.clone());
    tokio::spawn(async move {
        while let Ok((line, _)) = listener.accept().await {
            // What a script sends is there at once.
            let _ = line.set_nodelay(true);
            tokio::spawn(serve(line, script.clone(), Arc::clone(&seen), hang_up.subscribe()));
        }
    })
}

async fn serve(
    line: TcpStream,
    script: Script,
    seen: Arc<Seen>,
    mut hang_up: watch::Receiver<End>,
) {
    let nth = seen.accepted.fetch_add(1, Ordering::SeqCst);
    seen.open.fetch_add(1, Ordering::SeqCst);
    seen.changed.notify_waiters();
    let (from, to) = line.into_split();
    let to = Arc::new(tokio::sync::Mutex::new(to));
    let (end, mut ends) = mpsc::unbounded_channel();
    let talk = Talk { nth, script, seen: Arc::clone(&seen), to: Arc::clone(&to), end };
    let mut acting = JoinSet::new();
    let mut from = BufReader::new(from);
    let end = tokio::select! {
        _ = converse(&mut from, talk, &mut acting) => End::Close,
        Some(end) = ends.recv() => end,
        _ = hang_up.changed() => *hang_up.borrow(),
    };
    acting.shutdown().await;
    let to = Arc::into_inner(to).unwrap().into_inner();
    let line = from.into_inner().reunite(to).unwrap();
    if end == End::Reset {
        line.poison();
    }
    drop(line);
    seen.open.fetch_sub(1, Ordering::SeqCst);
    seen.changed.notify_waiters();
}

/// One connection.
#[derive(Clone)]
struct Talk {
    nth: usize,
    script: Script,
    seen: Arc<Seen>,
    to: Arc<tokio::sync::Mutex<OwnedWriteHalf>>,
    end: mpsc::UnboundedSender<End>,
}

async fn converse(
    from: &mut BufReader<OwnedReadHalf>,
    talk: Talk,
    acting: &mut JoinSet<()>,
) -> io::Result<()> {
    let mut greeting = talk.script.greeting.clone();
    let hangs = matches!(greeting.last(), Some(Act::Hang));
    greeting.truncate(greeting.len() - usize::from(hangs));
    talk.clone().play(greeting).await;
    if hangs {
        tokio::io::copy(from, &mut tokio::io::sink()).await?;
        return Ok(());
    }
    let mut preface = vec![0; PREFACE.len()];
    from.read_exact(&mut preface).await?;
    if preface != PREFACE {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let (mut open, mut count) = (HashMap::new(), 0);
    loop {
        if talk.seen.deaf.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let frame = Frame::read(from).await?;
        let (stream, ends) = (frame.stream, frame.has(END_STREAM));
        match frame.kind {
            frame::HEADERS => {
                let (connection, nth) = (talk.nth, count);
                count += 1;
                let request = Request { connection, stream, nth, body: Vec::new() };
                acting.spawn(talk.clone().play((talk.script.opened)(&request)));
                open.insert(stream, (request, false));
            }
            frame::DATA => {
                let Some((request, begun)) = open.get_mut(&stream) else { continue };
                request.body.extend_from_slice(&frame.payload);
                talk.give_room(stream, frame.payload.len()).await?;
                // A stream's first message is a request; so is what ends.
                if !*begun && (ends || is_whole(&request.body)) {
                    *begun = true;
                    talk.note(|seen| seen.requests.lock().unwrap().push(request.clone()));
                    acting.spawn(talk.clone().play((talk.script.asked)(request)));
                } else if !frame.payload.is_empty() {
                    acting.spawn(talk.clone().play((talk.script.more)(request)));
                }
            }
            kind => {
                if kind == frame::SETTINGS && !frame.has(ACK) {
                    talk.write(&frame::frame(frame::SETTINGS, ACK, 0, &[])).await?;
                }
                if kind == frame::PING && !frame.has(ACK) && talk.script.pongs {
                    talk.write(&frame::frame(frame::PING, ACK, 0, &frame.payload)).await?;
                }
                talk.note(|seen| seen.control.lock().unwrap().push(frame));
            }
        }
    }
}

/// Whether the bytes are one gRPC message.
fn is_whole(body: &[u8]) -> bool {
    let Some((head, message)) = body.split_first_chunk::<5>() else { return false };
    message.len() >= u32::from_be_bytes(head[1..].try_into().unwrap()) as usize
}

impl Talk {
    fn note(&self, note: impl FnOnce(&Seen)) {
        note(&self.seen);
        self.seen.changed.notify_waiters();
    }

    async fn give_room(&self, stream: u32, bytes: usize) -> io::Result<()> {
        let bytes = u32::try_from(bytes).unwrap();
        if bytes < 1024 {
            return Ok(());
        }
        let both = [frame::window_update(0, bytes), frame::window_update(stream, bytes)].concat();
        self.write(&both).await
    }

    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        let mut to = self.to.lock().await;
        while !bytes.is_empty() {
            let taken = to.write(bytes).await?;
            self.note(|seen| {
                seen.written.fetch_add(taken as u64, Ordering::SeqCst);
            });
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// Does what the script says; a client that is gone ends it.
    async fn play(self, acts: Vec<Act>) {
        for act in acts {
            let done = match act {
                Act::Send(bytes) => self.write(&bytes).await,
                Act::Drip(bytes, pause) => self.drip(&bytes, pause).await,
                Act::Pour(bytes) => loop {
                    if let Err(error) = self.write(&bytes).await {
                        break Err(error);
                    }
                },
                Act::Wait(pause) => {
                    tokio::time::sleep(pause).await;
                    Ok(())
                }
                Act::Hang => std::future::pending().await,
                Act::Close => self.over(End::Close).await,
                Act::Reset => self.over(End::Reset).await,
            };
            if done.is_err() {
                return;
            }
        }
    }

    async fn drip(&self, bytes: &[u8], pause: Duration) -> io::Result<()> {
        for byte in bytes {
            tokio::time::sleep(pause).await;
            self.write(&[*byte]).await?;
        }
        Ok(())
    }

    async fn over(&self, end: End) -> io::Result<()> {
        let _ = self.end.send(end);
        std::future::pending().await
    }
}
