//! A server, its faults, and users that are slow, around a board: one plan is one run.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use etcd_proto::key::KeyRange;
use etcd_proto::v3::{Event, EventType, KeyValue, ResponseHeader, WatchResponse};
use proptest::prelude::*;

use super::replies::ALL;
use super::*;
use crate::v3::watch::machine::tests as bend;
use crate::v3::watch::update::Update;

/// What happens next.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A revision that changes these keys.
    Write(Vec<&'static str>, bool),
    /// The history before so many revisions ago is gone.
    Compact(i64),
    /// A member that is so far behind has the next stream.
    Lag(i64),
    /// The server takes what was sent to it.
    Hear(usize),
    /// The server tells a watch of so many revisions, some that it has told, some keys beside it.
    Say {
        watch: usize,
        revisions: i64,
        again: i64,
        piece: usize,
        beside: bool,
    },
    /// So many replies arrive.
    Arrive(usize),
    Cut,
    /// A user takes so many updates.
    Take {
        user: usize,
        updates: usize,
    },
    /// A user goes, and another comes that goes on where the first one was.
    Replace(usize),
    AskProgress,
    LetGo(usize),
    RefuseToken,
    Wait(u64),
}

/// A run: who watches, and what happens.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// What each user watches, from where, and how many events it lets wait.
    users: Vec<(KeyRange, i64, usize)>,
    steps: Vec<Step>,
    /// Whether the server says how far it is before it has told all changes.
    early: bool,
}

/// A fault of ours, which the check has to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    None,
    /// A resumed watch goes on one revision too late.
    SkipsOne,
    /// A resumed watch takes a revision again.
    RepeatsOne,
    /// Fragments are given out as they come.
    SplitsRevisions,
    /// What has no room is dropped.
    DropsWhenFull,
    /// Nobody says that there is room again.
    NeverDrained,
    /// Where history is gone, the watch goes on behind it.
    HidesGaps,
    /// Whatever the server sends is taken.
    TakesAllKeys,
    /// An early server is believed.
    BelievesProgress,
    /// A watch that was let go of is forgotten.
    ForgetsWatch,
}

const KEYS: [&str; 4] = ["k1", "k2", "k3", "z"];

pub(super) fn plans() -> impl Strategy<Value = Plan> {
    let range = prop_oneof![
        Just(KeyRange::prefix("k")),
        Just(KeyRange::one("k1")),
        Just(KeyRange::from_key("k2")),
    ];
    let user = (range, prop_oneof![Just(0i64), Just(2), 1i64..12], 1usize..6);
    (
        proptest::collection::vec(user, 1..4),
        proptest::collection::vec(step(), 0..150),
        any::<bool>(),
    )
        .prop_map(|(users, steps, early)| Plan { users, steps, early })
}

fn step() -> impl Strategy<Value = Step> {
    let keys = proptest::sample::subsequence(KEYS.to_vec(), 1..=4);
    let say = (0usize..4, 0i64..5, 0i64..3, 1usize..4, any::<bool>()).prop_map(
        |(watch, revisions, again, piece, beside)| Step::Say {
            watch,
            revisions,
            again,
            piece,
            beside,
        },
    );
    prop_oneof![
        8 => (keys, any::<bool>()).prop_map(|(keys, delete)| Step::Write(keys, delete)),
        1 => (0i64..10).prop_map(Step::Compact),
        1 => (0i64..6).prop_map(Step::Lag),
        5 => (1usize..4).prop_map(Step::Hear),
        10 => say,
        10 => (1usize..6).prop_map(Step::Arrive),
        2 => Just(Step::Cut),
        6 => (0usize..4, 1usize..4).prop_map(|(user, updates)| Step::Take { user, updates }),
        1 => (0usize..4).prop_map(Step::Replace),
        2 => Just(Step::AskProgress),
        1 => (0usize..4).prop_map(Step::LetGo),
        1 => Just(Step::RefuseToken),
        2 => (0u64..4000).prop_map(Step::Wait),
    ]
}

/// Runs a plan, then lets everything come to rest; what was wrong with what users were told.
pub(super) fn run(plan: &Plan, bug: Bug) -> Result<(), String> {
    let mut world = World::new(plan, bug);
    plan.steps.iter().for_each(|step| world.step(step));
    world.settle()?;
    world.users.iter().try_for_each(|user| world.check(user, true))
}

struct World {
    bug: Bug,
    now: Instant,
    board: Board,
    /// What each revision from 2 on changed.
    history: Vec<Vec<Event>>,
    compacted: i64,
    lag: i64,
    early: bool,
    refuse: bool,
    server: Option<Server>,
    users: Vec<User>,
    keys: u64,
}

