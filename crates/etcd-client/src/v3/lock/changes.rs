//! Being told of changes to keys: the one place where locks and elections wait.

use etcd_proto::call::Outcome;
use etcd_proto::ids::Revision;
use etcd_proto::key::KeyRange;
use etcd_proto::v3::error::message;
use etcd_proto::v3::{Event, WatchCreateRequest, WatchRequest, WatchStream};
use etcd_transport::{CallOptions, OpenStream, Upstream};

use crate::error::{Error, ErrorKind};
use crate::v3::Client;

/// Changes to a range of keys, from a revision on.
pub(crate) struct Changes {
    client: Client,
    _up: Upstream<WatchStream>,
    down: OpenStream<WatchStream>,
}

impl Changes {
    /// The changes from this revision on.
    pub(crate) async fn from(
        client: &Client,
        range: KeyRange,
        revision: Revision,
    ) -> Result<Self, Error> {
        let KeyRange { mut key, mut range_end } = range;
        client.kv().namespace.range(&mut key, &mut range_end);
        let request = WatchCreateRequest::new(KeyRange { key, range_end }).start_revision(revision);
        let stream = WatchStream(WatchRequest::from(request));
        let (up, down) = client.core().duplex(&stream, &CallOptions::default()).await?;
        Ok(Self { client: client.clone(), _up: up, down })
    }

    /// The next changes, whole revisions of them.
    ///
    /// # Errors
    ///
    /// Why there are no more: [`HistoryCleared`](ErrorKind::HistoryCleared) when the revision is
    /// no longer kept.
    pub(crate) async fn next(&mut self) -> Result<Vec<Event>, Error> {
        loop {
            let Some(reply) = self.down.next().await? else { return Err(cut()) };
            if reply.compact_revision != 0 {
                let kind = ErrorKind::HistoryCleared;
                return Err(Error::new(kind, Outcome::NotApplied, message::COMPACTED));
            }
            if reply.canceled {
                return Err(cut());
            }
            if reply.events.is_empty() {
                continue;
            }
            let mut events = reply.events;
            for entry in events.iter_mut().filter_map(|event| event.kv.as_mut()) {
                self.client.kv().namespace.strip(entry);
            }
            return Ok(events);
        }
    }
}

fn cut() -> Error {
    Error::new(ErrorKind::Interrupted, Outcome::NotApplied, "the watch was cut")
}
