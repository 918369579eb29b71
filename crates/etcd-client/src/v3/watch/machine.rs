//! What one watch makes of the replies of a server: pure.
//!
//! It joins fragments, drops what was delivered before or not asked for, and knows from which
//! revision to go on. That moves only when the whole of a revision was taken.

use etcd_proto::ids::Revision;
use etcd_proto::key::KeyRange;
use etcd_proto::v3::error::message;
use etcd_proto::v3::{Event, FilterType, WatchCreateRequest, WatchResponse};

/// The most bytes that the changes of one revision may have together.
const LARGEST_REVISION: usize = 256 << 20;
/// The most bytes of a server's text that are kept.
const LONGEST_TEXT: usize = 4096;

/// A watch, and how far it is.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    request: WatchCreateRequest,
    range: KeyRange,
    no_puts: bool,
    no_deletes: bool,
    /// The first revision that was not delivered; nothing while the server has not said what "now" is.
    next: Option<i64>,
    /// The changes of a revision of which more may be in the next fragment.
    tail: Batch,
}

/// Changes, and how many bytes they take.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Batch {
    pub(super) events: Vec<Event>,
    pub(super) bytes: usize,
}

/// What a reply means for a watch.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    /// Nothing to deliver.
    Nothing,
    /// The watch stands.
    Created,
    /// These changes, of whole revisions, in order.
    Changes(Batch),
    /// Nothing up to this revision is missing.
    Progress(Revision),
    /// It is over on the server.
    Ended(End),
    /// No server says this: what else comes on the stream is not to be relied on.
    Strange(&'static str),
}

/// Why a watch is over.
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
    Token(String),
    /// The user may not watch these keys.
    Denied(String),
    /// The server would not begin it, for another reason.
    Refused(String),
    /// The server let go of it: it may be made again.
    LetGo(String),
    /// A revision beyond all measure; the server still has the watch.
    TooLarge,
}

impl Machine {
    pub(super) fn new(request: WatchCreateRequest) -> Self {
        let (mut no_puts, mut no_deletes) = (false, false);
        for filter in request.filters() {
            no_puts |= filter == FilterType::NOPUT;
            no_deletes |= filter == FilterType::NODELETE;
        }
        let (mut range, next) =
            (request.range(), Some(request.start_revision).filter(|&from| from > 0));
        if range.key.is_empty() {
            // So does the server.
            range.key = KeyRange::all().key;
        }
        Self { request, range, no_puts, no_deletes, next, tail: Batch::default() }
    }

    /// What asks a server for what is still due. Fragments of a reply before are forgotten.
    pub(super) fn create(&mut self) -> WatchCreateRequest {
        self.forget_fragments();
        WatchCreateRequest {
            start_revision: self.next.unwrap_or(0),
            fragment: true,
            watch_id: 0,
            ..self.request.clone()
        }
    }

    pub(super) fn forget_fragments(&mut self) {
        self.tail = Batch::default();
    }

    /// The first revision that was not delivered; nothing before a server said what "now" is.
    pub(super) fn next(&self) -> Option<Revision> {
        self.next.map(Revision)
    }

    /// A key that the user may read, if the watch is permitted.
    pub(super) fn key(&self) -> KeyRange {
        KeyRange::one(self.range.key.clone())
    }

    /// Takes a reply that the server gave to this watch.
    pub(super) fn reply(&mut self, reply: WatchResponse) -> Told {
        if reply.canceled {
            return Told::Ended(self.end(reply));
        }
        if reply.created {
            return self.created(reply.revision());
        }
        if reply.fragment || !reply.events.is_empty() {
            return self.events(reply);
        }
        if !self.tail.events.is_empty() {
            return Told::Strange("a reply came between the fragments of another");
        }
        self.progress(reply.revision())
    }

    /// A progress that all watches of a stream were told: nothing up to it is missing.
    ///
    /// Members before 3.4.25 and 3.5.8 are not to be `trusted` with that, as they say it before they
    /// have sent all changes. Of them it is told what has been proved.
    pub(super) fn all_told(&mut self, revision: Revision, trusted: bool) -> Told {
        match self.next {
            _ if trusted && self.tail.events.is_empty() => self.progress(revision),
            Some(next) if revision.0 >= next - 1 => Told::Progress(Revision(next - 1)),
            _ => Told::Nothing,
        }
    }

