//! What is known of the stream that all watches share.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use etcd_proto::v3::{WatchCancelRequest, WatchProgressRequest, WatchRequest};

/// What is known of a stream.
#[derive(Debug)]
pub(super) struct Stream {
    /// Whether it has been opened; before, it cannot be silent.
    pub(super) open: bool,
    /// Whether it was opened with a token; authentication may have been off.
    pub(super) bears_token: bool,
    pub(super) began: Instant,
    pub(super) heard: Instant,
    /// When the first watch was asked for that the server has not answered.
    pub(super) owes: Instant,
    /// When no watch needed it any more.
    pub(super) idle: Option<Instant>,
    /// Watches that were asked for, in order: servers answer in the same order.
    pub(super) asked: VecDeque<u64>,
    /// Which watch each id stands for.
    pub(super) ids: HashMap<i64, u64>,
    pub(super) outbox: VecDeque<WatchRequest>,
    /// Whether a watch stood, and whether one was told anything.
    pub(super) stood: bool,
    pub(super) told: bool,
    /// Somebody asked how far all are, and it is not known whether the answer can be trusted.
    pub(super) progress: bool,
    pub(super) trusted: Option<bool>,
    /// A watch that was made by a member which is behind, or has lost the history.
    pub(super) doubtful: Option<u64>,
    /// The member is to be asked whether it is there, and when it last said so.
    pub(super) doubted: bool,
    pub(super) present: Instant,
}

impl Stream {
    pub(super) fn new(now: Instant, progress: bool) -> Self {
        Self {
            open: false,
            bears_token: false,
            began: now,
            heard: now,
            owes: now,
            idle: None,
            asked: VecDeque::new(),
            ids: HashMap::new(),
            outbox: VecDeque::new(),
            stood: false,
            told: false,
            progress,
            trusted: None,
            doubtful: None,
            doubted: false,
            present: now,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.ids.is_empty() && self.asked.is_empty()
    }

    /// Ends a watch; what still comes for it is nobody's.
    pub(super) fn cancel(&mut self, id: i64) {
        self.ids.remove(&id);
        self.outbox.push_back(WatchCancelRequest::new(id).into());
    }

    /// Asks how far all are, once it is known what the answer is worth.
    pub(super) fn ask_progress(&mut self) {
        let request = WatchRequest::from(WatchProgressRequest {});
        if self.progress && self.trusted.is_some() && !self.outbox.contains(&request) {
            self.outbox.push_back(request);
        }
        self.progress &= self.trusted.is_none();
    }
}
