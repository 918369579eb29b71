//! The watches of one stream.

use std::collections::BTreeMap;

use etcd_proto::grpc::Status;
use etcd_proto::key::KeyRange;
use etcd_proto::v3::error::message;
use etcd_proto::v3::{
    Event, FilterType, Message, PermissionType, ResponseHeader, WatchCreateRequest, WatchRequest,
    WatchRequestUnion, WatchResponse,
};

use super::{Context, Store};
use crate::version::Version;

/// What replies to no one watch bear as its id.
const NO_WATCH: i64 = -1;
/// How many revisions a watch that catches up is told at once.
const BATCH: usize = 1000;
/// The size above which a reply is cut, where the watch asked for it: the limit of requests and
/// what gRPC adds.
pub const FRAGMENT: usize = (1536 + 512) << 10;

#[derive(Clone, Debug)]
struct Watcher {
    range: KeyRange,
    /// The revision that it was to begin at.
    start: i64,
    /// The first revision that it has not been told.
    next: i64,
    filters: Vec<FilterType>,
    prev_kv: bool,
    progress_notify: bool,
    fragment: bool,
    /// Whether it was told something since the last look at progress.
    told: bool,
    /// Whether it has caught up, after which each revision is a reply of its own.
    synced: bool,
    /// Whether it has ended by a compaction. It keeps its id until it is ended by request too.
    compacted: bool,
}

/// The watches of one stream.
#[derive(Debug, Default)]
pub struct Watches {
    watchers: BTreeMap<i64, Watcher>,
    next_id: i64,
}

impl Watches {
    /// Does what a request on the stream asks; returns the replies.
    pub fn apply(
        &mut self,
        store: &mut Store,
        context: &Context<'_>,
        request: WatchRequest,
    ) -> Vec<WatchResponse> {
        match request.request_union {
            Some(WatchRequestUnion::Create(create)) => {
                let mut replies = self.poll(store, context);
                replies.push(self.create(store, context, create));
                replies.extend(self.poll(store, context));
                replies
            }
            Some(WatchRequestUnion::Cancel(cancel)) => self
                .watchers
                .remove(&cancel.watch_id)
                .map(|_| WatchResponse { canceled: true, ..reply(store, context, cancel.watch_id) })
                .into_iter()
                .collect(),
            Some(WatchRequestUnion::Progress(_)) => {
                let mut replies = self.poll(store, context);
                let tells = self.tells_progress(store);
                replies.extend(tells.then(|| reply(store, context, NO_WATCH)));
                replies
            }
            None => Vec::new(),
        }
    }

    /// Releases since 3.4.25 and 3.5.8 only do so where there are watches, all of which go on.
    fn tells_progress(&self, store: &Store) -> bool {
        let now = store.kv.revision();
        let goes_on = |watcher: &Watcher| !watcher.compacted && watcher.start <= now;
        store.version < Version::V3_5
            || (!self.watchers.is_empty() && self.watchers.values().all(goes_on))
    }

    fn create(
        &mut self,
        store: &mut Store,
        context: &Context<'_>,
        request: WatchCreateRequest,
    ) -> WatchResponse {
        let range = range(&request);
        let permitted = store.auth_check(context, &range);
        let refused = |watch_id, cancel_reason| WatchResponse {
            created: true,
            canceled: true,
            cancel_reason,
            ..reply(store, context, watch_id)
        };
        if request.start_revision < 0 && store.version >= Version::V3_5 {
            return refused(NO_WATCH, message::COMPACTED.into());
        }
        if let Err(status) = permitted {
            return refused(
                NO_WATCH,
                format!("rpc error: code = {} desc = {}", status.code, status.message),
            );
        }
        if !range.range_end.is_empty() && range.range_end != "\0" && range.key >= range.range_end {
            return refused(NO_WATCH, "mvcc: watcher range is empty".into());
        }
        if request.watch_id != 0 && self.watchers.contains_key(&request.watch_id) {
            let reason = "mvcc: duplicate watch ID provided on the WatchStream";
            return refused(NO_WATCH, reason.into());
        }
        let id = self.choose(request.watch_id);
        let now = store.kv.revision();
        let start = request.start_revision;
        let watcher = Watcher {
            range,
            start,
            next: if start == 0 { now + 1 } else { start },
            filters: request.filters().collect(),
            prev_kv: request.prev_kv,
            progress_notify: request.progress_notify,
            fragment: request.fragment,
            told: false,
            synced: start == 0 || start > now,
            compacted: false,
        };
        self.watchers.insert(id, watcher);
        WatchResponse { created: true, ..reply(store, context, id) }
    }