#[derive(Default)]
struct Server {
    first: Option<WatchCreateRequest>,
    next_id: i64,
    watches: BTreeMap<i64, (WatchCreateRequest, i64)>,
    down: VecDeque<WatchResponse>,
}

struct User {
    key: u64,
    range: KeyRange,
    start: i64,
    queue: Arc<Queue>,
    told: Vec<Update>,
    end: Option<ErrorKind>,
}

fn revision(event: &Event) -> i64 {
    event.kv.as_ref().unwrap().mod_revision
}

fn is_in(range: &KeyRange, event: &Event) -> bool {
    range.contains(&event.kv.as_ref().unwrap().key)
}

impl World {
    fn new(plan: &Plan, bug: Bug) -> Self {
        let (now, board) =
            (Instant::now(), Board::new(Caller { renews: true, certificate: false }, 7));
        let mut world = Self {
            bug,
            now,
            board,
            history: Vec::new(),
            compacted: 0,
            lag: 0,
            early: plan.early,
            refuse: false,
            server: None,
            users: Vec::new(),
            keys: 0,
        };
        for (range, start, most) in &plan.users {
            let user = world.watch(range.clone(), *start, *most);
            world.users.push(user);
        }
        world
    }

    fn watch(&mut self, range: KeyRange, start: i64, most: usize) -> User {
        self.keys += 1;
        let queue = Arc::new(Queue::new(most, usize::MAX));
        let request = WatchCreateRequest::new(range.clone()).start_revision(start);
        let mut machine = Machine::new(request);
        if self.bug == Bug::TakesAllKeys {
            bend::widen(&mut machine);
        }
        let watch = Watch { machine, queue: Arc::clone(&queue), patience: None };
        self.board.take(Command::Add(self.keys, Box::new(watch)), self.now);
        User { key: self.keys, range, start, queue, told: Vec::new(), end: None }
    }

    /// The newest revision.
    fn newest(&self) -> i64 {
        self.history.len() as i64 + 1
    }

    /// The newest revision that the member knows.
    fn known(&self) -> i64 {
        (self.newest() - self.lag).max(1)
    }

    fn reply(&self, id: i64) -> WatchResponse {
        let header =
            ResponseHeader { cluster_id: 1, revision: self.known(), raft_term: 1, member_id: 1 };
        WatchResponse { header: Some(header), watch_id: id, ..WatchResponse::default() }
    }

    fn step(&mut self, step: &Step) {
        self.now += Duration::from_millis(1);
        match step {
            Step::Write(keys, delete) => self.write(keys, *delete),
            Step::Compact(ago) => self.compacted = self.compacted.max(self.known() - ago),
            Step::Lag(lag) if self.server.is_none() => self.lag = *lag,
            Step::Lag(lag) => self.lag = self.lag.min(*lag),
            Step::Hear(count) => (0..*count).for_each(|_| self.hear()),
            Step::Say { watch, revisions, again, piece, beside } => {
                self.say(*watch, *revisions, *again, *piece, *beside);
            }
            Step::Arrive(count) => (0..*count).for_each(|_| self.arrive()),
            Step::Cut => self.cut(&Lost::Broken("cut".into())),
            Step::Take { user, updates } => (0..*updates).for_each(|_| self.take(*user)),
            Step::Replace(user) => self.replace(*user),
            Step::AskProgress => self.board.take(Command::Progress, self.now),
            Step::LetGo(watch) => self.let_go(*watch),
            Step::RefuseToken => self.refuse = true,
            Step::Wait(ms) => self.wait(*ms),
        }
    }

    fn write(&mut self, keys: &[&'static str], delete: bool) {
        let mod_revision = self.newest() + 1;
        let event_type = if delete { EventType::DELETE } else { EventType::PUT }.0;
        let event = |key: &&'static str| {
            let key = Bytes::from_static(key.as_bytes());
            let kv = Some(KeyValue { key, mod_revision, ..KeyValue::default() });
            Event { event_type, kv, prev_kv: None }
        };
        self.history.push(keys.iter().map(event).collect());
    }

