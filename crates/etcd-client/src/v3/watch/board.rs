//! All watches of a client, and what stands on the stream that they share: pure.
//!
//! It is told what is asked for, what the server says and what time it is, and knows what is to be
//! sent, to which watch a reply belongs, and when a stream is not worth keeping.

mod doubts;
mod entry;
mod replies;
mod stream;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use etcd_proto::v3::{WatchCreateRequest, WatchRequest, WatchRequestUnion};
use etcd_transport::backoff::Backoff;

pub(super) use self::doubts::{Finding, Question};
use self::entry::{Counts, Entry, Place};
use self::stream::Stream;
use super::history::History;
use super::machine::Machine;
use super::queue::Queue;
use crate::Outcome;
use crate::error::{Error, ErrorKind};

/// How long a member may say nothing while it owes an answer; doubled each time that one did.
const SILENCE: Duration = Duration::from_secs(3);
/// How often that is doubled.
const MOST_DOUBLED: u32 = 2;
/// How long a stream that no watch needs is kept for the next one.
const LINGER: Duration = Duration::from_secs(1);
/// How often in a row a new token may be refused.
const MOST_TOKENS: u32 = 8;
/// How many servers of other clusters are passed over in a row.
const MOST_STRANGERS: u32 = 4;

/// A watch, for the task that has them all.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) machine: Machine,
    pub(super) queue: Arc<Queue>,
    pub(super) patience: Option<Duration>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Only where nothing else ended it: the task is gone, and with it the runtime that it was on.
        let message = "the runtime on which the client watched has ended";
        self.queue.end(Error::new(ErrorKind::Interrupted, Outcome::NotApplied, message));
    }
}

/// What the task is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    /// Have this watch.
    Add(u64, Box<Watch>),
    /// Have it no longer.
    Drop(u64),
    /// Make it again: there is room.
    Resume(u64),
    /// Ask how far all are.
    Progress,
}

/// Why a stream is given up.
#[derive(Debug)]
pub(super) enum Lost {
    /// The connection broke.
    Broken(String),
    /// The member is of no use, or said what no member says.
    Member(String),
    /// The token was refused.
    Token(String),
    /// A server of another cluster was asked.
    Stranger(Error),
    /// Every member would refuse it, for this reason: all watches end.
    Refused(Error),
    /// No watch needs it.
    Unused,
}

/// How the client makes itself known to servers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    /// It has a user or a token, and may have another token where one is refused.
    pub(super) renews: bool,
    /// It has a certificate, whose name a server may take for the user's.
    pub(super) certificate: bool,
}

/// The watches, in the order in which they were made.
#[derive(Debug)]
pub(super) struct Board {
    entries: BTreeMap<u64, Entry>,
    counts: Counts,
    stream: Option<Stream>,
    history: History,
    caller: Caller,
    /// How often in a row a stream was lost to a token, to a stranger, or to silence.
    tokens: u32,
    strangers: u32,
    silences: u32,
    /// Why the last stream was lost.
    why: String,
    /// Somebody asked how far all are, when there was no stream.
    progress: bool,
    seed: u64,
}

impl Board {
    /// No watches.
    pub(super) fn new(caller: Caller, seed: u64) -> Self {
        Self {
            entries: BTreeMap::new(),
            counts: Counts::default(),
            stream: None,
            history: History::default(),
            caller,
            tokens: 0,
            strangers: 0,
            silences: 0,
            why: String::new(),
            progress: false,
            seed,
        }
    }

    /// Whether a watch waits for a stream.
    pub(super) fn wants_stream(&self) -> bool {
        self.counts.nowhere > 0
    }

    /// Whether [`tick`](Self::tick) has something to look after.
    pub(super) fn wants_ticks(&self) -> bool {
        let Counts { nowhere, asked, resting } = self.counts;
        nowhere + asked + resting > 0 || self.stream.as_ref().is_some_and(Stream::is_idle)
    }

    /// Begins a stream: its first request, and the others are [to be sent](Self::outbox).
    pub(super) fn begin(&mut self, now: Instant) -> Option<WatchCreateRequest> {
        self.stream = Some(Stream::new(now, std::mem::take(&mut self.progress)));
        self.ask_for_all(now);
        match self.outbox()?.pop_front()?.request_union? {
            WatchRequestUnion::Create(first) => Some(first),
            WatchRequestUnion::Cancel(_) | WatchRequestUnion::Progress(_) => None,
        }
    }

    /// The stream is there, and can be silent from now on.
    pub(super) fn opened(&mut self, bears_token: bool, now: Instant) {
        if let Some(stream) = &mut self.stream {
            (stream.open, stream.bears_token, stream.heard) = (true, bears_token, now);
        }
    }

    /// What is to be sent on the stream.
    pub(super) fn outbox(&mut self) -> Option<&mut VecDeque<WatchRequest>> {
        self.stream.as_mut().map(|stream| &mut stream.outbox)
    }

    /// The stream is gone, and with it the place of each watch on it; whether it was good for
    /// anything.
    pub(super) fn lost(&mut self, lost: &Lost, now: Instant) -> bool {
        let Some(stream) = self.stream.take() else { return false };
        if stream.stood {
            (self.tokens, self.strangers, self.silences) = (0, 0, 0);
        }
        for entry in self.entries.values_mut() {
            if let Place::On(_) = entry.place {
                entry.homeless = now;
                entry.watch.queue.lost();
            }
            if let Place::On(_) | Place::Asked = entry.place {
                entry.moves(Place::Nowhere, &mut self.counts);
            }
        }
        match lost {
            Lost::Token(why) => self.lost_to_token(why),
            Lost::Stranger(error) => self.lost_to_stranger(error),
            Lost::Refused(error) => self.end_all(error.kind(), &error.to_string()),
            Lost::Broken(why) | Lost::Member(why) => self.why.clone_from(why),
            Lost::Unused => {}
        }
        stream.told || (stream.stood && now.duration_since(stream.began) >= LINGER)
    }

