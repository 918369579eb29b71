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

fn told(events: Vec<Event>) -> Told {
    Told::Changes(Batch::of(events))
}

fn fragment(events: Vec<Event>) -> WatchResponse {
    WatchResponse { fragment: true, ..changes(events) }
}

/// Has a machine go on at another revision: what a simulation that has no such bug would miss.
pub(in crate::v3::watch) fn shift(machine: &mut Machine, by: i64) {
    machine.next = machine.next.map(|next| (next + by).max(1));
}

/// Has a machine give out the changes of a revision of which more may come.
pub(in crate::v3::watch) fn split(machine: &mut Machine) -> Option<Batch> {
    let tail = std::mem::take(&mut machine.tail);
    machine.next = Some(tail.last()?);
    Some(tail)
}

/// Has a machine take the changes of all keys.
pub(in crate::v3::watch) fn widen(machine: &mut Machine) {
    machine.range = KeyRange::all();
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
    let some = machine.reply(changes(vec![put("k1", 6), put("k2", 8), put("l", 8), put("k3", 9)]));
    assert_eq!(some, told(vec![put("k2", 8), put("k3", 9)]));
    assert_eq!(machine.reply(changes(vec![put("k2", 8), put("k3", 9)])), Told::Nothing);
    assert_eq!(machine.reply(changes(vec![put("other", 12)])), Told::Nothing);
    assert_eq!(machine.next(), Some(Revision(13)));
}

#[test]
fn filters_hold_also_where_the_server_forgets_them() {
    for (filter, left) in [(FilterType::NOPUT, delete("k", 9)), (FilterType::NODELETE, put("k", 8))]
    {
        let request = WatchCreateRequest::new("k").start_revision(8).filter(filter);
        let some = Machine::new(request).reply(changes(vec![put("k", 8), delete("k", 9)]));
        assert_eq!(some, told(vec![left]));
    }
}

#[test]
fn a_proxy_may_not_say_what_now_is() {
    let mut machine = watch();
    assert_eq!(machine.reply(created(0)), Told::Created);
    assert_eq!((machine.next(), machine.create().start_revision), (None, 0));
    assert_eq!(machine.reply(changes(vec![put("k1", 8)])), told(vec![put("k1", 8)]));
    assert_eq!(machine.create().start_revision, 9);
}

#[test]
fn fragments_are_joined_and_forgotten_when_cut() {
    let mut machine = watch();
    machine.reply(created(7));
    assert_eq!(machine.reply(fragment(vec![put("k1", 8)])), Told::Nothing);
    assert_eq!(machine.next(), Some(Revision(8)));
    // Cut here: the whole revision comes again.
    assert_eq!(machine.create().start_revision, 8);
    for key in ["k1", "k2"] {
        assert_eq!(machine.reply(fragment(vec![put(key, 8)])), Told::Nothing);
    }
    let whole = machine.reply(changes(vec![put("k3", 8)]));
    assert_eq!(whole, told(vec![put("k1", 8), put("k2", 8), put("k3", 8)]));
    assert_eq!(machine.next(), Some(Revision(9)));
}

/// A thousand revisions may come in one reply: those that are whole do not wait for its end.
#[test]
fn only_the_last_revision_of_a_fragment_is_held() {
    let mut machine = watch();
    machine.reply(created(7));
    let whole = machine.reply(fragment(vec![put("k1", 8), put("k1", 9), put("k1", 10)]));
    assert_eq!(whole, told(vec![put("k1", 8), put("k1", 9)]));
    assert_eq!(machine.create().start_revision, 10);
    assert_eq!(machine.reply(fragment(vec![put("k1", 10)])), Told::Nothing);
    let whole = machine.reply(fragment(vec![put("k2", 10), put("k1", 11)]));
    assert_eq!(whole, told(vec![put("k1", 10), put("k2", 10)]));
    assert_eq!(machine.reply(fragment(vec![])), Told::Nothing);
    assert_eq!(machine.reply(fragment(vec![put("k1", 12)])), told(vec![put("k1", 11)]));
    assert_eq!(
        machine.reply(changes(vec![put("k2", 12)])),
        told(vec![put("k1", 12), put("k2", 12)])
    );
}