    fn hear(&mut self) {
        if self.server.is_none() && self.board.wants_stream() {
            let first = self.board.begin(self.now);
            self.board.opened(true, self.now);
            self.server = Some(Server { first, ..Server::default() });
        }
        let Some(server) = &mut self.server else { return };
        let request = match server.first.take() {
            Some(first) => Some(WatchRequestUnion::Create(first)),
            None => self
                .board
                .outbox()
                .and_then(VecDeque::pop_front)
                .and_then(|sent| sent.request_union),
        };
        match request {
            Some(WatchRequestUnion::Create(create)) => self.create(create),
            Some(WatchRequestUnion::Cancel(cancel)) => {
                let reply = WatchResponse { canceled: true, ..self.reply(cancel.watch_id) };
                let server = self.server.as_mut().unwrap();
                if server.watches.remove(&cancel.watch_id).is_some() {
                    server.down.push_back(reply);
                }
            }
            Some(WatchRequestUnion::Progress(_)) => {
                let (known, reply) = (self.known(), self.reply(ALL));
                let server = self.server.as_mut().unwrap();
                if self.early || server.watches.values().all(|(_, next)| *next > known) {
                    server.down.push_back(reply);
                }
            }
            None => {}
        }
    }

    fn create(&mut self, request: WatchCreateRequest) {
        let mut reply = WatchResponse { created: true, ..self.reply(0) };
        let start =
            if request.start_revision == 0 { self.known() + 1 } else { request.start_revision };
        let server = self.server.as_mut().unwrap();
        if std::mem::take(&mut self.refuse) {
            reply.canceled = true;
            reply.cancel_reason = etcd_proto::v3::error::message::INVALID_TOKEN.into();
        } else {
            reply.watch_id = server.next_id;
            server.watches.insert(server.next_id, (request, start));
            server.next_id += 1;
        }
        server.down.push_back(reply);
    }

    /// Which watch of the server is the nth, around and around.
    fn nth(&self, watch: usize) -> Option<i64> {
        let watches = &self.server.as_ref()?.watches;
        watches.keys().copied().nth(watch.checked_rem(watches.len())?)
    }

    fn say(&mut self, watch: usize, revisions: i64, again: i64, piece: usize, beside: bool) {
        let (known, compacted) = (self.known(), self.compacted);
        let Some(id) = self.nth(watch) else { return };
        let (request, next) = self.server.as_ref().unwrap().watches[&id].clone();
        let mut reply = self.reply(id);
        if next < compacted {
            (reply.canceled, reply.compact_revision) = (true, compacted);
            let server = self.server.as_mut().unwrap();
            server.watches.remove(&id);
            server.down.push_back(reply);
            return;
        }
        let last = known.min(next + revisions - 1);
        let from = (next - again).max(compacted).max(2);
        let range = request.range();
        let told = (from..=last).flat_map(|revision| self.history[revision as usize - 2].clone());
        let events: Vec<_> = told.filter(|event| beside || is_in(&range, event)).collect();
        let server = self.server.as_mut().unwrap();
        server.watches.get_mut(&id).unwrap().1 = next.max(last + 1);
        if events.is_empty() {
            if last == known {
                // All of it is told: that is a progress.
                server.down.push_back(reply);
            }
            return;
        }
        let pieces = events.chunks(piece);
        let count = pieces.len();
        for (at, events) in pieces.enumerate() {
            let (fragment, events) = (at + 1 < count, events.to_vec());
            server.down.push_back(WatchResponse { fragment, events, ..reply.clone() });
        }
    }

    fn arrive(&mut self) {
        let Some(reply) = self.server.as_mut().and_then(|server| server.down.pop_front()) else {
            return;
        };
        let id = reply.watch_id;
        if self.bug == Bug::DropsWhenFull && self.board.is_full_for(&reply) {
            return;
        }
        if self.bug == Bug::HidesGaps && reply.compact_revision > 0 {
            let stream = self.board.stream.as_ref().unwrap();
            let Some(key) = stream.ids.get(&id).copied() else { return };
            let machine = &mut self.board.entries.get_mut(&key).unwrap().watch.machine;
            let behind = reply.compact_revision - machine.next().unwrap().0;
            bend::shift(machine, behind);
            self.board.let_go(key, self.now);
            self.board.rest(key, self.now);
            return;
        }
        if self.bug == Bug::ForgetsWatch && reply.canceled {
            return;
        }
        let went = self.board.reply(reply, self.now);
        if self.bug == Bug::SplitsRevisions {
            self.split(id);
        }
        match went {
            Ok(()) => self.answer(),
            Err(lost) => self.cut(&lost),
        }
    }

    fn split(&mut self, id: i64) {
        let stream = self.board.stream.as_ref().unwrap();
        let entry = stream.ids.get(&id).and_then(|key| self.board.entries.get_mut(key));
        if let Some(entry) = entry
            && let Some(batch) = bend::split(&mut entry.watch.machine)
        {
            entry.watch.queue.changes(batch);
        }
    }