    fn choose(&mut self, asked: i64) -> i64 {
        if asked != 0 {
            return asked;
        }
        while self.watchers.contains_key(&self.next_id) {
            self.next_id += 1;
        }
        self.next_id += 1;
        self.next_id - 1
    }

    /// What the watches have not been told yet.
    pub fn poll(&mut self, store: &Store, context: &Context<'_>) -> Vec<WatchResponse> {
        let mut replies = Vec::new();
        for (&id, watcher) in &mut self.watchers {
            if watcher.compacted {
                continue;
            }
            if watcher.is_late(store) {
                watcher.compacted = true;
                replies.push(WatchResponse {
                    header: Some(ResponseHeader { revision: 0, ..store.header(context) }),
                    watch_id: id,
                    canceled: true,
                    compact_revision: store.kv.compacted(),
                    ..WatchResponse::default()
                });
                continue;
            }
            replies.extend(watcher.tell(id, store, context));
        }
        replies
    }

    /// The revision, to those watches that asked for it and were told nothing since the last call.
    pub fn progress(&mut self, store: &Store, context: &Context<'_>) -> Vec<WatchResponse> {
        let asks = |watcher: &Watcher| watcher.progress_notify && !watcher.compacted;
        let asking = self.watchers.iter_mut().filter(|(_, watcher)| asks(watcher));
        asking
            .filter_map(|(id, watcher)| {
                (!std::mem::take(&mut watcher.told)).then(|| reply(store, context, *id))
            })
            .collect()
    }

    /// Ends a watch as a server that lets go of it does; returns the reply, where there is one.
    pub fn cancel(
        &mut self,
        store: &Store,
        context: &Context<'_>,
        id: i64,
        reason: &str,
    ) -> Option<WatchResponse> {
        self.watchers.remove(&id)?;
        let cancel_reason = reason.to_owned();
        Some(WatchResponse { canceled: true, cancel_reason, ..reply(store, context, id) })
    }
}

impl Watcher {
    /// Whether what it is to be told next is forgotten.
    fn is_late(&self, store: &Store) -> bool {
        let first = if self.synced { store.kv.first_change() } else { store.kv.compacted() };
        self.next < first
    }

    fn tell(&mut self, id: i64, store: &Store, context: &Context<'_>) -> Vec<WatchResponse> {
        let now = store.kv.revision();
        if self.next > now {
            return Vec::new();
        }
        let mut revisions: Vec<(i64, Vec<Event>)> = Vec::new();
        for change in store.kv.changes_since(self.next).take_while(|c| c.revision <= now) {
            if !self.wants(&change.event) || !self.synced && store.kv.is_compacted(change) {
                continue;
            }
            let event =
                self.shown(&change.event, if self.synced { 0 } else { store.kv.compacted() });
            match revisions.last_mut() {
                Some((revision, events)) if *revision == change.revision => events.push(event),
                _ => revisions.push((change.revision, vec![event])),
            }
        }
        self.next = now + 1;
        self.told |= !revisions.is_empty();
        let batch = if std::mem::replace(&mut self.synced, true) { 1 } else { BATCH };
        let mut replies = Vec::new();
        for revisions in revisions.chunks(batch) {
            let revision = if batch == 1 { revisions[0].0 } else { now };
            let header = Some(ResponseHeader { revision, ..store.header(context) });
            let events = revisions.iter().flat_map(|(_, events)| events.clone()).collect();
            let whole = WatchResponse { header, watch_id: id, events, ..Default::default() };
            if self.fragment {
                replies.extend(fragments(whole, FRAGMENT));
            } else {
                replies.push(whole);
            }
        }
        replies
    }

