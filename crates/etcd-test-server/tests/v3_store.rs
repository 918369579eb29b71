//! What must hold for the store after any requests.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use etcd_proto::key::KeyRange;
use etcd_proto::v3::{
    CompactionRequest, DeleteRangeRequest, LeaseGrantRequest, LeaseRevokeRequest, PutRequest,
    RangeRequest, WatchCreateRequest, WatchResponse,
};
use etcd_test_server::Version;
use etcd_test_server::store::v3::{Context, Store, Watches};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8, i64),
    Delete(u8, u8),
    Grant(i64),
    Revoke(i64),
    Compact(i64),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..6u8, any::<u8>(), 0..3i64).prop_map(|(key, value, lease)| Step::Put(key, value, lease)),
        2 => (0..6u8, 0..6u8).prop_map(|(from, to)| Step::Delete(from, to)),
        1 => (1..3i64).prop_map(Step::Grant),
        1 => (1..3i64).prop_map(Step::Revoke),
        1 => (0..4i64).prop_map(Step::Compact),
        1 => (0..4u64).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 0..60)
}

fn key(number: u8) -> Bytes {
    Bytes::from(vec![b'a' + number])
}

/// Does a step; what is refused changes nothing.
fn step(store: &mut Store, context: &Context<'_>, step: &Step) {
    match *step {
        Step::Put(at, value, lease) => {
            let put =
                PutRequest { key: key(at), value: vec![value].into(), lease, ..Default::default() };
            let _ = store.apply(&put, context);
        }
        Step::Delete(from, to) => {
            let range = KeyRange { key: key(from), range_end: key(to) };
            let _ = store.apply(&DeleteRangeRequest::new(range), context);
        }
        Step::Grant(id) => {
            let _ = store.apply(&LeaseGrantRequest { ttl: 5, id }, context);
        }
        Step::Revoke(id) => {
            let _ = store.apply(&LeaseRevokeRequest { id }, context);
        }
        Step::Compact(behind) => {
            let revision = store.kv.revision() - behind;
            let _ = store.apply(&CompactionRequest { revision, physical: true }, context);
        }
        Step::Pass(_) => {
            store.expire(context.now);
        }
    }
}

fn replay(replies: Vec<WatchResponse>, seen: &mut BTreeMap<Bytes, Bytes>, last: &mut i64) {
    for event in replies.into_iter().flat_map(|reply| reply.events) {
        let is_put = event.is_put();
        let kv = event.kv.unwrap_or_default();
        assert!(kv.mod_revision >= *last, "in order");
        *last = kv.mod_revision;
        if is_put {
            seen.insert(kv.key, kv.value);
        } else {
            assert!(seen.remove(&kv.key).is_some(), "only what is there is deleted");
        }
    }
}

proptest! {
    #[test]
    fn a_watch_is_told_what_a_range_shows(steps in steps()) {
        let mut store = Store::new(Version::V3_7, Vec::new());
        let mut now = Duration::ZERO;
        let context = |now| Context { member: 1, token: None, now };
        let mut watches = Watches::default();
        let all = WatchCreateRequest::new(KeyRange::all());
        let created = watches.apply(&mut store, &context(now), all.into());
        prop_assert!(created.iter().all(|reply| reply.created && !reply.canceled));
        let (mut seen, mut last) = (BTreeMap::new(), 0);
        for each in &steps {
            if let Step::Pass(seconds) = each {
                now += Duration::from_secs(*seconds);
            }
            let before = store.kv.revision();
            step(&mut store, &context(now), each);
            prop_assert!(store.kv.revision() >= before);
            let at = context(now);
            replay(watches.poll(&store, &at), &mut seen, &mut last);
        }
        let range = store.apply(&RangeRequest::new(KeyRange::all()), &context(now));
        let held: BTreeMap<_, _> =
            range.unwrap_or_default().kvs.into_iter().map(|kv| (kv.key, kv.value)).collect();
        prop_assert_eq!(seen, held);
    }

    #[test]
    fn the_past_stays_as_it_was(steps in steps()) {
        let mut store = Store::new(Version::V3_7, Vec::new());
        let context = Context { member: 1, token: None, now: Duration::ZERO };
        let read = |store: &mut Store, revision| {
            let request = RangeRequest::new(KeyRange::all()).revision(revision);
            store.apply(&request, &context).map(|range| range.kvs)
        };
        let mut past = BTreeMap::new();
        for each in &steps {
            step(&mut store, &context, each);
            let revision = store.kv.revision();
            past.insert(revision, read(&mut store, revision));
            for (revision, then) in past.range(store.kv.compacted().max(0)..) {
                prop_assert_eq!(&read(&mut store, *revision), then);
            }
        }
    }
}
