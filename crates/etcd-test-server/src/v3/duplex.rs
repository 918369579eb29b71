//! Calls whose replies are streams.

use std::time::Duration;

use bytes::Bytes;
use etcd_proto::grpc::{Code, Status, encode};
use etcd_proto::v3::error::message;
use etcd_proto::v3::{
    LeaderRequest, LeaseKeepAliveRequest, LeaseKeepAliveResponse, Message, RangeRequest,
    SnapshotRequest, SnapshotResponse, WatchResponse,
};

use super::body::Sender;
use super::message::Incoming;
use super::shared::Server;
use super::waiting;
use crate::store::v3::{SNAPSHOT_CHUNK, Watches, range_chunks, refusal, snapshot};
use crate::version::Version;

/// How often a quiet watch that asked for it is told the revision.
const PROGRESS: Duration = Duration::from_secs(600);

/// What the streams of one call work with.
pub(super) struct Call<B> {
    pub(super) server: Server,
    pub(super) token: Option<String>,
    pub(super) wants_leader: bool,
    pub(super) requests: Incoming<B>,
}

fn frame(message: &impl Message) -> Bytes {
    // Only a message beyond 4 GiB cannot be framed.
    encode(message).unwrap_or_default()
}

fn gone() -> Status {
    Status::new(Code::CANCELED, "context canceled")
}

async fn send(sender: &Sender, message: &impl Message) -> Result<(), Status> {
    if sender.send(frame(message)).await { Ok(()) } else { Err(gone()) }
}

impl<B> Call<B>
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
{
    /// Watches, until the caller goes.
    pub(super) async fn watch(mut self, sender: &Sender) -> Result<(), Status> {
        let mut watches = Watches::default();
        let (mut changes, mut cancels) = (self.server.changes(), self.server.cancels());
        let mut known: Vec<i64> = Vec::new();
        let mut progress = self.server.clock().now() + PROGRESS;
        let mut is_open = true;
        loop {
            let clock = self.server.clock().clone();
            let replies = tokio::select! {
                request = self.requests.next(), if is_open => match request? {
                    Some(request) => self.with(|store, context| watches.apply(store, context, request)),
                    None => {
                        is_open = false;
                        Vec::new()
                    }
                },
                _ = changes.changed() => {
                    self.check_leader()?;
                    self.with(|store, context| watches.poll(store, context))
                }
                _ = cancels.changed() => {
                    let reason = cancels.borrow_and_update().1.clone();
                    self.with(|store, context| {
                        known.iter().filter_map(|id| watches.cancel(store, context, *id, &reason)).collect()
                    })
                }
                () = clock.sleep_until(progress) => {
                    progress = clock.now() + PROGRESS;
                    self.with(|store, context| watches.progress(store, context))
                }
                () = sender.closed() => return Err(gone()),
            };
            for reply in replies {
                note(&mut known, &reply);
                send(sender, &reply).await?;
            }
        }
    }

    fn with<T>(
        &self,
        act: impl FnOnce(&mut crate::store::v3::Store, &crate::store::v3::Context<'_>) -> T,
    ) -> T {
        let context = self.server.context(self.token.as_deref());
        self.server.with(|store| act(store, &context))
    }

    /// Refuses a stream that wants a leader where there is none.
    fn check_leader(&self) -> Result<(), Status> {
        let is_leaderless = self.with(|store, _| store.cluster.leader == 0);
        if self.wants_leader && is_leaderless { Err(refusal(message::NO_LEADER)) } else { Ok(()) }
    }

    /// Renews leases, until the caller has said all.
    pub(super) async fn keep_alive(mut self, sender: &Sender) -> Result<(), Status> {
        let mut changes = self.server.changes();
        loop {
            let request = tokio::select! {
                request = self.requests.next::<LeaseKeepAliveRequest>() => request?,
                _ = changes.changed() => {
                    self.check_leader()?;
                    continue;
                }
            };
            let Some(LeaseKeepAliveRequest { id }) = request else { return Ok(()) };
            let reply = self.with(|store, context| {
                if store.version >= Version::V3_5 {
                    let caller = store.caller(context)?;
                    store.auth.check_known(&caller)?;
                }
                store.expire(context.now);
                let ttl = store.leases.keep_alive(id, context.now).unwrap_or(0);
                Ok::<_, Status>(LeaseKeepAliveResponse {
                    header: Some(store.header(context)),
                    id,
                    ttl,
                })
            })?;
            send(sender, &reply).await?;
        }
    }

    /// Tells the leaders of an election, until the caller goes.
    pub(super) async fn observe(mut self, sender: &Sender) -> Result<(), Status> {
        let request: LeaderRequest = self.requests.only().await?;
        let mut told = (0, 0);
        loop {
            let next = waiting::next_leader(&self.server, self.token.as_deref(), &request, told);
            let reply = tokio::select! {
                reply = next => reply?,
                () = sender.closed() => return Err(gone()),
            };
            told = reply.kv.as_ref().map_or(told, waiting::standing);
            send(sender, &reply).await?;
        }
    }

    /// Sends the store, and then its checksum.
    pub(super) async fn snapshot(mut self, sender: &Sender) -> Result<(), Status> {
        let _: SnapshotRequest = self.requests.only().await?;
        let (mut bytes, version) = self.with(|store, context| {
            store.apply(&etcd_proto::v3::HashRequest {}, context)?;
            let version = if store.version >= Version::V3_7 { "3.7.0" } else { "" };
            Ok::<_, Status>((snapshot(store), version))
        })?;
        let digest = bytes.split_off(bytes.len() - 32);
        while !bytes.is_empty() {
            let blob = bytes.split_to(bytes.len().min(SNAPSHOT_CHUNK));
            let remaining_bytes = bytes.len() as u64;
            let version = version.to_owned();
            let piece = SnapshotResponse { header: None, remaining_bytes, blob, version };
            send(sender, &piece).await?;
        }
        let version = version.to_owned();
        send(sender, &SnapshotResponse { blob: digest, version, ..Default::default() }).await
    }

    /// Sends a range in pieces.
    pub(super) async fn range(mut self, sender: &Sender) -> Result<(), Status> {
        let request: RangeRequest = self.requests.only().await?;
        for chunk in self.with(|store, context| range_chunks(store, context, &request))? {
            send(sender, &chunk).await?;
        }
        Ok(())
    }
}

fn note(known: &mut Vec<i64>, reply: &WatchResponse) {
    if reply.canceled {
        known.retain(|id| *id != reply.watch_id);
    } else if reply.created {
        known.push(reply.watch_id);
    }
}