    fn wants(&self, event: &Event) -> bool {
        let filter = if event.is_put() { FilterType::NOPUT } else { FilterType::NODELETE };
        let key = event.kv.as_ref().map(|kv| &kv.key[..]).unwrap_or_default();
        self.range.contains(key) && !self.filters.contains(&filter)
    }

    fn shown(&self, event: &Event, compacted: i64) -> Event {
        let prev_kv = event.prev_kv.clone().filter(|_| self.prev_kv);
        // What was before the compaction is gone, unless it still stood then.
        let before = event.kv.as_ref().map_or(0, |kv| kv.mod_revision - 1);
        Event { prev_kv: prev_kv.filter(|_| before >= compacted), ..event.clone() }
    }
}

fn reply(store: &Store, context: &Context<'_>, watch_id: i64) -> WatchResponse {
    WatchResponse { header: Some(store.header(context)), watch_id, ..WatchResponse::default() }
}

/// An empty key is the first there can be.
fn range(request: &WatchCreateRequest) -> KeyRange {
    let KeyRange { key, range_end } = request.range();
    KeyRange { key: if key.is_empty() { "\0".into() } else { key }, range_end }
}

/// Cuts a reply as etcd does: all pieces but the last say that more follows.
fn fragments(whole: WatchResponse, most: usize) -> Vec<WatchResponse> {
    if whole.encoded_len() < most || whole.events.len() < 2 {
        return vec![whole];
    }
    let head = WatchResponse { events: Vec::new(), fragment: true, ..whole.clone() };
    let head_size = head.encoded_len();
    let mut pieces = vec![head.clone()];
    let mut size = head_size;
    for event in whole.events {
        // The length of a nested message is at most five bytes, and its tag one.
        let adds = event.encoded_len() + 6;
        let full = pieces.last().is_some_and(|piece| !piece.events.is_empty());
        if full && size + adds >= most {
            pieces.push(head.clone());
            size = head_size;
        }
        size += adds;
        if let Some(piece) = pieces.last_mut() {
            piece.events.push(event);
        }
    }
    if let Some(last) = pieces.last_mut() {
        last.fragment = false;
    }
    pieces
}

impl Store {
    fn auth_check(&mut self, context: &Context<'_>, range: &KeyRange) -> Result<(), Status> {
        let caller = self.caller(context)?;
        self.auth.check(&caller, PermissionType::READ, &range.key, &range.range_end)
    }
}

#[cfg(test)]
mod tests {
    use etcd_proto::v3::KeyValue;

    use super::*;

    #[test]
    fn a_reply_is_cut_where_it_grows_too_long() {
        let event = |size| Event {
            kv: Some(KeyValue {
                key: "k".into(),
                value: vec![0; size].into(),
                ..Default::default()
            }),
            ..Event::default()
        };
        let whole = WatchResponse {
            watch_id: 3,
            events: vec![event(400), event(400), event(2000), event(10)],
            ..Default::default()
        };
        let pieces = fragments(whole.clone(), 1000);
        let sizes: Vec<_> = pieces.iter().map(|piece| piece.events.len()).collect();
        assert_eq!(sizes, [2, 1, 1]);
        assert_eq!(pieces.iter().map(|p| p.fragment).collect::<Vec<_>>(), [true, true, false]);
        assert!(pieces.iter().all(|piece| piece.watch_id == 3));
        assert_eq!(fragments(whole.clone(), 1 << 20), [whole]);
    }
}
