//! The watches of a sequence: one stream of them.

use std::time::Duration;

use etcd_client::KeyRange;
use etcd_client::v3::api::*;
use etcd_transport::{CallOptions, Channel, OpenStream, Upstream};

use super::shown::{Bare, refusal};

/// How long a server may take for anything.
const PATIENCE: Duration = Duration::from_secs(15);

/// The stream, and what came of it.
pub(crate) struct Watches<'a> {
    channel: &'a Channel,
    stream: Option<(Upstream<WatchStream>, OpenStream<WatchStream>)>,
    watches: Vec<Watch>,
    /// What is of no watch.
    others: Vec<String>,
    created: usize,
    canceled: usize,
    progress: usize,
    /// Before this, no watch can begin.
    compacted: i64,
    is_over: bool,
}

struct Watch {
    id: i64,
    range: KeyRange,
    wants_puts: bool,
    start: i64,
    /// Whether it begins before the present: how etcd groups what it is told depends on the time.
    catches_up: bool,
    is_live: bool,
    /// Whether the server knows its id still, as it does after a compaction ended it.
    is_known: bool,
    /// The last revision that it was told.
    told: i64,
    shown: Vec<String>,
}

impl<'a> Watches<'a> {
    /// None yet, on a server whose history begins at a revision.
    pub(crate) fn on(channel: &'a Channel, compacted: i64) -> Self {
        let (stream, watches, others) = (None, Vec::new(), Vec::new());
        let (created, canceled, progress, is_over) = (0, 0, 0, false);
        Self { channel, stream, watches, others, created, canceled, progress, compacted, is_over }
    }

    /// Begins a watch and waits until it stands.
    pub(crate) async fn create(&mut self, request: &WatchCreateRequest) {
        let key = if request.key.is_empty() { "\0".into() } else { request.key.clone() };
        self.watches.push(Watch {
            id: i64::MIN,
            range: KeyRange { key, range_end: request.range_end.clone() },
            wants_puts: request.filters().all(|filter| filter != FilterType::NOPUT),
            start: request.start_revision,
            catches_up: false,
            is_live: false,
            is_known: false,
            told: 0,
            shown: Vec::new(),
        });
        let created = self.created;
        self.send(request.clone()).await;
        self.read_until(|watches| watches.created > created).await;
        if request.start_revision != 0 && request.start_revision < self.compacted {
            let is_over = |watches: &Self| watches.watches.last().is_some_and(|last| !last.is_live);
            self.read_until(is_over).await;
        }
    }

    /// Notes that there is nothing left to tell from before a revision.
    pub(crate) fn compacted(&mut self, revision: i64) {
        self.compacted = revision;
    }

    /// Ends a watch; one that there is not is ended in silence.
    pub(crate) async fn cancel(&mut self, request: WatchCancelRequest) {
        self.settle().await;
        self.end(request).await;
    }

    async fn end(&mut self, request: WatchCancelRequest) {
        let (known, canceled) = (self.known(request.watch_id).is_some(), self.canceled);
        self.send(request).await;
        if known {
            self.read_until(|watches| watches.canceled > canceled).await;
        }
    }

    /// Asks how far the watches are; newer servers only answer where all watches have begun.
    pub(crate) async fn progress(&mut self, answers_always: bool) {
        self.settle().await;
        let now = self.channel.call(&RangeRequest::new("a").count_only()).await;
        let now = now.expect("a revision").revision().0;
        self.send(WatchProgressRequest {}).await;
        let mut known = self.watches.iter().filter(|watch| watch.is_known).peekable();
        let is_some = known.peek().is_some();
        if answers_always || is_some && known.all(|watch| watch.is_live && watch.start <= now) {
            let progress = self.progress;
            self.read_until(|watches| watches.progress > progress).await;
        } else {
            self.heard().await;
        }
    }

    /// Waits until the server has read what it does not answer: what it makes of that depends on its revision.
    async fn heard(&mut self) {
        self.create(&WatchCreateRequest::new("heard")).await;
        if let Some(watch_id) = self.watches.last().map(|last| last.id) {
            self.end(WatchCancelRequest { watch_id }).await;
        }
    }