#[test]
fn a_revision_beyond_all_measure_is_not_gathered() {
    let value = Bytes::from(vec![0; LARGEST_REVISION / 4]);
    let mut large = put("k1", 8);
    large.kv.as_mut().unwrap().value = value;
    let mut machine = watch();
    machine.reply(created(7));
    for _ in 0..3 {
        assert_eq!(machine.reply(fragment(vec![large.clone()])), Told::Nothing);
    }
    assert_eq!(machine.reply(fragment(vec![large])), Told::Ended(End::TooLarge));
    assert!(machine.tail.events.is_empty());
}

#[test]
fn what_no_server_says_is_strange() {
    let backwards = vec![put("k", 9), put("k", 8)];
    let mut machine = watch();
    machine.reply(created(7));
    assert!(matches!(machine.reply(changes(backwards)), Told::Strange(_)));
    machine.reply(fragment(vec![put("k", 8)]));
    assert!(matches!(machine.reply(reply(20)), Told::Strange(_)));
    assert!(matches!(machine.reply(changes(vec![put("k", 7)])), Told::Strange(_)));
    assert_eq!(machine.next(), Some(Revision(8)));
}

#[test]
fn progress_moves_on_unless_a_member_lags() {
    let mut machine = watch();
    machine.reply(created(7));
    assert_eq!(machine.reply(reply(20)), Told::Progress(Revision(20)));
    assert_eq!(machine.next(), Some(Revision(21)));
    assert_eq!(machine.reply(reply(15)), Told::Nothing);
    assert_eq!(machine.next(), Some(Revision(21)));
    // Of a member that says it too early, no more is believed than what is proved.
    assert_eq!(machine.all_told(Revision(30), false), Told::Progress(Revision(20)));
    assert_eq!(machine.all_told(Revision(15), false), Told::Nothing);
    assert_eq!(machine.next(), Some(Revision(21)));
    assert_eq!(machine.all_told(Revision(30), true), Told::Progress(Revision(30)));
    assert_eq!(machine.next(), Some(Revision(31)));
}

#[test]
fn ends_are_told_apart() {
    let canceled =
        |reason: &str| WatchResponse { canceled: true, cancel_reason: reason.into(), ..reply(20) };
    let text = |text: &str| text.to_owned();
    for (reason, end, at_once) in [
        ("etcdserver: invalid auth token", End::Token as fn(_) -> _, End::Token as fn(_) -> _),
        ("rpc error: code = 16 desc = etcdserver: invalid auth token", End::Token, End::Token),
        ("etcdserver: revision of auth store is old", End::Token, End::Token),
        ("etcdserver: permission denied", End::Denied, End::Denied),
        ("mvcc: watcher range is empty", End::LetGo, End::Refused),
        ("", End::LetGo, End::Refused),
    ] {
        assert_eq!(watch().reply(canceled(reason)), Told::Ended(end(text(reason))));
        let refused = WatchResponse { created: true, ..canceled(reason) };
        assert_eq!(watch().reply(refused), Told::Ended(at_once(text(reason))));
    }
    let mut machine = watch();
    machine.reply(created(7));
    let compacted = WatchResponse { compact_revision: 12, ..canceled("") };
    let end = End::Compacted { due: Revision(8), kept: Revision(12) };
    assert_eq!(machine.reply(compacted), Told::Ended(end));
    let long = machine.reply(canceled(&"é".repeat(LONGEST_TEXT)));
    assert!(matches!(long, Told::Ended(End::LetGo(text)) if text.len() == LONGEST_TEXT));
}

proptest! {
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
