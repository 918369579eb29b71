//! One stream of watches: what is sent and what comes.

use std::collections::VecDeque;

use etcd_proto::v3::{Error as Refusal, WatchRequest, WatchResponse, WatchStream};
use etcd_transport::endpoint::Endpoint;
use etcd_transport::{CallError, OpenStream, Upstream};

/// A stream.
#[derive(Debug)]
pub(super) struct Line {
    up: Upstream<WatchStream>,
    down: OpenStream<WatchStream>,
}

impl Line {
    pub(super) fn new((up, down): (Upstream<WatchStream>, OpenStream<WatchStream>)) -> Self {
        Self { up, down }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        self.down.endpoint()
    }

    /// What comes next, while what waits is sent; nothing when the server ended the stream. It may
    /// be dropped without losing any of it.
    pub(super) async fn next(
        &mut self,
        outbox: Option<&mut VecDeque<WatchRequest>>,
    ) -> Result<Option<WatchResponse>, CallError<Refusal>> {
        let Self { up, down } = self;
        let Some(outbox) = outbox else { return down.next().await };
        while let Some(request) = outbox.front() {
            tokio::select! {
                // What is to be sent is little, and what comes may never end.
                biased;
                sent = up.send(request) => match sent {
                    Ok(true) => {
                        outbox.pop_front();
                    }
                    // The stream takes no more, and what comes tells why.
                    Ok(false) | Err(_) => outbox.clear(),
                },
                reply = down.next() => return reply,
            }
        }
        down.next().await
    }
}
