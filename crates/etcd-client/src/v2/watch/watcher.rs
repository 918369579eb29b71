//! The watcher: asks servers what the machine wants to know.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use etcd_proto::tree::Path;
use etcd_proto::v2::{self as wire, ErrorCode, Get, Head, Headers, Version};
use etcd_transport::backoff::Backoff;
use etcd_transport::{CallError, CallOptions, OpenStream};
use futures_core::Stream;

use super::machine::{Answer, Ask, Machine, Polls};
use super::pace::{Heard, Pace, pace};
use super::{Event, WatchOptions};
use crate::error::Error;
use crate::v2::Client;
use crate::v2::snapshot::Snapshot;

/// How long a poll stays without a change before another takes its place, so that a connection
/// that died without a word is noticed and a quiet watch does not fall behind the history.
const POLL: Duration = Duration::from_secs(10);
/// How long the first one stays: it is not known yet how much else changes.
const FIRST_POLL: Duration = Duration::from_secs(1);
/// The shortest time after which another takes its place, when much else changes.
const SHORTEST_POLL: Duration = Duration::from_millis(250);
/// How many changes of the whole store a poll is to stay for: servers keep the last 1,000, and
/// two quiet polls are needed to move on.
const FEW_CHANGES: u64 = 200;
/// How long the head of a poll's reply may take: since 2.0 it comes at once.
const HEAD: Duration = Duration::from_millis(1500);
/// How long the end of a reply is waited for after the change that it told.
const REST_OF_REPLY: Duration = Duration::from_millis(20);
/// After so long without a change the cluster is asked whether it still agrees on anything: a
/// member that is cut off from the others answers polls and never hears of a change.
const HEAR: Duration = Duration::from_secs(30);
/// A server ends each poll after five minutes: one that seems to last longer is dead.
const LONGEST_POLL: Duration = Duration::from_secs(330);

/// A stream of changes; see [`Client::watch`].
///
/// It survives whatever servers and connections do: polls resume after the last change delivered,
/// at another member where one is gone. When the history needed is no longer kept, an
/// [`Event::Gap`] says so and the difference follows. An error is the last item: the key may not
/// be read, the server has no v2 API, or no server was within reach for as long as the options
/// allow.
///
/// Changes are fetched when they are asked for; a slow reader costs no memory here. Keys under a
/// segment that starts with `_` are not delivered to a watch on a parent. The names of the keys
/// below what is watched are kept in memory, to tell a difference after a gap.
///
/// Dropping it ends the watch at the server.
pub struct Watcher {
    ready: VecDeque<Event>,
    at: At,
}

type Advancing = Pin<Box<dyn Future<Output = (Box<Driver>, Result<Vec<Event>, Error>)> + Send>>;

enum At {
    Rest(Box<Driver>),
    Work(Advancing),
    End,
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").field("ready", &self.ready.len()).finish_non_exhaustive()
    }
}

impl Watcher {
    pub(super) fn new(client: Client, path: Path, options: WatchOptions) -> Self {
        let machine = Machine::new(path.clone(), options.recursive, options.from_index);
        let backoff =
            Backoff::new(Duration::from_millis(20), Duration::from_secs(1), machine_seed(&path));
        let driver = Driver {
            client,
            path,
            options,
            machine,
            backoff,
            at_once: true,
            failing: None,
            standing: None,
            told: None,
            stay: FIRST_POLL,
            heard: Instant::now(),
        };
        Self { ready: VecDeque::new(), at: At::Rest(Box::new(driver)) }
    }

    /// The next event; nothing after an error. Cancelling it loses nothing.
    ///
    /// # Errors
    ///
    /// Why the watch ended; nothing follows it.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Watcher {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            match std::mem::replace(&mut self.at, At::End) {
                At::Rest(driver) => self.at = At::Work(Box::pin(driver.advance())),
                At::Work(mut work) => {
                    let (driver, result) = match work.as_mut().poll(cx) {
                        Poll::Ready(done) => done,
                        Poll::Pending => {
                            self.at = At::Work(work);
                            return Poll::Pending;
                        }
                    };
                    match result {
                        Ok(events) => {
                            self.ready.extend(events);
                            self.at = At::Rest(driver);
                        }
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    }
                }
                At::End => return Poll::Ready(None),
            }
        }
    }
}