    /// Waits until each watch has been told everything: its first key is written until it knows.
    pub(crate) async fn settle(&mut self) {
        let ranges: Vec<_> =
            self.live().map(|watch| (watch.range.key.clone(), watch.wants_puts)).collect();
        let mut marks = Vec::new();
        for (key, wants_puts) in ranges {
            let put = PutRequest::new(key.clone(), "mark");
            let put = self.channel.call(&put).await.map(|reply| reply.revision().0);
            marks.push((key.clone(), true, put));
            if !wants_puts {
                let delete = DeleteRangeRequest::new(key.clone());
                let delete = self.channel.call(&delete).await.map(|reply| reply.revision().0);
                marks.push((key, false, delete));
            }
        }
        let marks: Vec<_> = marks
            .into_iter()
            .map(|(key, is_put, revision)| (key, is_put, revision.expect("a mark")))
            .collect();
        let knows = |watch: &Watch| {
            let due = marks.iter().filter(|(key, is_put, revision)| {
                watch.wants_puts == *is_put && watch.range.contains(key) && *revision >= watch.start
            });
            due.map(|(_, _, revision)| *revision).max().is_none_or(|last| watch.told >= last)
        };
        self.read_until(|watches| watches.live().all(knows)).await;
    }

    /// What came, of each watch for itself.
    pub(crate) async fn finish(mut self) -> Vec<String> {
        if self.stream.is_none() {
            return Vec::new();
        }
        // Replies to requests and events reach the stream by two queues: this is the end of both.
        self.create(&WatchCreateRequest::new("end")).await;
        self.settle().await;
        let of_watches = self.watches.into_iter().flat_map(|watch| watch.shown);
        self.others.into_iter().chain(of_watches).collect()
    }

    fn live(&self) -> impl Iterator<Item = &Watch> {
        self.watches.iter().filter(|watch| watch.is_live)
    }

    fn known(&mut self, id: i64) -> Option<&mut Watch> {
        self.watches.iter_mut().find(|watch| watch.is_known && watch.id == id)
    }

    async fn send(&mut self, request: impl Into<WatchRequest>) {
        let request = request.into();
        if let Some((up, _)) = &self.stream {
            // What becomes of a stream that takes no more is read from it.
            let _ = up.send(&request).await;
            return;
        }
        let first = WatchStream(request);
        let opened = self.channel.duplex(&first, &CallOptions::default()).await;
        self.stream = Some(opened.expect("a stream"));
    }

    async fn read_until(&mut self, is_so: impl Fn(&Self) -> bool) {
        while !self.is_over && !is_so(self) {
            let Some((_, down)) = &mut self.stream else { return };
            let end = match tokio::time::timeout(PATIENCE, down.next()).await {
                Ok(Ok(Some(reply))) => {
                    self.take(reply);
                    continue;
                }
                Ok(Ok(None)) => "the stream ended".to_owned(),
                Ok(Err(error)) => refusal(&error),
                Err(_) => "nothing came".to_owned(),
            };
            self.others.push(end);
            self.is_over = true;
        }
    }

    fn take(&mut self, mut reply: WatchResponse) {
        reply.bare();
        if reply.created {
            self.created += 1;
            let now = reply.revision().0;
            if let Some(watch) = self.watches.last_mut() {
                watch.id = reply.watch_id;
                watch.is_live = !reply.canceled;
                watch.is_known = watch.is_live;
                watch.catches_up = watch.start != 0 && watch.start <= now;
            }
            self.others.push(format!("{reply:?}"));
            return;
        }
        self.canceled += usize::from(reply.canceled && reply.compact_revision == 0);
        let Some(watch) = self.known(reply.watch_id) else {
            self.progress += 1;
            self.others.push(format!("{reply:?}"));
            return;
        };
        watch.is_live &= !reply.canceled;
        watch.is_known = !reply.canceled || reply.compact_revision != 0;
        let last = reply.events.last().and_then(|event| event.kv.as_ref());
        watch.told = last.map_or(watch.told, |kv| kv.mod_revision);
        if watch.catches_up && !reply.canceled {
            watch.shown.extend(reply.events.iter().map(|event| format!("{event:?}")));
        } else {
            watch.shown.push(format!("{reply:?}"));
        }
    }
}
