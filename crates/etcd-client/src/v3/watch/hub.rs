//! The task that has all watches of a client on one stream.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use etcd_proto::v3::{Error as Refusal, WatchCancelRequest, WatchProgressRequest, WatchStream};
use etcd_transport::backoff::Backoff;
use etcd_transport::{CallError, CallOptions};
use tokio::sync::mpsc::UnboundedReceiver;

use super::line::{Line, Said};
use super::machine::{End, Machine, Told};
use super::queue::Queue;
use super::update::{Changes, Update};
use crate::Outcome;
use crate::error::{Error, ErrorKind};
use crate::v3::core::Core;

/// How long opening a stream may take: members that cannot be reached are passed over before.
const OPEN: Duration = Duration::from_secs(5);
/// How long a member may take to say that a watch stands.
const STAND: Duration = Duration::from_secs(5);

/// A watch, for the task.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) machine: Machine,
    pub(super) queue: Arc<Queue>,
    pub(super) patience: Option<Duration>,
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

/// A watch that the task has.
struct Entry {
    watch: Watch,
    place: Place,
    /// Since when no member has it that should.
    homeless: Instant,
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
    /// Let go of until there is room.
    Lagging,
}

/// Why a stream is given up.
enum Lost {
    /// The member failed, or said what no member says.
    Member(String),
    /// The token was refused.
    Token,
    /// No member would have it, for this reason.
    Refused(Error),
    /// Nobody has a watch any more.
    Unused,
}

/// Has watches for as long as anybody can ask for one.
pub(super) async fn run(core: Core, mut commands: UnboundedReceiver<Command>) {
    let mut hub = Hub { core, entries: BTreeMap::new() };
    let mut pauses = Backoff::new(Duration::from_millis(10), Duration::from_secs(1), seed());
    loop {
        while hub.is_at_rest() {
            match commands.recv().await {
                Some(command) => hub.take(command, None),
                None => return,
            }
        }
        let (lost, stood) = hub.keep(&mut commands).await;
        hub.lost();
        if stood {
            pauses.reset();
        }
        match lost {
            Lost::Unused => continue,
            Lost::Token => hub.core.forget_token().await,
            Lost::Refused(error) if !may_pass(&error) => hub.end_all(&error),
            Lost::Refused(error) => hub.lose_patience(&error.to_string()),
            Lost::Member(why) => hub.lose_patience(&why),
        }
        let pause = tokio::time::sleep(pauses.pause());
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => break,
                Some(command) = commands.recv() => hub.take(command, None),
                else => return,
            }
        }
    }
}

struct Hub {
    core: Core,
    /// In the order in which they were made.
    entries: BTreeMap<u64, Entry>,
}

impl Hub {
    /// Whether no watch needs a stream.
    fn is_at_rest(&self) -> bool {
        self.entries.values().all(|entry| entry.place == Place::Lagging)
    }

    /// Opens a stream and keeps it while it lasts; why it did not, and whether a watch ever stood.
    async fn keep(&mut self, commands: &mut UnboundedReceiver<Command>) -> (Lost, bool) {
        let mut line = match self.open(commands).await {
            Ok(line) => line,
            Err(lost) => return (lost, false),
        };
        let mut stood = false;
        loop {
            let patience = line.waiting_since().map(|since| since + STAND);
            let said = tokio::select! {
                said = line.next(patience) => said,
                command = commands.recv() => match command {
                    Some(command) => {
                        self.take(command, Some(&mut line));
                        continue;
                    }
                    None => return (Lost::Unused, stood),
                },
            };
            let lost = match said {
                Said::Reply(reply) => match self.reply(&mut line, *reply) {
                    Ok(()) => {
                        stood |= !line.is_empty();
                        continue;
                    }
                    Err(lost) => lost,
                },
                Said::Silence => Lost::Member("no watch was made in time".into()),
                Said::Ended => Lost::Member("the stream ended".into()),
                Said::Failed(error) => lost(error),
            };
            if let Lost::Member(why) = &lost {
                self.core.channel().suspect(line.endpoint(), why);
            }
            return (lost, stood);
        }
    }

