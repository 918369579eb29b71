use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use etcd_proto::ids::Revision;
use etcd_proto::key::KeyRange;
use etcd_proto::v3::error::message;
use etcd_proto::v3::{
    Event, KeyValue, ResponseHeader, WatchCancelRequest, WatchProgressRequest, WatchResponse,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::replies::{ALL, MOST_REFUSALS};
use super::simulation::{Bug, plans, run};
use super::*;
use crate::v3::watch::update::Update;

proptest! {
    /// Whatever a server repeats, cuts, forgets or does not know yet, and however slow users are:
    /// each change is told once, in order, with all others of its revision, or it is said which are
    /// missing.
    #[test]
    fn every_change_is_told_once(plan in plans()) {
        run(&plan, Bug::None).map_err(TestCaseError::fail)?;
    }
}

/// The property above is worth something: it fails when the code is wrong in any of these ways.
#[test]
fn the_simulation_finds_bugs() {
    for bug in [
        Bug::SkipsOne,
        Bug::RepeatsOne,
        Bug::SplitsRevisions,
        Bug::DropsWhenFull,
        Bug::NeverDrained,
        Bug::HidesGaps,
        Bug::TakesAllKeys,
        Bug::BelievesProgress,
        Bug::ForgetsWatch,
    ] {
        let found = TestRunner::deterministic().run(&plans(), |plan| {
            let went = std::panic::catch_unwind(|| run(&plan, bug));
            went.unwrap_or(Ok(())).map_err(TestCaseError::fail)
        });
        assert!(found.is_err(), "{bug:?} was not found");
    }
}

/// One with a user.
const KNOWN: Caller = Caller { renews: true, certificate: false };

/// A board with watches of `k`, and a stream.
struct Bench {
    board: Board,
    queues: Vec<Arc<Queue>>,
    now: Instant,
}

impl Bench {
    fn new(watches: u64) -> Self {
        Self::with(watches, KNOWN)
    }

    fn with(watches: u64, caller: Caller) -> Self {
        let (board, queues) = (Board::new(caller, 1), Vec::new());
        let mut bench = Self { board, queues, now: Instant::now() };
        (0..watches).for_each(|key| bench.add(key));
        bench.open();
        bench
    }

    fn add(&mut self, key: u64) {
        let queue = Arc::new(Queue::new(2, usize::MAX));
        self.queues.push(Arc::clone(&queue));
        let machine = Machine::new(WatchCreateRequest::new("k"));
        let watch = Watch { machine, queue, patience: Some(Duration::from_secs(60)) };
        self.board.take(Command::Add(key, Box::new(watch)), self.now);
    }

    fn open(&mut self) {
        self.open_bearing(true);
    }

    fn open_bearing(&mut self, token: bool) {
        self.board.begin(self.now).expect("a watch that waits");
        self.board.opened(token, self.now);
        self.board.outbox().unwrap().clear();
    }

    fn said(&mut self, reply: WatchResponse) -> Result<(), Lost> {
        self.board.reply(reply, self.now)
    }

    fn wait(&mut self, time: Duration) -> Result<(), Lost> {
        self.now += time;
        self.board.tick(self.now)
    }

    fn lose(&mut self) -> bool {
        self.board.lost(&Lost::Broken("cut".into()), self.now)
    }

    fn end(&self, watch: usize) -> Option<ErrorKind> {
        loop {
            match self.queues[watch].poll_next(&mut Context::from_waker(Waker::noop())).next {
                Poll::Ready(Some(Err(error))) => return Some(error.kind().clone()),
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(None) | Poll::Pending => return None,
            }
        }
    }

    fn sent(&mut self) -> Vec<WatchRequest> {
        self.board.outbox().map_or(Vec::new(), |outbox| outbox.drain(..).collect())
    }
}

fn reply(watch_id: i64, revision: i64) -> WatchResponse {
    let header =
        ResponseHeader { cluster_id: 1, revision, raft_term: 2, ..ResponseHeader::default() };
    WatchResponse { header: Some(header), watch_id, ..WatchResponse::default() }
}

fn created(id: i64) -> WatchResponse {
    WatchResponse { created: true, ..reply(id, 7) }
}

fn refused(why: &str) -> WatchResponse {
    WatchResponse { created: true, canceled: true, cancel_reason: why.into(), ..reply(0, 7) }
}

fn changes(id: i64, revision: i64) -> WatchResponse {
    let key = Bytes::from_static(b"k");
    let kv = Some(KeyValue { key, mod_revision: revision, ..KeyValue::default() });
    WatchResponse { events: vec![Event { kv, ..Event::default() }], ..reply(id, revision) }
}

fn cancel(id: i64) -> WatchRequest {
    WatchCancelRequest::new(id).into()
}

fn is_create(request: &WatchRequest) -> bool {
    matches!(request.request_union, Some(WatchRequestUnion::Create(_)))
}

#[test]
fn what_no_server_says_ends_the_stream_alone() {
    for strange in [created(4), created(3), WatchResponse { events: vec![], ..created(9) }] {
        let mut bench = Bench::new(1);
        bench.said(created(3)).unwrap();
        assert!(matches!(bench.said(strange), Err(Lost::Member(_))));
        bench.lose();
        assert_eq!(bench.end(0), None);
        assert!(bench.board.wants_stream());
    }
    let mut bench = Bench::new(2);
    bench.said(created(3)).unwrap();
    assert!(matches!(bench.said(created(3)), Err(Lost::Member(_))), "one id for two");
    // What nobody knows is on its way from before.
    let mut bench = Bench::new(1);
    bench.said(created(3)).unwrap();
    for stray in [changes(4, 9), WatchResponse { canceled: true, ..reply(4, 9) }] {
        bench.said(stray).unwrap();
    }
    assert!(bench.sent().is_empty());
}

#[test]
fn a_watch_that_was_dropped_meanwhile_is_ended_and_no_other() {
    let mut bench = Bench::new(3);
    bench.said(created(0)).unwrap();
    for key in [1, 2] {
        bench.board.take(Command::Drop(key), bench.now);
    }
    bench.said(created(1)).unwrap();
    assert_eq!(bench.sent(), [cancel(1)]);
    // A refusal bears the id of no watch: 0, which is another's.
    bench.said(refused(message::PERMISSION_DENIED)).unwrap();
    assert_eq!(bench.sent(), []);
    bench.board.take(Command::Drop(0), bench.now);
    assert_eq!(bench.sent(), [cancel(0)]);
}

#[test]
fn one_watch_that_is_refused_leaves_the_others_alone() {
    for (why, kind, after) in [
        (message::PERMISSION_DENIED, ErrorKind::Unauthorized, 0),
        ("mvcc: watcher range is empty", ErrorKind::Refused, MOST_REFUSALS),
    ] {
        let mut bench = Bench::new(2);
        bench.said(created(0)).unwrap();
        for _ in 0..after {
            bench.said(refused(why)).unwrap();
            assert_eq!(bench.sent(), [], "not at once");
            bench.wait(SILENCE).unwrap();
            assert!(bench.sent().iter().all(is_create));
        }
        bench.said(refused(why)).unwrap();
        assert_eq!(bench.end(1), Some(kind));
        bench.said(changes(0, 8)).unwrap();
        assert_eq!(bench.end(0), None);
        assert!(bench.board.stands() && !bench.board.wants_ticks());
    }
}

#[test]
fn a_watch_that_was_let_go_of_is_made_again() {
    let mut bench = Bench::new(2);
    (0..2).for_each(|id| bench.said(created(id)).unwrap());
    bench.said(changes(1, 8)).unwrap();
    for round in 0..20 {
        bench.said(WatchResponse { canceled: true, ..reply(1 + round, 9) }).unwrap();
        bench.wait(SILENCE).unwrap();
        let sent = bench.sent();
        let Some(WatchRequestUnion::Create(create)) = &sent[0].request_union else { panic!() };
        assert_eq!((sent.len(), create.start_revision), (1, 9));
        bench.said(created(2 + round)).unwrap();
    }
    assert_eq!(
        bench.queues.iter().map(|queue| queue.status().resumes).collect::<Vec<_>>(),
        [0, 20]
    );
}

#[test]
fn tokens_are_renewed_and_not_for_ever() {
    let mut bench = Bench::new(2);
    let mut renewed = 0;
    while bench.end(1).is_none() {
        bench.said(created(0)).unwrap();
        match bench.said(refused(message::INVALID_TOKEN)) {
            Ok(()) => {}
            Err(lost @ Lost::Token(_)) => {
                bench.board.lost(&lost, bench.now);
                bench.open();
                renewed += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(renewed, MOST_TOKENS);
    assert_eq!(bench.end(0), None);
    // A stream that is refused has no watch to blame: all end.
    let mut bench = Bench::new(2);
    for _ in 0..=MOST_TOKENS {
        assert_eq!(bench.end(0), None);
        bench.board.lost(&Lost::Token("refused".into()), bench.now);
        if bench.board.wants_stream() {
            bench.open();
        }
    }
    assert_eq!(
        [bench.end(0), bench.end(1)],
        [Some(ErrorKind::Unauthorized), Some(ErrorKind::Unauthorized)]
    );
    // Where there is no user, there is no other token.
    let mut bench = Bench::with(1, Caller { renews: false, certificate: true });
    bench.said(refused(message::USER_EMPTY)).unwrap();
    assert_eq!(bench.end(0), Some(ErrorKind::Unauthorized));
}

#[test]
fn a_watch_that_came_without_a_token_is_denied_to_somebody_else() {
    let denied = || refused(message::PERMISSION_DENIED);
    let mut bench = Bench::new(2);
    bench.board.lost(&Lost::Broken("authentication is off meanwhile".into()), bench.now);
    bench.open_bearing(false);
    bench.said(created(0)).unwrap();
    let lost = bench.said(denied()).expect_err("it needs a token");
    assert!(matches!(lost, Lost::Token(_)), "{lost:?}");
    bench.board.lost(&lost, bench.now);
    bench.open();
    bench.said(created(0)).unwrap();
    bench.said(denied()).unwrap();
    assert_eq!((bench.end(0), bench.end(1)), (None, Some(ErrorKind::Unauthorized)));
    // Without a user, the name in the certificate is the caller's.
    let mut bench = Bench::with(1, Caller { renews: false, certificate: true });
    bench.said(denied()).unwrap();
    assert_eq!(bench.end(0), Some(ErrorKind::Unauthorized));
}

#[test]
fn one_with_a_certificate_is_denied_twice_before_it_is_over() {
    let mut bench = Bench::with(1, Caller { certificate: true, ..KNOWN });
    for end in [None, Some(ErrorKind::Unauthorized)] {
        bench.said(refused(message::PERMISSION_DENIED)).unwrap();
        assert_eq!(bench.end(0), end);
        bench.wait(SILENCE).unwrap();
        bench.sent();
    }
}

#[test]
fn strangers_are_passed_over_and_not_for_ever() {
    let stranger =
        || Lost::Stranger(Error::new(ErrorKind::AnotherHistory, Outcome::NotApplied, "not ours"));
    let mut bench = Bench::new(1);
    for round in 0..20 {
        bench.board.lost(&stranger(), bench.now);
        bench.open();
        bench.said(created(0)).unwrap();
        assert_eq!(bench.end(0), None, "{round}");
    }
    for strangers in 0..=MOST_STRANGERS {
        assert_eq!(bench.end(0), None, "{strangers}");
        bench.board.lost(&stranger(), bench.now);
        if bench.board.wants_stream() {
            bench.open();
        }
    }
    assert_eq!(bench.end(0), Some(ErrorKind::AnotherHistory));
}

#[test]
fn a_member_that_owes_an_answer_is_left() {
    let mut bench = Bench::new(1);
    for factor in [1, 2, 4, 4] {
        bench.wait(SILENCE * factor - Duration::from_millis(1)).unwrap();
        assert!(matches!(bench.wait(Duration::from_millis(1)), Err(Lost::Member(_))));
        bench.lose();
        bench.open();
    }
    // One that stands owes nothing; whether its member is there is asked.
    bench.said(created(0)).unwrap();
    let mut asked = |seconds, failed: Option<u64>| {
        let now = bench.now + Duration::from_secs(seconds);
        let failed = failed.map(|seconds| bench.now + Duration::from_secs(seconds));
        bench.board.doubt(failed, now);
        bench.board.question() == Some(Question::Presence)
    };
    assert_eq!([asked(4, None), asked(5, None), asked(6, None)], [false, true, true]);
    assert_eq!([asked(1, Some(0)), asked(1, Some(1)), asked(2, Some(1))], [false, true, true]);
    let soon = bench.now + Duration::from_secs(1);
    let absent = || Finding::Presence(false, soon);
    assert!(matches!(bench.board.found(absent(), bench.now), Err(Lost::Member(_))));
    // It has said something in the meantime.
    bench.now = soon;
    bench.said(changes(0, 8)).unwrap();
    bench.board.found(absent(), bench.now).unwrap();
}

#[test]
fn a_stream_that_no_watch_needs_ends_soon() {
    let mut bench = Bench::new(1);
    bench.said(created(0)).unwrap();
    bench.board.take(Command::Drop(0), bench.now);
    assert!(bench.board.wants_ticks());
    bench.wait(Duration::ZERO).unwrap();
    bench.wait(LINGER / 2).unwrap();
    // One comes in time, and stays.
    bench.add(1);
    bench.wait(LINGER).unwrap();
    bench.said(created(1)).unwrap();
    bench.wait(LINGER).unwrap();
    bench.board.take(Command::Drop(1), bench.now);
    bench.wait(Duration::ZERO).unwrap();
    assert!(matches!(bench.wait(LINGER), Err(Lost::Unused)));
}

#[test]
fn a_user_who_takes_nothing_is_waited_for_on_the_server() {
    let mut bench = Bench::new(1);
    bench.said(created(0)).unwrap();
    for revision in 8..12 {
        bench.said(changes(0, revision)).unwrap();
    }
    assert_eq!(bench.sent(), [cancel(0)]);
    assert!(!bench.board.wants_stream());
    let mut context = Context::from_waker(Waker::noop());
    let taken = bench.queues[0].poll_next(&mut context);
    assert!(taken.drained && matches!(taken.next, Poll::Ready(Some(Ok(Update::Changes(_))))));
    bench.board.take(Command::Resume(0), bench.now);
    let sent = bench.sent();
    let Some(WatchRequestUnion::Create(create)) = &sent[0].request_union else { panic!() };
    assert_eq!(create.start_revision, 10);
    assert_eq!(bench.queues[0].status().resumes, 0);
}

#[test]
fn patience_is_counted_while_no_member_has_the_watch() {
    let minute = Duration::from_secs(60);
    let mut bench = Bench::new(1);
    bench.said(created(0)).unwrap();
    bench.wait(10 * minute).unwrap();
    assert!(bench.lose(), "it was of use");
    bench.wait(minute / 2).unwrap();
    bench.open();
    assert!(!bench.lose());
    bench.wait(minute / 2 - Duration::from_millis(1)).unwrap();
    assert_eq!(bench.end(0), None);
    bench.wait(Duration::from_millis(1)).unwrap();
    assert_eq!(bench.end(0), Some(ErrorKind::Unreachable));
    assert!(!bench.board.wants_stream() && !bench.board.wants_ticks());
}

#[test]
fn another_history_ends_all() {
    let mut bench = Bench::new(2);
    bench.said(created(0)).unwrap();
    let mut foreign = created(1);
    foreign.header.as_mut().unwrap().cluster_id = 2;
    let lost = bench.said(foreign).unwrap_err();
    bench.board.lost(&lost, bench.now);
    assert_eq!(
        [bench.end(0), bench.end(1)],
        [Some(ErrorKind::AnotherHistory), Some(ErrorKind::AnotherHistory)]
    );
    // Whoever watches from now on has nothing to do with what was before.
    bench.add(2);
    bench.open();
    let mut first = created(0);
    first.header.as_mut().unwrap().cluster_id = 2;
    bench.said(first).unwrap();
}

#[test]
fn a_member_that_is_behind_is_looked_into() {
    let mut bench = Bench::new(1);
    bench.said(created(0)).unwrap();
    bench.said(changes(0, 20)).unwrap();
    assert_eq!(bench.board.question(), None);
    bench.lose();
    bench.open();
    bench.said(created(0)).unwrap();
    let Some(Question::History(history, key)) = bench.board.question() else { panic!() };
    assert_eq!((key, bench.board.question()), (KeyRange::one("k"), None));
    let header = |revision| ResponseHeader { revision, ..reply(0, 0).header.unwrap() };
    assert_eq!(history.contradiction(&header(20)), None);
    bench.board.found(Finding::History(None), bench.now).unwrap();
    let lost = bench.board.found(Finding::History(history.contradiction(&header(19))), bench.now);
    bench.board.lost(&lost.unwrap_err(), bench.now);
    assert_eq!(bench.end(0), Some(ErrorKind::AnotherHistory));
}

#[test]
fn progress_is_asked_for_once_it_is_known_what_it_is_worth() {
    let progress = WatchRequest::from(WatchProgressRequest {});
    for trusted in [true, false] {
        let mut bench = Bench::new(2);
        (0..2).for_each(|id| bench.said(created(id)).unwrap());
        (0..3).for_each(|_| bench.board.take(Command::Progress, bench.now));
        assert_eq!((bench.sent(), bench.board.question()), (vec![], Some(Question::Progress)));
        bench.board.found(Finding::Progress(trusted), bench.now).unwrap();
        assert_eq!((bench.sent(), bench.board.question()), (vec![progress.clone()], None));
        (0..3).for_each(|_| bench.board.take(Command::Progress, bench.now));
        assert_eq!(bench.sent(), std::slice::from_ref(&progress), "once is enough");
        bench.said(reply(ALL, 30)).unwrap();
        for queue in &bench.queues {
            let taken = queue.poll_next(&mut Context::from_waker(Waker::noop())).next;
            let Poll::Ready(Some(Ok(Update::Progress(told)))) = taken else { panic!() };
            assert_eq!(told, Revision(if trusted { 30 } else { 7 }));
        }
    }
}

#[test]
fn users_hear_of_it_when_the_task_is_gone() {
    let mut bench = Bench::new(1);
    bench.said(created(0)).unwrap();
    bench.board = Board::new(KNOWN, 1);
    assert_eq!(bench.end(0), Some(ErrorKind::Interrupted));
}