    fn created(&mut self, now: Revision) -> Told {
        // A proxy may not say what "now" is.
        if now.0 > 0 {
            self.next.get_or_insert_with(|| after(now.0));
        }
        Told::Created
    }

    fn progress(&mut self, revision: Revision) -> Told {
        match self.next {
            _ if revision.0 <= 0 => Told::Nothing,
            // What a member says that lags behind, or before the future revision that is due.
            Some(next) if after(revision.0) < next => Told::Nothing,
            _ => {
                self.next = Some(after(revision.0));
                Told::Progress(revision)
            }
        }
    }

    fn events(&mut self, mut reply: WatchResponse) -> Told {
        if !reply.fragment && self.tail.events.is_empty() {
            return self.whole(reply.events);
        }
        let mut held = std::mem::take(&mut self.tail);
        let Some(last) = reply.events.last().map(revision) else {
            self.tail = held;
            return Told::Nothing;
        };
        if reply.fragment {
            let earlier = reply.events.iter().rposition(|event| revision(event) != last);
            let mut rest = Batch::of(reply.events.split_off(earlier.map_or(0, |at| at + 1)));
            let goes_on = reply.events.is_empty() && held.last() == Some(last);
            if goes_on {
                rest = std::mem::take(&mut held).joined(rest);
            }
            if rest.bytes > LARGEST_REVISION {
                return Told::Ended(End::TooLarge);
            }
            self.tail = rest;
        }
        held.events.append(&mut reply.events);
        self.whole(held.events)
    }

    /// Takes the events of whole revisions.
    fn whole(&mut self, mut events: Vec<Event>) -> Told {
        if events.is_empty() {
            return Told::Nothing;
        }
        let due = self.next.unwrap_or(0);
        let (mut last, mut bytes, mut all) = (i64::MIN, 0, true);
        for event in &events {
            let revision = revision(event);
            if revision < last {
                return Told::Strange("changes came out of order");
            }
            last = revision;
            bytes += size(event);
            all &= revision >= due && self.is_asked_for(event);
        }
        if !all {
            events.retain(|event| revision(event) >= due && self.is_asked_for(event));
            bytes = events.iter().map(size).sum();
        }
        self.next = Some(due.max(after(last)));
        if events.is_empty() { Told::Nothing } else { Told::Changes(Batch { events, bytes }) }
    }

    /// Whether a change is of what is watched: servers before 3.5.33 and 3.6.14 tell some users of
    /// keys beyond it.
    fn is_asked_for(&self, event: &Event) -> bool {
        let filtered = (self.no_puts && event.is_put()) || (self.no_deletes && event.is_delete());
        let key: &[u8] = event.kv.as_ref().map_or(&[], |entry| &entry.key);
        !filtered && self.range.contains(key)
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
            End::Token(reason)
        } else if says(message::PERMISSION_DENIED) {
            End::Denied(reason)
        } else if reply.created {
            End::Refused(reason)
        } else {
            End::LetGo(reason)
        }
    }
}

impl End {
    /// Whether the server would not have the watch in the first place.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Token(_) | Self::Denied(_) | Self::Refused(_))
    }
}

impl Batch {
    fn of(events: Vec<Event>) -> Self {
        let bytes = events.iter().map(size).sum();
        Self { events, bytes }
    }

    fn joined(mut self, mut more: Self) -> Self {
        self.events.append(&mut more.events);
        Self { bytes: self.bytes + more.bytes, ..self }
    }

    fn last(&self) -> Option<i64> {
        self.events.last().map(revision)
    }
}

/// The first revision behind one.
fn after(revision: i64) -> i64 {
    revision.saturating_add(1)
}

/// The revision of a change; zero where the server left it out.
fn revision(event: &Event) -> i64 {
    event.kv.as_ref().map_or(0, |entry| entry.mod_revision)
}

/// How many bytes a change takes.
fn size(event: &Event) -> usize {
    let entry = |entry: &etcd_proto::v3::KeyValue| entry.key.len() + entry.value.len();
    let sizes = [&event.kv, &event.prev_kv].map(|kv| kv.as_ref().map_or(0, entry));
    size_of::<Event>() + sizes[0] + sizes[1]
}

/// A server's text, as far as it is kept.
fn cut(mut text: String) -> String {
    let end = (0..=text.len().min(LONGEST_TEXT)).rev().find(|&end| text.is_char_boundary(end));
    text.truncate(end.unwrap_or(0));
    text
}

#[cfg(test)]
#[path = "machine_tests.rs"]
pub(super) mod tests;
