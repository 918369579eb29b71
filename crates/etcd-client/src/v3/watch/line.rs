//! One stream of watches, and who is known on it by which id.

use std::collections::VecDeque;
use std::time::Instant;

use etcd_proto::v3::{
    Error as Refusal, WatchCancelRequest, WatchCreateRequest, WatchRequest, WatchResponse,
    WatchStream,
};
use etcd_transport::endpoint::Endpoint;
use etcd_transport::{CallError, OpenStream, Upstream};

use super::hub::Ids;

/// A stream, what is to be sent on it, and which watches it has.
#[derive(Debug)]
pub(super) struct Line {
    up: Upstream<WatchStream>,
    down: OpenStream<WatchStream>,
    /// What waits to be sent: never more than a few requests for each watch.
    outbox: VecDeque<WatchRequest>,
    /// Watches that were asked for, in order: servers answer in the same order.
    asked: VecDeque<u64>,
    /// When a watch was last made, or the first one asked for.
    moved: Instant,
    ids: Ids,
}

/// What comes of a stream.
pub(super) enum Said {
    Reply(Box<WatchResponse>),
    /// Nothing, for too long.
    Silence,
    Ended,
    Failed(CallError<Refusal>),
}

impl Line {
    /// A stream that was opened by asking for a watch.
    pub(super) fn new(
        up: Upstream<WatchStream>,
        down: OpenStream<WatchStream>,
        first: u64,
    ) -> Self {
        let (outbox, asked) = (VecDeque::new(), VecDeque::from([first]));
        Self { up, down, outbox, asked, moved: Instant::now(), ids: Ids::new() }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        self.down.endpoint()
    }

    pub(super) fn send(&mut self, request: WatchRequest) {
        self.outbox.push_back(request);
    }

    pub(super) fn create(&mut self, key: u64, request: WatchCreateRequest) {
        if self.asked.is_empty() {
            self.moved = Instant::now();
        }
        self.asked.push_back(key);
        self.send(request.into());
    }

    /// Ends a watch; what still comes for it is nobody's.
    pub(super) fn cancel(&mut self, id: i64) {
        self.forget(id);
        self.send(WatchCancelRequest::new(id).into());
    }

    pub(super) fn forget(&mut self, id: i64) {
        self.ids.remove(&id);
    }

    /// The watch that the server answers now which was asked for.
    pub(super) fn created(&mut self, now: Instant) -> Option<u64> {
        self.moved = now;
        self.asked.pop_front()
    }

    pub(super) fn stands(&mut self, id: i64, key: u64) {
        self.ids.insert(id, key);
    }

    /// The watch that an id stands for.
    pub(super) fn key(&self, id: i64) -> Option<u64> {
        self.ids.get(&id).copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Since when the server owes an answer; nothing where it owes none.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        (!self.asked.is_empty()).then_some(self.moved)
    }

    /// What comes next, while what waits is sent. It may be dropped without losing any of it.
    pub(super) async fn next(&mut self, until: Option<Instant>) -> Said {
        let Self { up, down, outbox, .. } = self;
        let silence = async {
            match until {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(silence);
        loop {
            let sending = async {
                match outbox.front() {
                    Some(request) => up.send(request).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                reply = down.next() => return match reply {
                    Ok(Some(reply)) => Said::Reply(Box::new(reply)),
                    Ok(None) => Said::Ended,
                    Err(error) => Said::Failed(error),
                },
                // A request that cannot be expressed, or a stream that takes no more, ends below.
                sent = sending => match sent {
                    Ok(true) => {
                        outbox.pop_front();
                    }
                    Ok(false) | Err(_) => outbox.clear(),
                },
                () = &mut silence => return Said::Silence,
            }
        }
    }
}