    async fn open(&mut self, commands: &mut UnboundedReceiver<Command>) -> Result<Line, Lost> {
        let nowhere =
            |(key, entry): (&u64, &Entry)| (entry.place == Place::Nowhere).then_some(*key);
        let Some(first) = self.entries.iter().find_map(nowhere) else { return Err(Lost::Unused) };
        let Some(entry) = self.entries.get_mut(&first) else { return Err(Lost::Unused) };
        let stream = WatchStream(entry.watch.machine.create().into());
        entry.place = Place::Asked;
        let core = self.core.clone();
        let options = CallOptions::default().deadline(OPEN);
        let opening = core.duplex(&stream, &options);
        tokio::pin!(opening);
        let (up, down) = loop {
            tokio::select! {
                opened = &mut opening => match opened {
                    Ok(opened) => break opened,
                    Err(error) => return Err(lost(error)),
                },
                command = commands.recv() => match command {
                    Some(command) => self.take(command, None),
                    None => return Err(Lost::Unused),
                },
            }
        };
        let mut line = Line::new(up, down, first);
        let keys: Vec<u64> = self.entries.keys().copied().collect();
        keys.into_iter().for_each(|key| self.ask_for(&mut line, key));
        Ok(line)
    }

    /// Asks for a watch that is on no member.
    fn ask_for(&mut self, line: &mut Line, key: u64) {
        if let Some(entry) = self.entries.get_mut(&key)
            && entry.place == Place::Nowhere
        {
            entry.place = Place::Asked;
            line.create(key, entry.watch.machine.create());
        }
    }

    fn take(&mut self, command: Command, line: Option<&mut Line>) {
        match (command, line) {
            (Command::Add(key, watch), line) => {
                let homeless = Instant::now();
                self.entries.insert(key, Entry { watch: *watch, place: Place::Nowhere, homeless });
                if let Some(line) = line {
                    self.ask_for(line, key);
                }
            }
            (Command::Drop(key), line) => {
                let place = self.entries.remove(&key).map(|entry| entry.place);
                if let (Some(Place::On(id)), Some(line)) = (place, line) {
                    line.cancel(id);
                }
            }
            (Command::Resume(key), line) => {
                if let Some(entry) = self.entries.get_mut(&key)
                    && entry.place == Place::Lagging
                {
                    (entry.place, entry.homeless) = (Place::Nowhere, Instant::now());
                    if let Some(line) = line {
                        self.ask_for(line, key);
                    }
                }
            }
            (Command::Progress, Some(line)) => line.send(WatchProgressRequest {}.into()),
            (Command::Progress, None) => {}
        }
    }

    fn reply(&mut self, line: &mut Line, reply: etcd_proto::v3::WatchResponse) -> Result<(), Lost> {
        let now = Instant::now();
        if reply.created {
            let Some(key) = line.created(now) else {
                return Err(Lost::Member("a watch was made that nobody asked for".into()));
            };
            let id = reply.watch_id;
            return match self.entries.get_mut(&key) {
                Some(entry) if !reply.canceled => {
                    entry.place = Place::On(id);
                    line.stands(id, key);
                    self.told(line, key, reply, now)
                }
                Some(_) => self.told(line, key, reply, now),
                // It was dropped in the meantime.
                None => {
                    line.send(WatchCancelRequest::new(id).into());
                    Ok(())
                }
            };
        }
        if reply.watch_id == -1 && !reply.canceled {
            let revision = reply.revision();
            for entry in self.entries.values().filter(|entry| matches!(entry.place, Place::On(_))) {
                if let Told::Progress(revision) = entry.watch.machine.all_told(revision) {
                    entry.watch.queue.push(Update::Progress(revision));
                }
            }
            return Ok(());
        }
        match line.key(reply.watch_id) {
            Some(key) => self.told(line, key, reply, now),
            // What was on its way when the watch was let go of.
            None => Ok(()),
        }
    }

