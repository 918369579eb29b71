//! All watches of a client, and what stands on the stream that they share: pure.
//!
//! It is told what is asked for, what the server says and what time it is, and knows what is to be
//! sent, to which watch a reply belongs, and when a stream is not worth keeping.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use etcd_proto::ids::Revision;
use etcd_proto::key::KeyRange;
use etcd_proto::v3::{
    WatchCancelRequest, WatchCreateRequest, WatchProgressRequest, WatchRequest, WatchRequestUnion,
    WatchResponse,
};
use etcd_transport::backoff::Backoff;

use super::history::{Heard, History};
use super::machine::{End, Machine, Told};
use super::queue::Queue;
use crate::Outcome;
use crate::error::{Error, ErrorKind};

/// How long a member may say nothing while it owes an answer; doubled each time that one did.
const SILENCE: Duration = Duration::from_secs(3);
/// How often that is doubled.
const MOST_DOUBLED: u32 = 2;
/// How long a stream may be quiet before its member is asked whether it is there, …
const QUIET: Duration = Duration::from_secs(5);
/// … and how long where others found that it is not.
const DOUBTED: Duration = Duration::from_secs(1);
/// How long a stream that no watch needs is kept for the next one.
const LINGER: Duration = Duration::from_secs(1);
/// How often in a row a server may refuse to begin a watch, for a reason that is not known.
const MOST_REFUSALS: u32 = 5;
/// How often in a row a new token may be refused.
const MOST_TOKENS: u32 = 8;
/// The id that stands for all watches of a stream.
const ALL: i64 = -1;

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
    /// No member would have it, for this reason.
    Refused(Error),
    /// No watch needs it.
    Unused,
}

/// What has to be found out beside the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// Whether this history still holds, by a read of this key.
    History(History, KeyRange),
    /// Whether the member tells progress only when it has told all changes.
    Progress,
    /// Whether the member is there.
    Presence,
}

/// What was found.
#[derive(Debug)]
pub(super) enum Finding {
    /// Why the history does not hold; nothing where it does, or where nobody could say.
    History(Option<String>),
    /// Whether the member can be trusted with progress.
    Progress(bool),
    /// Whether the member is there, of a question that was asked then.
    Presence(bool, Instant),
}

/// The watches, in the order in which they were made.
#[derive(Debug)]
pub(super) struct Board {
    entries: BTreeMap<u64, Entry>,
    counts: Counts,
    stream: Option<Stream>,
    history: History,
    /// Whether there is another token where one is refused.
    renews: bool,
    /// How often in a row a stream was lost to a token, or to silence.
    tokens: u32,
    silences: u32,
    /// Why the last stream was lost.
    why: String,
    /// Somebody asked how far all are, when there was no stream.
    progress: bool,
    seed: u64,
}

#[derive(Debug)]
struct Entry {
    watch: Watch,
    place: Place,
    /// Since when no member has it that should.
    homeless: Instant,
    /// How often in a row a server refused it.
    refusals: u32,
    pauses: Backoff,
}

/// Where a watch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// On no member.
    Nowhere,
    /// Asked for.
    Asked,
    /// Known by this id on the stream.
    On(i64),
    /// To be asked for again, when it is time: the server would not keep it.
    Resting(Instant),
    /// Let go of until there is room.
    Lagging,
}

/// How many watches are where.
#[derive(Debug, Default)]
struct Counts {
    nowhere: usize,
    asked: usize,
    resting: usize,
}

/// What is known of a stream.
#[derive(Debug)]
struct Stream {
    /// Whether it has been opened; before, it cannot be silent.
    open: bool,
    began: Instant,
    heard: Instant,
    /// When the first watch was asked for that the server has not answered.
    owes: Instant,
    /// When no watch needed it any more.
    idle: Option<Instant>,
    /// Watches that were asked for, in order: servers answer in the same order.
    asked: VecDeque<u64>,
    /// Which watch each id stands for.
    ids: HashMap<i64, u64>,
    outbox: VecDeque<WatchRequest>,
    /// Whether a watch stood, and whether one was told anything.
    stood: bool,
    told: bool,
    /// Somebody asked how far all are, and it is not known whether the answer can be trusted.
    progress: bool,
    trusted: Option<bool>,
    /// A watch that was made by a member which is behind, or has lost the history.
    doubtful: Option<u64>,
    /// The member is to be asked whether it is there, and when it last said so.
    doubted: bool,
    present: Instant,
}