    fn lost_to_token(&mut self, why: &str) {
        self.tokens += 1;
        if !self.caller.renews || self.tokens > MOST_TOKENS {
            self.end_all(&ErrorKind::Unauthorized, why);
        }
    }

    /// One stranger among the endpoints is passed over; where none is ours, that is an error.
    fn lost_to_stranger(&mut self, error: &Error) {
        self.strangers += 1;
        self.why = error.to_string();
        if self.strangers > MOST_STRANGERS {
            self.end_all(error.kind(), &error.to_string());
        }
    }

    pub(super) fn take(&mut self, command: Command, now: Instant) {
        match command {
            Command::Add(key, watch) => {
                let pauses = Backoff::new(SILENCE / 30, SILENCE, self.seed ^ key);
                let (place, homeless, refusals) = (Place::Nowhere, now, 0);
                self.counts.nowhere += 1;
                let watch = *watch;
                self.entries.insert(key, Entry { watch, place, homeless, refusals, pauses });
                self.ask_for(key, now);
            }
            Command::Drop(key) => self.remove(key, None),
            Command::Resume(key) => {
                if let Some(entry) = self.entries.get_mut(&key)
                    && entry.place == Place::Lagging
                {
                    entry.homeless = now;
                    entry.moves(Place::Nowhere, &mut self.counts);
                    self.ask_for(key, now);
                }
            }
            Command::Progress => match &mut self.stream {
                Some(stream) => {
                    stream.progress = true;
                    stream.ask_progress();
                }
                None => self.progress = true,
            },
        }
    }

    /// Looks after what depends on time.
    pub(super) fn tick(&mut self, now: Instant) -> Result<(), Lost> {
        self.lose_patience(now);
        let rested = |(key, entry): (&u64, &Entry)| {
            matches!(entry.place, Place::Resting(until) if until <= now).then_some(*key)
        };
        for key in self.entries.iter().filter_map(rested).collect::<Vec<_>>() {
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.moves(Place::Nowhere, &mut self.counts);
            }
            self.ask_for(key, now);
        }
        let silence = SILENCE * (1 << self.silences.min(MOST_DOUBLED));
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let silent = now.saturating_duration_since(stream.heard.max(stream.owes));
        if stream.open && !stream.asked.is_empty() && silent >= silence {
            self.silences += 1;
            return Err(Lost::Member(format!("no watch was made in {silence:?}")));
        }
        let rests = stream.is_idle() && self.counts.resting == 0;
        stream.idle = rests.then(|| stream.idle.unwrap_or(now));
        match stream.idle {
            Some(since) if now.duration_since(since) >= LINGER => Err(Lost::Unused),
            _ => Ok(()),
        }
    }

    /// Whether a stream stands, on which silence means something.
    pub(super) fn stands(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| !stream.ids.is_empty())
    }

    /// Ends the watches that no member would have for longer than they wait.
    fn lose_patience(&mut self, now: Instant) {
        let lost = |(key, entry): (&u64, &Entry)| {
            let waited = now.duration_since(entry.homeless);
            let waits = !matches!(entry.place, Place::On(_) | Place::Lagging);
            let over = entry.watch.patience.is_some_and(|patience| waited >= patience);
            (waits && over).then_some((*key, waited))
        };
        for (key, waited) in self.entries.iter().filter_map(lost).collect::<Vec<_>>() {
            let why = if self.why.is_empty() { "none answered" } else { &self.why };
            let message = format!("no member would have the watch for {waited:.1?}: {why}");
            self.remove(
                key,
                Some(Error::new(ErrorKind::Unreachable, Outcome::NotApplied, message)),
            );
        }
    }

    fn end_all(&mut self, kind: &ErrorKind, why: &str) {
        for key in self.entries.keys().copied().collect::<Vec<_>>() {
            self.remove(key, Some(Error::new(kind.clone(), Outcome::NotApplied, why)));
        }
    }

    /// Has a watch no longer, here and on the server.
    fn remove(&mut self, key: u64, why: Option<Error>) {
        let Some(mut entry) = self.entries.remove(&key) else { return };
        if let (Place::On(id), Some(stream)) = (entry.place, &mut self.stream) {
            stream.cancel(id);
        }
        entry.moves(Place::Lagging, &mut self.counts);
        if let Some(why) = why {
            entry.watch.queue.end(why);
        }
        if self.entries.is_empty() {
            // Whoever watches next knows of nothing that could be contradicted.
            self.history = History::default();
        }
    }

    fn ask_for_all(&mut self, now: Instant) {
        for key in self.entries.keys().copied().collect::<Vec<_>>() {
            self.ask_for(key, now);
        }
    }

    /// Asks for a watch that is on no member, where there is a stream.
    fn ask_for(&mut self, key: u64, now: Instant) {
        if let (Some(stream), Some(entry)) = (&mut self.stream, self.entries.get_mut(&key))
            && entry.place == Place::Nowhere
        {
            entry.moves(Place::Asked, &mut self.counts);
            if stream.asked.is_empty() {
                stream.owes = now;
            }
            stream.asked.push_back(key);
            stream.outbox.push_back(entry.watch.machine.create().into());
        }
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