    fn answer(&mut self) {
        while let Some(question) = self.board.question() {
            let finding = match question {
                Question::History(..) => Finding::History(None),
                Question::Presence => Finding::Presence(true, self.now),
                Question::Progress => {
                    Finding::Progress(!self.early || self.bug == Bug::BelievesProgress)
                }
            };
            self.board.found(finding, self.now).unwrap();
        }
    }

    fn cut(&mut self, lost: &Lost) {
        if self.server.take().is_none() {
            return;
        }
        self.lag = 0;
        self.board.lost(lost, self.now);
        for entry in self.board.entries.values_mut() {
            match self.bug {
                Bug::SkipsOne => bend::shift(&mut entry.watch.machine, 1),
                Bug::RepeatsOne => bend::shift(&mut entry.watch.machine, -1),
                _ => {}
            }
        }
    }

    fn take(&mut self, user: usize) {
        let count = self.users.len();
        let user = &mut self.users[user % count];
        let taken = user.queue.poll_next(&mut Context::from_waker(Waker::noop()));
        if taken.drained && self.bug != Bug::NeverDrained {
            self.board.take(Command::Resume(user.key), self.now);
        }
        match taken.next {
            Poll::Ready(Some(Ok(update))) => user.told.push(update),
            Poll::Ready(Some(Err(error))) => user.end = Some(error.kind().clone()),
            Poll::Ready(None) | Poll::Pending => {}
        }
    }

    fn replace(&mut self, user: usize) {
        let at = user % self.users.len();
        self.board.take(Command::Drop(self.users[at].key), self.now);
        self.check(&self.users[at], false).unwrap();
        let (range, most) = (self.users[at].range.clone(), 2);
        let last = self.users[at].told.last().map(|update| update.revision().0 + 1);
        self.users[at] = self.watch(range, last.unwrap_or(0), most);
    }

    fn let_go(&mut self, watch: usize) {
        let Some(id) = self.nth(watch) else { return };
        let reply = WatchResponse { canceled: true, ..self.reply(id) };
        let server = self.server.as_mut().unwrap();
        server.watches.remove(&id);
        server.down.push_back(reply);
    }

    fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        if let Err(lost) = self.board.tick(self.now) {
            self.cut(&lost);
        }
    }

    /// Without faults, until all users know all or have been told why not.
    fn settle(&mut self) -> Result<(), String> {
        (self.lag, self.refuse) = (0, false);
        let mut unchecked = Ok(());
        for _ in 0..300 {
            self.wait(50);
            (0..8).for_each(|_| self.hear());
            (0..6).for_each(|watch| self.say(watch, 4, 0, 2, false));
            (0..40).for_each(|_| self.arrive());
            (0..12).for_each(|user| self.take(user));
            unchecked = self.users.iter().try_for_each(|user| self.check(user, true));
            if unchecked.is_ok() {
                break;
            }
        }
        unchecked
    }

    /// What is wrong with what a user was told; `whole` when it was to be told everything by now.
    fn check(&self, user: &User, whole: bool) -> Result<(), String> {
        let Some(first) = user.queue.first() else {
            let lost = whole && user.end.is_none();
            return if lost { Err("it never stood".into()) } else { Ok(()) };
        };
        if user.start > 0 && first.0 != user.start {
            return Err(format!("it began at {first}, not at {}", user.start));
        }
        let mut due = first.0;
        for update in &user.told {
            let last = update.revision().0;
            if let Update::Changes(changes) = update {
                let changed = changes.events.first().map_or(0, revision);
                if changed < due {
                    return Err(format!(
                        "revision {changed} came when {due} was due: {:?}",
                        user.told
                    ));
                }
                self.expect(user, due, last, &changes.events)?;
            } else if last + 1 < due {
                return Err(format!("it went back from {due} to {last}"));
            } else {
                self.expect(user, due, last, &[])?;
            }
            due = last + 1;
        }
        match &user.end {
            None if whole => self.expect(user, due, self.newest(), &[]),
            None => Ok(()),
            Some(ErrorKind::Compacted { revision })
                if (due..=self.compacted).contains(&revision.0) =>
            {
                Ok(())
            }
            Some(kind) => {
                Err(format!("it ended with {kind:?}, {due} due, {} kept", self.compacted))
            }
        }
    }

    /// Between two revisions a user is to be told exactly this.
    fn expect(&self, user: &User, from: i64, last: i64, told: &[Event]) -> Result<(), String> {
        let within = (from.max(2)..=last.min(self.newest()))
            .map(|revision| &self.history[revision as usize - 2]);
        let due: Vec<_> =
            within.flatten().filter(|event| is_in(&user.range, event)).cloned().collect();
        if due == told { Ok(()) } else { Err(format!("{told:?} was told, not {due:?}")) }
    }
}
