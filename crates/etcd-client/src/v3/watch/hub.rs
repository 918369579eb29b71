//! The task that has all watches of a client on one stream.

use std::future::pending;
use std::hash::{BuildHasher as _, RandomState};
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use etcd_proto::grpc::TOKEN;
use etcd_proto::v3::{Error as Refusal, WatchResponse, WatchStream};
use etcd_transport::backoff::Backoff;
use etcd_transport::endpoint::Endpoint;
use etcd_transport::error::Kind;
use etcd_transport::{CallError, CallOptions};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::board::{Board, Caller, Command, Finding, Lost};
use super::line::Line;
use super::questions::answer;
use crate::error::{Error, ErrorKind};
use crate::v3::core::Core;

/// How long opening a stream may take: members that cannot be reached are passed over before.
const OPEN: Duration = Duration::from_secs(5);
/// How often to look after what depends on time.
const TICK: Duration = Duration::from_millis(100);
/// How often to look whether a stream is too quiet.
const ROUND: Duration = Duration::from_secs(1);
/// After how many events others get a turn, such as the users who take them.
const TURN: usize = 256;
/// How many turns they get before a watch is let go of whose user takes nothing.
const TURNS: u32 = 16;

/// A question that is being looked into.
type Errand = Pin<Box<dyn Future<Output = Finding> + Send>>;

/// Has watches for as long as anybody can ask for one.
pub(super) async fn run(core: Core, commands: UnboundedReceiver<Command>) {
    // Clients that lost a member together should not come back together.
    let seed = RandomState::new().hash_one(0);
    let pauses = Backoff::new(Duration::from_millis(10), Duration::from_secs(1), seed);
    let caller = Caller { renews: core.has_credentials(), certificate: core.has_certificate() };
    let board = Board::new(caller, seed);
    let hub = Hub { core, board, commands, ticks: every(TICK), pauses, events: 0 };
    hub.run().await;
}

fn every(time: Duration) -> Interval {
    let mut every = interval(time);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    every
}

struct Hub {
    core: Core,
    board: Board,
    commands: UnboundedReceiver<Command>,
    ticks: Interval,
    pauses: Backoff,
    /// How many events came since others had a turn.
    events: usize,
}

impl Hub {
    /// One stream after another; ends when nobody can ask for a watch any more.
    async fn run(mut self) -> Option<()> {
        loop {
            while !self.board.wants_stream() {
                self.turn().await?;
            }
            let lost = match self.open().await? {
                Ok(line) => self.keep(line).await?,
                Err(lost) => lost,
            };
            if self.board.lost(&lost, Instant::now()) {
                self.pauses.reset();
            }
            if let Lost::Token(_) = lost {
                let core = self.core.clone();
                self.meanwhile(core.forget_token()).await?;
            }
            if !matches!(lost, Lost::Unused) {
                let pause = self.pauses.pause();
                self.meanwhile(sleep(pause)).await?;
            }
        }
    }

    async fn open(&mut self) -> Option<Result<Line, Lost>> {
        let Some(first) = self.board.begin(Instant::now()) else { return Some(Err(Lost::Unused)) };
        let (core, stream) = (self.core.clone(), WatchStream(first.into()));
        let opening = async {
            let options = core.with_leader(&CallOptions::default().deadline(OPEN)).await?;
            let line = core.channel().duplex(&stream, &options).await?;
            Ok((Line::new(line), options.headers.contains_key(TOKEN)))
        };
        Some(match self.meanwhile(opening).await? {
            Ok((line, bears_token)) => {
                self.board.opened(bears_token, Instant::now());
                Ok(line)
            }
            Err(error) => Err(lost(error)),
        })
    }

    /// Keeps a stream while it lasts; why it did not.
    async fn keep(&mut self, mut line: Line) -> Option<Lost> {
        let mut errand: Option<Errand> = None;
        let mut rounds = every(ROUND);
        let lost = loop {
            if errand.is_none()
                && let Some(question) = self.board.question()
            {
                errand =
                    Some(Box::pin(answer(self.core.clone(), line.endpoint().clone(), question)));
            }
            let went = tokio::select! {
                said = line.next(self.board.outbox()) => match said {
                    Ok(Some(reply)) => self.reply(reply).await,
                    Ok(None) => Err(Lost::Member("the stream ended".into())),
                    Err(error) => Err(lost(error)),
                },
                command = self.commands.recv() => {
                    self.board.take(command?, Instant::now());
                    Ok(())
                },
                _ = self.ticks.tick(), if self.board.wants_ticks() => self.board.tick(Instant::now()),
                _ = rounds.tick(), if self.board.stands() => {
                    self.board.doubt(self.failed(line.endpoint()), Instant::now());
                    Ok(())
                }
                finding = done(&mut errand) => {
                    errand = None;
                    self.board.found(finding, Instant::now())
                }
            };
            if let Err(lost) = went {
                break lost;
            }
        };
        if let Lost::Member(why) = &lost {
            self.core.channel().suspect(line.endpoint(), why);
        }
        Some(lost)
    }

    /// When the member last failed others, if it has not answered since.
    fn failed(&self, endpoint: &Endpoint) -> Option<Instant> {
        let status = self.core.channel().endpoints();
        let health = status.into_iter().find(|status| status.endpoint == *endpoint)?.health;
        health.failed.filter(|_| health.failures > 0)
    }

    async fn reply(&mut self, reply: WatchResponse) -> Result<(), Lost> {
        self.events += reply.events.len();
        if self.events >= TURN {
            self.events = 0;
            tokio::task::yield_now().await;
        }
        let mut turns = 0;
        // A burst may fill the queue of a user who is only waiting for a turn.
        while turns < TURNS && self.board.is_full_for(&reply) {
            tokio::task::yield_now().await;
            turns += 1;
        }
        self.board.reply(reply, Instant::now())
    }

    /// Takes commands and looks after what depends on time while something else is done.
    async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Some(done),
                turn = self.turn() => turn?,
            }
        }
    }

    /// Takes a command, or looks after what depends on time.
    async fn turn(&mut self) -> Option<()> {
        tokio::select! {
            command = self.commands.recv() => self.board.take(command?, Instant::now()),
            _ = self.ticks.tick(), if self.board.wants_ticks() => {
                // Without an open stream there is none to lose.
                let _ = self.board.tick(Instant::now());
            }
        }
        Some(())
    }
}

async fn done(errand: &mut Option<Errand>) -> Finding {
    match errand {
        Some(errand) => errand.await,
        None => pending().await,
    }
}

/// What the end of a stream, or a stream that cannot be opened, means.
fn lost(error: CallError<Refusal>) -> Lost {
    let refusal = match &error {
        CallError::Refused { refusal, .. } => refusal,
        CallError::Failed(failure) if failure.kind() == &Kind::AnotherCluster => {
            return Lost::Stranger(error.into());
        }
        _ => return Lost::Broken(error.to_string()),
    };
    if refusal.wants_new_token() {
        return Lost::Token(refusal.to_string());
    }
    let error = Error::from(error);
    match error.kind() {
        ErrorKind::Unauthorized | ErrorKind::Unsupported | ErrorKind::InvalidInput => {
            Lost::Refused(error)
        }
        _ => Lost::Member(error.to_string()),
    }
}