/// What asks the servers.
struct Driver {
    client: Client,
    path: Path,
    options: WatchOptions,
    machine: Machine,
    backoff: Backoff,
    /// Whether a poll's head comes at once: since 2.0. Before, it comes with the change.
    at_once: bool,
    /// Since when nothing has succeeded.
    failing: Option<Instant>,
    /// The poll that waits for a change.
    standing: Option<Standing>,
    /// The poll that told a change: read to its end, its connection serves the next one.
    told: Option<OpenStream<wire::Watch>>,
    /// How long the next poll stays.
    stay: Duration,
    /// When a change or the cluster was last heard of.
    heard: Instant,
}

/// A poll whose head has come.
struct Standing {
    stream: OpenStream<wire::Watch>,
    /// The store's index when it began, where the server said so.
    began_at: Option<u64>,
    since: Instant,
    until: Instant,
}

impl Driver {
    /// One step: an answer taken, or a failure slept over.
    async fn advance(mut self: Box<Self>) -> (Box<Self>, Result<Vec<Event>, Error>) {
        let (asked, began) = (self.machine.ask(), Instant::now());
        let answered = match asked {
            Ask::List => self.list().await,
            Ask::Poll(index) => self.poll(index).await,
        };
        let result = match answered {
            Ok(answer) => {
                self.failing = None;
                let heard = Heard::of(&answer);
                let events = self.machine.take(answer);
                let moved = self.machine.ask() != asked;
                self.pause_after(pace(heard, moved, began.elapsed())).await;
                Ok(events)
            }
            Err(error) => self.survive(error).await.map(|()| Vec::new()),
        };
        (self, result)
    }

    async fn pause_after(&mut self, pace: Pace) {
        match pace {
            Pace::Reset => self.backoff.reset(),
            Pace::GoOn => {}
            Pace::Pause => tokio::time::sleep(self.backoff.pause()).await,
        }
    }

    async fn list(&mut self) -> Result<Answer, Error> {
        let get = Get::new(self.path.clone());
        let get = if self.options.recursive { get.recursive() } else { get };
        let Snapshot { index, node, since_2 } =
            self.client.snapshot(get, &self.client.patiently()).await?;
        self.at_once = match since_2 {
            Some(since_2) => since_2,
            None => self.client.is_since(Version::new(2, 0, 0)).await?,
        };
        Ok(Answer::Listed { index, node })
    }

    /// Waits for a change. A quiet poll is given up only when another stands in its place: where
    /// that one would come too late for the history, this one has missed nothing.
    async fn poll(&mut self, index: u64) -> Result<Answer, Error> {
        loop {
            if let Some(standing) = &mut self.standing
                && let Ok(told) =
                    tokio::time::timeout_at(standing.until.into(), standing.stream.next()).await
            {
                let quiet = Answer::Quiet { index: standing.began_at };
                self.told = self.standing.take().map(|standing| standing.stream);
                let told = told?;
                self.heard = Instant::now();
                return Ok(told.map_or(quiet, |reply| Answer::Event(Box::new(reply))));
            }
            if self.heard.elapsed() >= HEAR {
                self.hear_the_cluster().await?;
                self.heard = Instant::now();
            }
            let recursive = self.polls_recursively().await?;
            match self.open(index, recursive).await {
                Ok(opened) => {
                    self.failing = None;
                    if let Some(quiet) = self.stand(opened) {
                        return Ok(quiet);
                    }
                }
                Err(error) if self.stands(&error) => {}
                Err(error) => return self.no_stream(error.into()),
            }
        }
    }

