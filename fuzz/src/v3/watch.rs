//! Whatever a server says to a watch, its changes come in order, each revision whole and once.

#[allow(dead_code)]
#[path = "../../../crates/etcd-client/src/v3/watch/machine.rs"]
mod machine;

use bytes::Bytes;
use etcd_proto::key::KeyRange;
use etcd_proto::v3::{
    Event, EventType, FilterType, KeyValue, Message, ResponseHeader, StreamRpc, WatchCreateRequest,
    WatchResponse, WatchStream,
};

use self::machine::{Machine, Told};

/// Which watch it is, by the bits of a byte.
fn request(kind: u8) -> WatchCreateRequest {
    let range = if kind & 1 == 0 { KeyRange::prefix("k") } else { KeyRange::one("k1") };
    let request = WatchCreateRequest::new(range).start_revision(i64::from(kind >> 4));
    match kind & 6 {
        2 => request.filter(FilterType::NOPUT),
        4 => request.filter(FilterType::NODELETE),
        _ => request,
    }
}

fn revision(event: &Event) -> i64 {
    event.kv.as_ref().map_or(0, |kv| kv.mod_revision)
}

fn is_asked_for(request: &WatchCreateRequest, event: &Event) -> bool {
    let filter = if event.is_put() { FilterType::NOPUT } else { FilterType::NODELETE };
    let unfiltered = event.is_put() || event.is_delete();
    let key = event.kv.as_ref().map_or(Bytes::new(), |kv| kv.key.clone());
    request.range().contains(&key) && !(unfiltered && request.filters().any(|one| one == filter))
}

/// Each piece is a reply; after what no server says, or an end, the watch is made again.
pub fn run(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else { return };
    let request = request(kind);
    let (mut machine, mut last) = (Machine::new(request.clone()), i64::MIN);
    for piece in crate::pieces(rest).0 {
        let read = WatchStream::item(piece.clone());
        assert_eq!(read, WatchResponse::decode(piece), "it means something else to prost");
        let Ok(reply) = read else { continue };
        let due = machine.next();
        match machine.reply(reply) {
            Told::Changes(batch) => {
                assert!(!batch.events.is_empty());
                for event in &batch.events {
                    assert!(is_asked_for(&request, event), "{event:?} was not asked for");
                    assert!(due.is_none_or(|due| revision(event) >= due.0), "{event:?} again");
                }
                let (first, now) =
                    (revision(&batch.events[0]), revision(batch.events.last().unwrap()));
                assert!(first > last || last == i64::MAX, "{first} was split, or came twice");
                assert!(batch.events.is_sorted_by_key(revision), "out of order");
                last = now;
                assert!(machine.next().is_some_and(|next| next.0 > now || now == i64::MAX));
            }
            Told::Strange(_) | Told::Ended(_) => {
                assert_eq!(machine.create().start_revision, machine.next().map_or(0, |due| due.0));
            }
            Told::Nothing | Told::Created | Told::Progress(_) => {}
        }
        assert!(machine.next() >= due, "it went back");
    }
}

/// Replies of each kind, and some that no server sends.
pub fn seeds() -> Vec<Vec<u8>> {
    let header = Some(ResponseHeader { revision: 7, ..ResponseHeader::default() });
    let plain = WatchResponse { header, ..WatchResponse::default() };
    let event = |key: &str, revision, event_type: EventType| Event {
        event_type: event_type.0,
        kv: Some(KeyValue {
            key: Bytes::from(key.to_owned()),
            mod_revision: revision,
            ..KeyValue::default()
        }),
        ..Event::default()
    };
    let events = |events: Vec<Event>| WatchResponse { events, ..plain.clone() };
    let created = WatchResponse { created: true, ..plain.clone() };
    let some = events(vec![event("k1", 8, EventType::PUT), event("k2", 9, EventType::DELETE)]);
    let piece = |key, revision| WatchResponse {
        fragment: true,
        ..events(vec![event(key, revision, EventType::PUT)])
    };
    let canceled = WatchResponse { canceled: true, compact_revision: 12, ..plain.clone() };
    let back = events(vec![event("k1", 9, EventType::PUT), event("k1", 8, EventType::PUT)]);
    let runs: [&[&WatchResponse]; 7] = [
        &[],
        &[&created, &some, &plain],
        &[&created, &some, &some, &canceled],
        &[&created, &piece("k1", 8), &piece("k2", 8), &piece("k1", 9), &some],
        &[&created, &piece("k1", 8), &plain, &some],
        &[&back, &created, &some],
        &[&canceled],
    ];
    let mut seeds = Vec::new();
    for replies in runs {
        let encoded: Vec<_> = replies.iter().map(|reply| reply.encode_to_vec()).collect();
        let lengths: Vec<_> =
            encoded.iter().map(|bytes| u8::try_from(bytes.len()).unwrap()).collect();
        for kind in [0, 1, 2, 4, 0x30] {
            seeds.push([&[kind][..], &crate::in_pieces(&lengths, &encoded.concat())].concat());
        }
    }
    seeds
}
