//! The task that renews every lease a client keeps, on one stream.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etcd_proto::call::Refusal as _;
use etcd_proto::ids::{LeaseId, Ttl};
use etcd_proto::v3::{
    Error as Refusal, KeepAliveStream, LeaseKeepAliveRequest, LeaseKeepAliveResponse,
};
use etcd_transport::{CallError, CallOptions, Lane, OpenStream, Upstream};
use tokio::sync::{Notify, watch};

use super::life::{Ended, Life};
use super::machine::{Answer, Machine, Step};
use crate::clock;
use crate::moment::Moment;
use crate::v3::core::Core;
use crate::v3::pauses::Pauses;

/// How long opening a stream may take: members that cannot be reached are passed over before.
const OPEN: Duration = Duration::from_secs(2);

/// The leases that a client and its clones keep.
#[derive(Debug)]
pub(crate) struct Renewals {
    core: Core,
    kept: Mutex<Kept>,
    /// Something was added to what is kept, or taken from it.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    machine: Machine,
    held: HashMap<LeaseId, Held>,
    /// Whether the task runs.
    runs: bool,
}

#[derive(Debug)]
struct Held {
    life: Arc<watch::Sender<Life>>,
    handles: usize,
}

impl Renewals {
    pub(crate) fn new(core: Core) -> Arc<Self> {
        Arc::new(Self { core, kept: Mutex::default(), changed: Notify::new() })
    }

    /// Keeps a lease that was made or renewed by a request sent at `sent`, until it is let go.
    pub(super) fn keep(
        self: &Arc<Self>,
        id: LeaseId,
        ttl: Duration,
        sent: Moment,
    ) -> Arc<watch::Sender<Life>> {
        let mut kept = self.kept();
        let (surely, end) = kept.machine.keep(id, ttl, sent);
        let life = match kept.held.get_mut(&id) {
            // Another handle has it too.
            Some(held) if renewed(&held.life, surely, end) => {
                held.handles += 1;
                Arc::clone(&held.life)
            }
            _ => {
                let life = Arc::new(watch::Sender::new(Life::Lives { surely, end }));
                kept.held.insert(id, Held { life: Arc::clone(&life), handles: 1 });
                life
            }
        };
        if !std::mem::replace(&mut kept.runs, true) {
            tokio::spawn(Running { renewals: Arc::clone(self), over: false }.run());
        }
        drop(kept);
        self.changed.notify_one();
        life
    }

    /// A handle of this life of a lease is dropped: with the last one it is kept no longer.
    pub(super) fn dropped(&self, id: LeaseId, life: &Arc<watch::Sender<Life>>) {
        let mut kept = self.kept();
        let Some(held) = kept.held_as(id, life) else { return };
        held.handles -= 1;
        if held.handles == 0 {
            kept.forget(id);
            drop(kept);
            self.changed.notify_one();
        }
    }

