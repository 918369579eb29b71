//! What one watch makes of the replies of a server: pure.
//!
//! It joins fragments, drops what was delivered before or not asked for, and knows from which
//! revision to go on. That moves only when the whole of a revision was taken.

use etcd_proto::ids::{ClusterId, Revision};
use etcd_proto::key::KeyRange;
use etcd_proto::v3::error::message;
use etcd_proto::v3::{Event, FilterType, WatchCreateRequest, WatchResponse};

/// The most bytes that the fragments of one reply may have together.
const LONGEST_REPLY: usize = 256 << 20;

/// A watch, and how far it is.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    request: WatchCreateRequest,
    range: KeyRange,
    no_puts: bool,
    no_deletes: bool,
    /// The first revision that was not delivered; nothing while the server has not said what "now" is.
    next: Option<i64>,
    cluster: Option<ClusterId>,
    /// The fragments of a reply that is not whole.
    fragments: Vec<Event>,
    fragments_size: usize,
}

/// What a reply means for a watch.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    /// Nothing to deliver.
    Nothing,
    /// The watch stands.
    Created,
    /// These changes, of whole revisions, in order.
    Changes(Vec<Event>),
    /// Nothing up to this revision is missing.
    Progress(Revision),
    /// It is over on the server.
    Ended(End),
}

/// Why a watch is over on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The history from the revision that is due is no longer kept.
    Compacted {
        /// The first that is missing.
        due: Revision,
        /// The first that is still kept.
        kept: Revision,
    },
    /// The token was refused; another may not be.
    Token,
    /// The user may not watch these keys.
    Denied(String),
    /// Another cluster answers, or one whose history went back.
    AnotherHistory(String),
    /// The server let go of it: it may be made again.
    LetGo(String),
    /// A reply beyond all measure.
    TooLarge,
}

impl Machine {
    pub(super) fn new(request: WatchCreateRequest) -> Self {
        let (mut no_puts, mut no_deletes) = (false, false);
        for filter in request.filters() {
            no_puts |= filter == FilterType::NOPUT;
            no_deletes |= filter == FilterType::NODELETE;
        }
        let (range, next) =
            (request.range(), Some(request.start_revision).filter(|&from| from > 0));
        let (cluster, fragments, fragments_size) = (None, Vec::new(), 0);
        Self { request, range, no_puts, no_deletes, next, cluster, fragments, fragments_size }
    }

    /// What asks a server for what is still due. Fragments of a reply before are forgotten.
    pub(super) fn create(&mut self) -> WatchCreateRequest {
        self.fragments.clear();
        self.fragments_size = 0;
        WatchCreateRequest {
            start_revision: self.next.unwrap_or(0),
            fragment: true,
            watch_id: 0,
            ..self.request.clone()
        }
    }

    /// The first revision that was not delivered; nothing before a server said what "now" is.
    pub(super) fn next(&self) -> Option<Revision> {
        self.next.map(Revision)
    }

    /// Takes a reply that the server gave to this watch.
    pub(super) fn reply(&mut self, reply: WatchResponse) -> Told {
        if let Some(end) = self.strange_cluster(&reply) {
            return Told::Ended(end);
        }
        if reply.canceled {
            return Told::Ended(self.end(reply));
        }
        if reply.created {
            self.next.get_or_insert_with(|| after(reply.revision()));
            return Told::Created;
        }
        if reply.fragment || !reply.events.is_empty() || !self.fragments.is_empty() {
            return self.events(reply);
        }
        self.progress(reply.revision())
    }

    /// A progress that all watches of a stream were told: nothing up to it is missing.
    ///
    /// It does not change from where the watch goes on, as members before 3.4.25 and 3.5.8 say it
    /// before they have sent all changes.
    pub(super) fn all_told(&self, revision: Revision) -> Told {
        match self.next {
            Some(next) if after(revision) >= next => Told::Progress(revision),
            _ => Told::Nothing,
        }
    }