impl Board {
    /// No watches; whether a refused token can be replaced is for `renews` to say.
    pub(super) fn new(renews: bool, seed: u64) -> Self {
        Self {
            entries: BTreeMap::new(),
            counts: Counts::default(),
            stream: None,
            history: History::default(),
            renews,
            tokens: 0,
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
    pub(super) fn opened(&mut self, now: Instant) {
        if let Some(stream) = &mut self.stream {
            (stream.open, stream.heard) = (true, now);
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
            (self.tokens, self.silences) = (0, 0);
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
            Lost::Refused(error) if is_final(error) => {
                self.end_all(error.kind(), &error.to_string())
            }
            Lost::Refused(error) => self.why = error.to_string(),
            Lost::Broken(why) | Lost::Member(why) => self.why.clone_from(why),
            Lost::Unused => {}
        }
        stream.told || (stream.stood && now.duration_since(stream.began) >= LINGER)
    }

    fn lost_to_token(&mut self, why: &str) {
        self.tokens += 1;
        if !self.renews || self.tokens > MOST_TOKENS {
            self.end_all(&ErrorKind::Unauthorized, why);
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

    /// Doubts that the member is there which has been quiet for long, or has failed others since.
    pub(super) fn doubt(&mut self, failed: Option<Instant>, now: Instant) {
        if let Some(stream) = &mut self.stream {
            let last = stream.heard.max(stream.present);
            let quiet = now.saturating_duration_since(last);
            let failed = failed.is_some_and(|failed| failed > last);
            stream.doubted = quiet >= QUIET || (failed && quiet >= DOUBTED);
        }
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

// What the server says.
impl Board {
    /// Whether the watch that this reply belongs to has no room for it.
    pub(super) fn is_full_for(&self, reply: &WatchResponse) -> bool {
        let key = self.stream.as_ref().and_then(|stream| stream.ids.get(&reply.watch_id));
        let entry = key.and_then(|key| self.entries.get(key));
        !reply.events.is_empty() && entry.is_some_and(|entry| entry.watch.queue.is_full())
    }

    /// Takes a reply.
    pub(super) fn reply(&mut self, reply: WatchResponse, now: Instant) -> Result<(), Lost> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        stream.heard = now;
        let heard = reply.header.as_ref().map(|header| self.history.hear(header));
        if let Some(Heard::Another(why)) = heard {
            return Err(another_history(why));
        }
        if reply.created {
            let Some(key) = stream.asked.pop_front() else {
                return Err(Lost::Member("a watch was made that nobody asked for".into()));
            };
            if heard == Some(Heard::Behind) {
                stream.doubtful = Some(key);
            }
            return self.created(key, reply, now);
        }
        if reply.watch_id == ALL && !reply.canceled {
            self.all_told(reply.revision());
            return Ok(());
        }
        match stream.ids.get(&reply.watch_id).copied() {
            Some(key) => self.told(key, reply, now),
            // What was on its way when the watch was let go of.
            None => Ok(()),
        }
    }

    fn created(&mut self, key: u64, reply: WatchResponse, now: Instant) -> Result<(), Lost> {
        let (id, refused) = (reply.watch_id, reply.canceled);
        let (Some(stream), Some(entry)) = (&mut self.stream, self.entries.get_mut(&key)) else {
            // It was dropped in the meantime.
            if let (Some(stream), false) = (&mut self.stream, refused) {
                stream.outbox.push_back(WatchCancelRequest::new(id).into());
            }
            return Ok(());
        };
        if refused {
            return self.told(key, reply, now);
        }
        if stream.ids.insert(id, key).is_some() {
            return Err(Lost::Member(format!("two watches were given the id {id}")));
        }
        stream.stood = true;
        entry.refusals = 0;
        entry.moves(Place::On(id), &mut self.counts);
        self.told(key, reply, now)
    }

    /// Has a watch take a reply.
    fn told(&mut self, key: u64, reply: WatchResponse, now: Instant) -> Result<(), Lost> {
        let Some(Entry { watch, place, .. }) = self.entries.get_mut(&key) else { return Ok(()) };
        let Watch { machine, queue, .. } = watch;
        if !reply.events.is_empty()
            && let Place::On(id) = *place
            && queue.lags()
        {
            machine.forget_fragments();
            *place = Place::Lagging;
            if let Some(stream) = &mut self.stream {
                stream.cancel(id);
            }
            return Ok(());
        }
        let told = machine.reply(reply);
        queue.heard(now, machine.next());
        match told {
            Told::Nothing => return Ok(()),
            Told::Created => {
                queue.stands();
                return Ok(());
            }
            Told::Changes(batch) => queue.changes(batch),
            Told::Progress(revision) => queue.progress(revision),
            Told::Ended(end) => return self.ended(key, end, now),
            Told::Strange(why) => return Err(Lost::Member(why.into())),
        }
        if let (Some(stream), Some(entry)) = (&mut self.stream, self.entries.get_mut(&key)) {
            stream.told = true;
            entry.pauses.reset();
        }
        Ok(())
    }

    fn all_told(&mut self, revision: Revision) {
        let Some(stream) = &mut self.stream else { return };
        let trusted = stream.trusted == Some(true);
        for key in stream.ids.values() {
            let Some(entry) = self.entries.get_mut(key) else { continue };
            let Watch { machine, queue, .. } = &mut entry.watch;
            if let Told::Progress(revision) = machine.all_told(revision, trusted) {
                queue.progress(revision);
            }
        }
    }

    /// A watch is over.
    fn ended(&mut self, key: u64, end: End, now: Instant) -> Result<(), Lost> {
        if end != End::TooLarge {
            self.let_go(key, now);
        }
        let Some(entry) = self.entries.get_mut(&key) else { return Ok(()) };
        let error = match end {
            End::Compacted { due, kept } => {
                let message = format!(
                    "the history from revision {due} on is no longer kept, only from {kept} on"
                );
                Error::new(ErrorKind::Compacted { revision: kept }, Outcome::NotApplied, message)
            }
            End::Token(_) if self.renews && entry.refusals < MOST_TOKENS => {
                entry.refusals += 1;
                return Err(Lost::Token("the server refused the token of a watch".into()));
            }
            End::Token(why) | End::Denied(why) => {
                Error::new(ErrorKind::Unauthorized, Outcome::NotApplied, why)
            }
            End::Refused(_) if entry.refusals < MOST_REFUSALS => {
                entry.refusals += 1;
                self.rest(key, now);
                return Ok(());
            }
            End::Refused(why) => Error::new(ErrorKind::Refused, Outcome::NotApplied, why),
            End::LetGo(why) => {
                self.why = format!("the server let go of the watch: {why}");
                self.rest(key, now);
                return Ok(());
            }
            End::TooLarge => {
                let message = "the changes of one revision are too large to be taken";
                Error::new(ErrorKind::Refused, Outcome::NotApplied, message)
            }
        };
        self.remove(key, Some(error));
        Ok(())
    }

    /// The server has a watch no longer.
    fn let_go(&mut self, key: u64, now: Instant) {
        if let (Some(stream), Some(entry)) = (&mut self.stream, self.entries.get_mut(&key))
            && let Place::On(id) = entry.place
        {
            stream.ids.remove(&id);
            entry.homeless = now;
            entry.watch.queue.lost();
            entry.moves(Place::Asked, &mut self.counts);
        }
    }

    /// Has a watch wait before it is asked for again.
    fn rest(&mut self, key: u64, now: Instant) {
        if let Some(entry) = self.entries.get_mut(&key) {
            let until = now + entry.pauses.pause();
            entry.moves(Place::Resting(until), &mut self.counts);
        }
    }
}

// What is found out beside the stream.
impl Board {
    /// What has to be found out, and is not being found out yet.
    pub(super) fn question(&mut self) -> Option<Question> {
        let stream = self.stream.as_mut()?;
        if stream.progress && stream.trusted.is_none() {
            return Some(Question::Progress);
        }
        if std::mem::take(&mut stream.doubted) {
            return Some(Question::Presence);
        }
        let entry = self.entries.get(&stream.doubtful.take()?)?;
        Some(Question::History(self.history, entry.watch.machine.key()))
    }

    pub(super) fn found(&mut self, finding: Finding, now: Instant) -> Result<(), Lost> {
        match finding {
            Finding::Presence(present, asked) => {
                let Some(stream) = &mut self.stream else { return Ok(()) };
                if !present && stream.heard < asked {
                    return Err(Lost::Member("it is quiet, and answers no call".into()));
                }
                stream.present = now;
                Ok(())
            }
            Finding::History(None) => Ok(()),
            Finding::History(Some(why)) => Err(another_history(why)),
            Finding::Progress(trusted) => {
                if let Some(stream) = &mut self.stream {
                    stream.trusted = Some(trusted);
                    stream.ask_progress();
                }
                Ok(())
            }
        }
    }
}

/// Whether the watches cannot go on when they were refused for this.
fn is_final(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unauthorized
            | ErrorKind::Unsupported
            | ErrorKind::InvalidInput
            | ErrorKind::AnotherHistory
    )
}

fn another_history(why: String) -> Lost {
    Lost::Refused(Error::new(ErrorKind::AnotherHistory, Outcome::NotApplied, why))
}

impl Entry {
    fn moves(&mut self, place: Place, counts: &mut Counts) {
        counts.of(self.place, |count| *count -= 1);
        self.place = place;
        counts.of(place, |count| *count += 1);
    }
}

impl Counts {
    fn of(&mut self, place: Place, change: impl FnOnce(&mut usize)) {
        match place {
            Place::Nowhere => change(&mut self.nowhere),
            Place::Asked => change(&mut self.asked),
            Place::Resting(_) => change(&mut self.resting),
            Place::On(_) | Place::Lagging => {}
        }
    }
}

impl Stream {
    fn new(now: Instant, progress: bool) -> Self {
        Self {
            open: false,
            began: now,
            heard: now,
            owes: now,
            idle: None,
            asked: VecDeque::new(),
            ids: HashMap::new(),
            outbox: VecDeque::new(),
            stood: false,
            told: false,
            progress,
            trusted: None,
            doubtful: None,
            doubted: false,
            present: now,
        }
    }

    fn is_idle(&self) -> bool {
        self.ids.is_empty() && self.asked.is_empty()
    }

    /// Ends a watch; what still comes for it is nobody's.
    fn cancel(&mut self, id: i64) {
        self.ids.remove(&id);
        self.outbox.push_back(WatchCancelRequest::new(id).into());
    }

    /// Asks how far all are, once it is known what the answer is worth.
    fn ask_progress(&mut self) {
        let request = WatchRequest::from(WatchProgressRequest {});
        if self.progress && self.trusted.is_some() && !self.outbox.contains(&request) {
            self.outbox.push_back(request);
        }
        self.progress &= self.trusted.is_none();
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
