use std::collections::BTreeMap;

use bytes::Bytes;
use etcd_proto::v3::{EventType, KeyValue, ResponseHeader};
use proptest::prelude::*;

use super::*;

fn header(revision: i64) -> Option<ResponseHeader> {
    Some(ResponseHeader { cluster_id: 1, revision, ..ResponseHeader::default() })
}

fn reply(revision: i64) -> WatchResponse {
    WatchResponse { header: header(revision), ..WatchResponse::default() }
}

fn created(revision: i64) -> WatchResponse {
    WatchResponse { created: true, ..reply(revision) }
}

fn put(key: &str, revision: i64) -> Event {
    let key = Bytes::from(key.to_owned());
    let kv = KeyValue { key, mod_revision: revision, ..KeyValue::default() };
    Event { kv: Some(kv), ..Event::default() }
}

fn delete(key: &str, revision: i64) -> Event {
    Event { event_type: EventType::DELETE.0, ..put(key, revision) }
}

fn changes(events: Vec<Event>) -> WatchResponse {
    WatchResponse { events, ..reply(99) }
}

fn watch() -> Machine {
    Machine::new(WatchCreateRequest::new(KeyRange::prefix("k")))
}

#[test]
fn now_is_what_the_server_says() {
    let mut machine = watch();
    assert_eq!((machine.next(), machine.create().start_revision), (None, 0));
    assert_eq!(machine.reply(created(7)), Told::Created);
    assert_eq!((machine.next(), machine.create().start_revision), (Some(Revision(8)), 8));
    // Made again on a member that is ahead, or behind: what is due stays.
    for revision in [20, 3] {
        assert_eq!(machine.reply(created(revision)), Told::Created);
        assert_eq!(machine.next(), Some(Revision(8)));
    }
}

#[test]
fn what_was_delivered_or_not_asked_for_is_dropped() {
    let mut machine = watch();
    machine.reply(created(7));
    let told = machine.reply(changes(vec![put("k1", 6), put("k2", 8), put("l", 8), put("k3", 9)]));
    assert_eq!(told, Told::Changes(vec![put("k2", 8), put("k3", 9)]));
    assert_eq!(machine.reply(changes(vec![put("k2", 8), put("k3", 9)])), Told::Nothing);
    assert_eq!(machine.reply(changes(vec![put("other", 12)])), Told::Nothing);
    assert_eq!(machine.next(), Some(Revision(13)));
}

#[test]
fn filters_hold_also_where_the_server_forgets_them() {
    for (filter, left) in [(FilterType::NOPUT, delete("k", 9)), (FilterType::NODELETE, put("k", 8))]
    {
        let request = WatchCreateRequest::new("k").start_revision(8).filter(filter);
        let told = Machine::new(request).reply(changes(vec![put("k", 8), delete("k", 9)]));
        assert_eq!(told, Told::Changes(vec![left]));
    }
}

#[test]
fn fragments_are_joined_and_forgotten_when_cut() {
    let fragment = |events| WatchResponse { fragment: true, ..changes(events) };
    let mut machine = watch();
    machine.reply(created(7));
    assert_eq!(machine.reply(fragment(vec![put("k1", 8)])), Told::Nothing);
    assert_eq!(machine.next(), Some(Revision(8)));
    // Cut here: the whole revision comes again.
    assert_eq!(machine.create().start_revision, 8);
    assert_eq!(machine.reply(fragment(vec![put("k1", 8)])), Told::Nothing);
    let whole = machine.reply(changes(vec![put("k2", 8)]));
    assert_eq!(whole, Told::Changes(vec![put("k1", 8), put("k2", 8)]));
    assert_eq!(machine.next(), Some(Revision(9)));
}

#[test]
fn progress_moves_on_unless_a_member_lags() {
    let mut machine = watch();
    machine.reply(created(7));
    assert_eq!(machine.reply(reply(20)), Told::Progress(Revision(20)));
    assert_eq!(machine.next(), Some(Revision(21)));
    assert_eq!(machine.reply(reply(15)), Told::Nothing);
    assert_eq!(machine.next(), Some(Revision(21)));
    assert_eq!(machine.all_told(Revision(30)), Told::Progress(Revision(30)));
    assert_eq!(machine.next(), Some(Revision(21)));
}

#[test]
fn ends_are_told_apart() {
    let canceled =
        |reason: &str| WatchResponse { canceled: true, cancel_reason: reason.into(), ..reply(20) };
    for (text, end) in [
        ("etcdserver: invalid auth token", End::Token),
        ("rpc error: code = Unauthenticated desc = etcdserver: invalid auth token", End::Token),
        ("etcdserver: revision of auth store is old", End::Token),
        ("etcdserver: permission denied", End::Denied("etcdserver: permission denied".into())),
        ("", End::LetGo(String::new())),
    ] {
        let refused = WatchResponse { created: true, ..canceled(text) };
        for reply in [canceled(text), refused] {
            assert_eq!(watch().reply(reply), Told::Ended(end.clone()), "{text}");
        }
    }
    let mut machine = watch();
    machine.reply(created(7));
    let compacted = WatchResponse { compact_revision: 12, ..canceled("") };
    let end = End::Compacted { due: Revision(8), kept: Revision(12) };
    assert_eq!(machine.reply(compacted), Told::Ended(end));
}