    /// Has a watch take a reply.
    fn told(
        &mut self,
        line: &mut Line,
        key: u64,
        reply: etcd_proto::v3::WatchResponse,
        now: Instant,
    ) -> Result<(), Lost> {
        let Some(entry) = self.entries.get_mut(&key) else { return Ok(()) };
        let Watch { machine, queue, .. } = &mut entry.watch;
        queue.heard(now);
        if !reply.events.is_empty() && !queue.has_room() {
            if let Place::On(id) = std::mem::replace(&mut entry.place, Place::Lagging) {
                line.cancel(id);
            }
            queue.lags();
            return Ok(());
        }
        match machine.reply(reply) {
            Told::Nothing => {}
            Told::Created => queue.stands(machine.next()),
            Told::Changes(events) => queue.push(Update::Changes(Changes::new(events))),
            Told::Progress(revision) => queue.push(Update::Progress(revision)),
            Told::Ended(end) => return self.ended(line, key, end),
        }
        Ok(())
    }

    /// The server has a watch no longer.
    fn ended(&mut self, line: &mut Line, key: u64, end: End) -> Result<(), Lost> {
        if let Some(Entry { place: Place::On(id), .. }) = self.entries.get(&key) {
            line.forget(*id);
        }
        let error = match end {
            End::Token => return Err(Lost::Token),
            End::LetGo(why) => {
                return Err(Lost::Member(format!("the server let go of a watch: {why}")));
            }
            End::Compacted { due, kept } => {
                let message = format!(
                    "the history from revision {due} on is no longer kept, only from {kept} on"
                );
                Error::new(ErrorKind::Compacted { revision: kept }, Outcome::NotApplied, message)
            }
            End::Denied(why) => Error::new(ErrorKind::Unauthorized, Outcome::NotApplied, why),
            End::AnotherHistory(why) => {
                Error::new(ErrorKind::AnotherHistory, Outcome::NotApplied, why)
            }
            End::TooLarge => {
                let message = "the changes of one revision are too large to be taken";
                Error::new(ErrorKind::Refused, Outcome::NotApplied, message)
            }
        };
        if let Some(entry) = self.entries.remove(&key) {
            entry.watch.queue.end(error);
        }
        Ok(())
    }

    /// The stream is gone, and with it the place of each watch on it.
    fn lost(&mut self) {
        for entry in self.entries.values_mut() {
            if matches!(entry.place, Place::On(_)) {
                entry.homeless = Instant::now();
                entry.watch.queue.lost();
            }
            if entry.place != Place::Lagging {
                entry.place = Place::Nowhere;
            }
        }
    }

    fn end_all(&mut self, why: &Error) {
        for entry in std::mem::take(&mut self.entries).into_values() {
            let (kind, message) = (why.kind().clone(), why.to_string());
            entry.watch.queue.end(Error::new(kind, Outcome::NotApplied, message));
        }
    }

    /// Ends the watches that no member would have for longer than they wait.
    fn lose_patience(&mut self, why: &str) {
        let now = Instant::now();
        self.entries.retain(|_, entry| {
            let waited = now.duration_since(entry.homeless);
            let lost = entry.place != Place::Lagging
                && entry.watch.patience.is_some_and(|patience| waited >= patience);
            if lost {
                let message = format!("no member would have the watch for {waited:.1?}: {why}");
                let error = Error::new(ErrorKind::Unreachable, Outcome::NotApplied, message);
                entry.watch.queue.end(error);
            }
            !lost
        });
    }
}

/// What the end of a stream, or a stream that cannot be opened, means.
fn lost(error: CallError<Refusal>) -> Lost {
    match &error {
        CallError::Refused { refusal, .. } if refusal.wants_new_token() => Lost::Token,
        CallError::Refused { refusal, .. } if etcd_proto::call::Refusal::may_pass(refusal) => {
            Lost::Member(refusal.to_string())
        }
        CallError::Refused { .. } => Lost::Refused(error.into()),
        _ => Lost::Member(error.to_string()),
    }
}

/// Whether the watches may go on when a member refused for this.
fn may_pass(error: &Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::Unauthorized | ErrorKind::Unsupported | ErrorKind::InvalidInput
    )
}

/// Clients that lost a member together should not come back together.
fn seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0)
}

/// Which watch each id of a stream stands for.
pub(super) type Ids = HashMap<i64, u64>;