    fn progress(&mut self, revision: Revision) -> Told {
        match self.next {
            // What a member says that lags behind, or before the future revision that is due.
            Some(next) if after(revision) < next => Told::Nothing,
            _ => {
                self.next = Some(after(revision));
                Told::Progress(revision)
            }
        }
    }

    fn events(&mut self, reply: WatchResponse) -> Told {
        let more = reply.fragment;
        let events = if self.fragments.is_empty() && !more {
            reply.events
        } else {
            self.fragments_size += reply.events.iter().map(size).sum::<usize>();
            self.fragments.extend(reply.events);
            if self.fragments_size > LONGEST_REPLY {
                return Told::Ended(End::TooLarge);
            }
            if more {
                return Told::Nothing;
            }
            self.fragments_size = 0;
            std::mem::take(&mut self.fragments)
        };
        self.whole(events)
    }

    /// Takes the events of whole revisions.
    fn whole(&mut self, mut events: Vec<Event>) -> Told {
        let due = self.next.unwrap_or(0);
        let Some(last) = events.last().map(revision) else { return Told::Nothing };
        if events.windows(2).any(|pair| revision(&pair[0]) > revision(&pair[1])) {
            return Told::Ended(End::AnotherHistory("changes came out of order".into()));
        }
        if !events.iter().all(|event| revision(event) >= due && self.is_asked_for(event)) {
            events.retain(|event| revision(event) >= due && self.is_asked_for(event));
        }
        self.next = Some(due.max(last.saturating_add(1)));
        if events.is_empty() { Told::Nothing } else { Told::Changes(events) }
    }

    /// Whether a change is of what is watched: servers before 3.5.33 and 3.6.14 tell some users of
    /// keys beyond it.
    fn is_asked_for(&self, event: &Event) -> bool {
        let filtered = (self.no_puts && event.is_put()) || (self.no_deletes && event.is_delete());
        let key: &[u8] = event.kv.as_ref().map_or(&[], |entry| &entry.key);
        !filtered && self.range.contains(key)
    }

    fn strange_cluster(&mut self, reply: &WatchResponse) -> Option<End> {
        let cluster = reply.header.as_ref()?.cluster();
        let known = *self.cluster.get_or_insert(cluster);
        (known != cluster).then(|| {
            End::AnotherHistory(format!("cluster {cluster} answers, where {known} did before"))
        })
    }

    fn end(&self, reply: WatchResponse) -> End {
        let (due, kept) = (Revision(self.next.unwrap_or(0)), Revision(reply.compact_revision));
        if kept.0 > 0 {
            return End::Compacted { due, kept };
        }
        let reason = cut(reply.cancel_reason);
        let says = |text: &str| reason.contains(text.trim_start_matches("etcdserver: "));
        if [message::INVALID_TOKEN, message::AUTH_REVISION_OLD, message::USER_EMPTY]
            .into_iter()
            .any(says)
        {
            End::Token
        } else if says(message::PERMISSION_DENIED) {
            End::Denied(reason)
        } else {
            End::LetGo(reason)
        }
    }
}

/// The first revision behind one.
fn after(revision: Revision) -> i64 {
    revision.0.saturating_add(1)
}

/// The revision of a change; zero where the server left it out.
pub(super) fn revision(event: &Event) -> i64 {
    event.kv.as_ref().map_or(0, |entry| entry.mod_revision)
}

/// How many bytes a change takes.
pub(super) fn size(event: &Event) -> usize {
    let entry = |entry: &etcd_proto::v3::KeyValue| entry.key.len() + entry.value.len();
    let sizes = [&event.kv, &event.prev_kv].map(|kv| kv.as_ref().map_or(0, entry));
    size_of::<Event>() + sizes[0] + sizes[1]
}

/// A server's text, at most 4 KiB of it.
fn cut(mut text: String) -> String {
    let end = (0..=text.len().min(4096)).rev().find(|&end| text.is_char_boundary(end));
    text.truncate(end.unwrap_or(0));
    text
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