#[test]
fn another_cluster_is_no_place_to_go_on() {
    let mut machine = watch();
    machine.reply(created(7));
    let mut foreign = created(7);
    foreign.header = Some(ResponseHeader { cluster_id: 2, ..header(7).unwrap() });
    assert!(matches!(machine.reply(foreign), Told::Ended(End::AnotherHistory(_))));
    let backwards = changes(vec![put("k", 9), put("k", 8)]);
    assert!(matches!(machine.reply(backwards), Told::Ended(End::AnotherHistory(_))));
}

/// A history: for each revision from 2 on, the keys that it changed.
fn history() -> impl Strategy<Value = Vec<Vec<&'static str>>> {
    let keys = proptest::sample::subsequence(vec!["k1", "k2", "k3", "z"], 1..=4);
    proptest::collection::vec(keys, 1..40)
}

/// What a server does with its stream.
#[derive(Debug, Clone)]
enum Fault {
    /// So many events a reply, so many replies, and then the stream is cut.
    Cut { events: usize, replies: usize },
    /// The same, and some revisions come again that were sent before.
    Repeat { back: i64, replies: usize },
    /// The member is behind: it knows of no more than so many revisions.
    Lag(usize),
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop_oneof![
        (1usize..4, 0usize..6).prop_map(|(events, replies)| Fault::Cut { events, replies }),
        (0i64..6, 0usize..6).prop_map(|(back, replies)| Fault::Repeat { back, replies }),
        (0usize..40).prop_map(Fault::Lag),
    ];
    proptest::collection::vec(fault, 0..20)
}

/// The events of a history from a revision on, a revision a list.
fn revisions(history: &[Vec<&'static str>], from: i64) -> Vec<Vec<Event>> {
    let numbered = history.iter().zip(2..);
    let wanted = numbered.filter(|(_, revision)| *revision >= from);
    wanted.map(|(keys, revision)| keys.iter().map(|key| put(key, revision)).collect()).collect()
}

/// A reply a revision, in fragments of at most so many events.
fn replies(revisions: Vec<Vec<Event>>, most: usize) -> Vec<WatchResponse> {
    let cut = |events: Vec<Event>| {
        let pieces: Vec<_> = events.chunks(most).map(<[Event]>::to_vec).collect();
        let last = pieces.len() - 1;
        let piece = move |(at, events)| WatchResponse { fragment: at < last, ..changes(events) };
        pieces.into_iter().enumerate().map(piece).collect::<Vec<_>>()
    };
    revisions.into_iter().flat_map(cut).collect()
}

proptest! {
    /// Whatever a server repeats, cuts or does not know yet: each change is delivered once, in order
    /// and with all others of its revision.
    #[test]
    fn every_change_comes_once(history in history(), faults in faults()) {
        let mut machine = Machine::new(WatchCreateRequest::new(KeyRange::prefix("k")).start_revision(2));
        let mut delivered: Vec<Vec<Event>> = Vec::new();
        for fault in faults.into_iter().chain([Fault::Cut { events: 2, replies: usize::MAX }]) {
            let from = machine.create().start_revision;
            let (known, from, most, taken) = match fault {
                Fault::Cut { events, replies } => (history.len(), from, events, replies),
                Fault::Repeat { back, replies } => (history.len(), (from - back).max(2), 9, replies),
                Fault::Lag(known) => (known.min(history.len()), from, 9, usize::MAX),
            };
            machine.reply(created(known as i64 + 1));
            for reply in replies(revisions(&history[..known], from), most).into_iter().take(taken) {
                match machine.reply(reply) {
                    Told::Changes(events) => delivered.push(events),
                    Told::Nothing => {}
                    other => prop_assert!(false, "{other:?}"),
                }
            }
        }
        let ours = |event: &Event| event.kv.as_ref().is_some_and(|entry| entry.key.starts_with(b"k"));
        let mut expected: BTreeMap<i64, Vec<Event>> = BTreeMap::new();
        for event in revisions(&history, 2).into_iter().flatten().filter(ours) {
            expected.entry(revision(&event)).or_default().push(event);
        }
        let mut told = BTreeMap::new();
        for events in &delivered {
            for event in events {
                prop_assert_eq!(revision(event), revision(&events[0]));
            }
            prop_assert!(told.insert(revision(&events[0]), events.clone()).is_none(), "twice");
        }
        let order: Vec<_> = delivered.iter().map(|events| revision(&events[0])).collect();
        prop_assert!(order.is_sorted());
        prop_assert_eq!(told, expected);
    }

    /// No reply makes it panic or go back.
    #[test]
    fn it_never_goes_back(replies in proptest::collection::vec(any::<(bool, bool, bool, i64, i64, Vec<i64>)>(), 0..30)) {
        let mut machine = watch();
        for (was_created, canceled, fragment, revision, compact_revision, revisions) in replies {
            let before = machine.next();
            let events = revisions.into_iter().map(|revision| put("k", revision)).collect();
            let _ = machine.reply(WatchResponse {
                created: was_created,
                canceled,
                fragment,
                compact_revision,
                events,
                ..reply(revision)
            });
            prop_assert!(machine.next() >= before);
        }
    }
}
