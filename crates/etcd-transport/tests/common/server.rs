//! A server in this process that plays a script and remembers what it was asked.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_transport::endpoint::Endpoint;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::place::Port;
use super::request::{Request, Requests};
use super::script::{End, Line, Script, play};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(5);

/// A scripted server; it ends with its connections when it is dropped.
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    port: Option<Port>,
    seen: Arc<Seen>,
    script: Script,
    hang_up: watch::Sender<End>,
    accepting: JoinHandle<()>,
}

/// What a server has seen.
#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Request>>,
    accepted: AtomicUsize,
    open: AtomicUsize,
    written: AtomicU64,
    changed: Notify,
}

impl Server {
    pub(crate) fn start(script: Script) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), script)
    }

    /// A server at another address of this machine.
    pub(crate) fn start_at(address: IpAddr, script: Script) -> Self {
        let port = Port::reserve_at(address);
        let (seen, hang_up) = (Arc::default(), watch::Sender::new(End::Close));
        let accepting = accept(port.listen(128), &script, &seen, &hang_up);
        Self { endpoint: port.endpoint(), port: Some(port), seen, script, hang_up, accepting }
    }

    pub(crate) fn healthy() -> Self {
        Self::start(Script::healthy())
    }

    /// A server at a unix socket.
    pub(crate) fn at_socket(path: &Path, script: Script) -> Self {
        let endpoint = format!("unix:{}", path.display()).parse().unwrap();
        let listener = UnixListener::bind(path).unwrap();
        let (seen, hang_up) = (Arc::<Seen>::default(), watch::Sender::new(End::Close));
        let (ours, theirs, ends) = (script.clone(), Arc::clone(&seen), hang_up.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((line, _)) = listener.accept().await {
                tokio::spawn(serve(line, ours.clone(), Arc::clone(&theirs), ends.subscribe()));
            }
        });
        Self { endpoint, port: None, seen, script, hang_up, accepting }
    }

    /// Refuses connections from now on, and resets those that are there.
    pub(crate) async fn stop(&mut self) {
        self.accepting.abort();
        let _ = (&mut self.accepting).await;
        self.hang_up(End::Reset).await;
    }

    /// Listens again where it did before.
    pub(crate) fn restart(&mut self) {
        let listener = self.port.as_ref().unwrap().listen(128);
        self.accepting = accept(listener, &self.script, &self.seen, &self.hang_up);
    }

    /// Ends all connections, and returns when they have ended.
    pub(crate) async fn hang_up(&self, end: End) {
        self.hang_up.send_replace(end);
        self.until("all connections ended", |server| server.open() == 0).await;
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

    /// Every request that was read whole.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// How many requests came, but for those for a sign of life.
    pub(crate) fn calls(&self) -> usize {
        self.count(|request| !request.is_sign_of_life())
    }

    pub(crate) fn writes(&self) -> usize {
        self.count(Request::is_write)
    }

    pub(crate) fn count(&self, which: impl Fn(&Request) -> bool) -> usize {
        self.seen.requests.lock().unwrap().iter().filter(|request| which(request)).count()
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

async fn serve<L: Line>(
    mut line: L,
    script: Script,
    seen: Arc<Seen>,
    mut hang_up: watch::Receiver<End>,
) {
    seen.accepted.fetch_add(1, Ordering::SeqCst);
    seen.open.fetch_add(1, Ordering::SeqCst);
    seen.changed.notify_waiters();
    let end = tokio::select! {
        end = converse(&mut line, &script, &seen) => end,
        _ = hang_up.changed() => *hang_up.borrow(),
    };
    if end == End::Reset {
        line.poison();
    }
    drop(line);
    seen.open.fetch_sub(1, Ordering::SeqCst);
    seen.changed.notify_waiters();
}

async fn converse(line: &mut impl Line, script: &Script, seen: &Seen) -> End {
    let mut requests = Requests::default();
    let mut acts = script.accepted.clone();
    let sent = |bytes| {
        seen.written.fetch_add(bytes as u64, Ordering::SeqCst);
        seen.changed.notify_waiters();
    };
    loop {
        match play(&acts, line, &sent).await {
            Ok(None) => {}
            Ok(Some(end)) => return end,
            Err(_) => return End::Close,
        }
        let Some(request) = requests.next(line).await else { return End::Close };
        acts = (script.requested)(&request);
        seen.requests.lock().unwrap().push(request);
        seen.changed.notify_waiters();
    }
}