    async fn polls_recursively(&self) -> Result<bool, Error> {
        match self.machine.polls() {
            Polls::Alone => Ok(false),
            Polls::Recursively => Ok(true),
            Polls::RecursivelySince3 => self.client.is_since(Version::new(3, 0, 0)).await,
        }
    }

    async fn open(
        &mut self,
        index: u64,
        recursive: bool,
    ) -> Result<OpenStream<wire::Watch>, CallError<wire::Error>> {
        if let Some(mut told) = self.told.take() {
            // What ends a reply comes with the change or right after it; one that does not is cut.
            let _ = tokio::time::timeout(REST_OF_REPLY, told.next()).await;
        }
        let watch = wire::Watch::new(self.path.clone()).from_index(index);
        let watch = if recursive { watch.recursive() } else { watch };
        let head = if self.at_once { HEAD } else { POLL };
        self.client.channel.stream(&watch, &CallOptions::default().deadline(head).waits()).await
    }

    /// Puts a poll in place of the one that stood there, and tells how that one was.
    fn stand(&mut self, stream: OpenStream<wire::Watch>) -> Option<Answer> {
        let began_at = Headers::read(stream.headers()).etcd_index.filter(|_| self.at_once);
        let before = self.standing.take().map(|before| before.began_at);
        let changes = before.flatten().zip(began_at).map(|(from, to)| to.saturating_sub(from));
        self.stay = match changes {
            Some(changes) if changes > FEW_CHANGES => (self.stay / 4).max(SHORTEST_POLL),
            _ => (self.stay * 2).min(POLL),
        };
        let since = Instant::now();
        self.standing = Some(Standing { stream, began_at, since, until: since + self.stay });
        before.map(|index| Answer::Quiet { index })
    }

    /// Whether the history does not reach back any more, and the poll that stands at the same
    /// member hears all the same.
    fn stands(&mut self, error: &CallError<wire::Error>) -> bool {
        let Some(standing) = &mut self.standing else { return false };
        let CallError::Refused { refusal, endpoint, .. } = error else { return false };
        let stands = refusal.code() == Some(ErrorCode::EVENT_INDEX_CLEARED)
            && endpoint == standing.stream.endpoint()
            && standing.since.elapsed() < LONGEST_POLL;
        if stands {
            standing.until = Instant::now() + POLL;
            self.stay = SHORTEST_POLL;
        }
        stands
    }

    fn no_stream(&mut self, error: Error) -> Result<Answer, Error> {
        match error.v2().and_then(wire::Error::code) {
            Some(ErrorCode::EVENT_INDEX_CLEARED) => {
                self.standing = None;
                Ok(Answer::Cleared)
            }
            Some(ErrorCode::WATCHER_CLEARED) => Ok(Answer::Quiet { index: None }),
            // Before 2.0 a head that does not come means that nothing changed.
            _ if !self.at_once && *error.kind() == crate::ErrorKind::Timeout => {
                Ok(Answer::Quiet { index: None })
            }
            _ => Err(error),
        }
    }

    /// Reads with a majority, so that calls move away from a member that has none.
    async fn hear_the_cluster(&self) -> Result<(), Error> {
        match self.client.send(&Head::new(self.path.clone())).await {
            Err(error) if error.is_transient() => Err(error),
            _ => Ok(()),
        }
    }

    /// Sleeps over a failure that may pass; any other, or one that lasts, ends the watch.
    async fn survive(&mut self, error: Error) -> Result<(), Error> {
        let since = *self.failing.get_or_insert_with(Instant::now);
        if !error.is_transient() || since.elapsed() >= self.options.patience {
            return Err(error);
        }
        tracing::debug!(path = self.path.as_str(), %error, "watch interrupted");
        tokio::time::sleep(self.backoff.pause()).await;
        Ok(())
    }
}

/// Watches that were cut off together should not all come back together.
fn machine_seed(path: &Path) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(path.as_str())
}