    /// Keeps this life of a lease no longer, for any handle.
    pub(super) fn let_go(&self, id: LeaseId, life: &Arc<watch::Sender<Life>>) {
        let mut kept = self.kept();
        if kept.held_as(id, life).is_some() {
            kept.forget(id);
            drop(kept);
            self.changed.notify_one();
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to do now. Once it is to rest, the task has to end.
    fn step(&self) -> Step {
        let mut kept = self.kept();
        let step = kept.machine.step(clock::now());
        match step {
            Step::Late(id) => kept.end(id, Ended::NotRenewed),
            Step::Rest => kept.runs = false,
            _ => {}
        }
        step
    }

    fn answered(&self, reply: &LeaseKeepAliveResponse) {
        let mut kept = self.kept();
        let id = reply.lease_id();
        match kept.machine.answered(id, ttl(reply.ttl)) {
            Answer::Renewed { surely, end } => {
                let held = kept.held.get(&id);
                let lives = held.is_some_and(|held| renewed(&held.life, surely, end));
                if !lives {
                    kept.forget(id);
                }
            }
            Answer::Gone => kept.end(id, Ended::Revoked),
            Answer::Stray => {}
        }
    }
}

impl Kept {
    fn held_as(&mut self, id: LeaseId, life: &Arc<watch::Sender<Life>>) -> Option<&mut Held> {
        self.held.get_mut(&id).filter(|held| Arc::ptr_eq(&held.life, life))
    }

    fn forget(&mut self, id: LeaseId) {
        self.machine.forget(id);
        self.held.remove(&id);
    }

    fn end(&mut self, id: LeaseId, why: Ended) {
        self.machine.forget(id);
        if let Some(Held { life, .. }) = self.held.remove(&id) {
            let why = super::kept::end(&life, why);
            tracing::debug!(lease = %id, %why, "a lease ended");
        }
    }
}

/// The time to live that a server gives, in seconds; nothing when it says that there is no lease.
pub(super) fn ttl(seconds: i64) -> Option<Duration> {
    let seconds = u64::try_from(seconds).ok().filter(|&seconds| seconds > 0)?;
    Some(Duration::from_secs(seconds.min(Ttl::MAX_SECONDS)))
}

/// Renews a life that nobody found ended; whether it lives.
fn renewed(life: &watch::Sender<Life>, surely: Moment, end: Moment) -> bool {
    let mut lives = true;
    life.send_if_modified(|life| {
        lives = life.renew(surely, end, clock::now()).is_ok();
        !lives
    });
    lives
}

/// The task.
struct Running {
    renewals: Arc<Renewals>,
    /// It ended because nothing was kept, and another may run by now.
    over: bool,
}

impl Drop for Running {
    /// When the runtime ends with the task, another may be started elsewhere.
    fn drop(&mut self) {
        if !self.over {
            self.renewals.kept().runs = false;
        }
    }
}

/// The stream on which leases are renewed.
struct Stream {
    up: Upstream<KeepAliveStream>,
    down: OpenStream<KeepAliveStream>,
    /// Whether it ever brought an answer.
    answered: bool,
}

type Item = Result<Option<LeaseKeepAliveResponse>, CallError<Refusal>>;

impl Running {
    /// Renews what is kept, until nothing is.
    async fn run(mut self) {
        let mut pauses = Pauses::new();
        let mut stream = None;
        loop {
            let again = match self.renewals.step() {
                Step::Rest => {
                    self.over = true;
                    return;
                }
                Step::Late(_) => true,
                Step::Wait(until) => self.wait(&mut stream, until).await,
                Step::Renew(id) => self.renew(&mut stream, id).await,
                Step::Move => {
                    if let Some(Stream { down, .. }) = &stream {
                        let channel = self.renewals.core.channel();
                        channel.suspect(down.endpoint(), "leases are not renewed there");
                    }
                    self.broken(&mut stream)
                }
            };
            match &stream {
                Some(stream) if stream.answered => pauses.reset(),
                None if !again => pauses.pause().await,
                _ => {}
            }
        }
    }

    /// Waits for an answer, a change or the time; whether all is as it should be.
    async fn wait(&self, stream: &mut Option<Stream>, until: Moment) -> bool {
        let item = tokio::select! {
            item = next(stream) => item,
            () = self.renewals.changed.notified() => return true,
            () = clock::sleep_until(until) => return true,
        };
        self.came(stream, item).await
    }

    async fn renew(&self, stream: &mut Option<Stream>, id: LeaseId) -> bool {
        let request = LeaseKeepAliveRequest::new(id);
        // The time counts from before anything leaves.
        let sent = clock::now();
        let Some(Stream { up, down, .. }) = stream else {
            return self.open(stream, id).await;
        };
        let item = tokio::select! {
            took = up.send(&request) => match took {
                Ok(true) => {
                    self.renewals.kept().machine.asked(id, sent);
                    return true;
                }
                _ => return self.broken(stream),
            },
            item = down.next() => item,
        };
        self.came(stream, item).await
    }

    /// Opens a stream with the renewal of this lease as its first message.
    async fn open(&self, stream: &mut Option<Stream>, id: LeaseId) -> bool {
        let first = KeepAliveStream(LeaseKeepAliveRequest::new(id));
        let options = CallOptions::default().deadline(OPEN).lane(Lane::Calls);
        let sent = clock::now();
        match self.renewals.core.duplex(&first, &options).await {
            Ok((up, down)) => {
                self.renewals.kept().machine.asked(id, sent);
                *stream = Some(Stream { up, down, answered: false });
                true
            }
            Err(error) => {
                tracing::debug!(%error, "no stream to renew leases on");
                false
            }
        }
    }

    /// Something came on the stream, or it ended.
    async fn came(&self, stream: &mut Option<Stream>, item: Item) -> bool {
        match item {
            Ok(Some(reply)) => {
                self.renewals.answered(&reply);
                if let Some(stream) = stream {
                    stream.answered = true;
                }
                return true;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(%error, "the stream that renews leases broke");
                self.failed(error).await;
            }
        }
        self.broken(stream)
    }

    async fn failed(&self, error: CallError<Refusal>) {
        let CallError::Refused { refusal, endpoint, .. } = error else { return };
        if refusal.wants_new_token() {
            self.renewals.core.forget_token().await;
        } else if refusal.may_pass() {
            self.renewals.core.channel().suspect(&endpoint, &refusal.to_string());
        }
    }

    /// The stream is given up, and what was asked on it is due again.
    fn broken(&self, stream: &mut Option<Stream>) -> bool {
        let answered = stream.take().is_some_and(|stream| stream.answered);
        self.renewals.kept().machine.broken();
        // At once, when it had done its work until then.
        answered
    }
}

/// What comes next on the stream; never anything where there is none.
async fn next(stream: &mut Option<Stream>) -> Item {
    match stream {
        Some(stream) => stream.down.next().await,
        None => std::future::pending().await,
    }
}
