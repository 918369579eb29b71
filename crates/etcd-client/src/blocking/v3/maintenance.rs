//! The state and upkeep of members.

use std::io::{self, Write};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use etcd_proto::ids::{MemberId, Revision};
use etcd_proto::v3::{
    AlarmResponse, AlarmType, DefragmentResponse, DowngradeResponse, HashKvResponse, HashResponse,
    MoveLeaderResponse, StatusResponse,
};
use etcd_transport::CallOptions;
use tokio::io::AsyncWrite;

use super::super::pump::Pump;
use super::shadow::{calls, iterates};
use crate::v3;
use crate::{Endpoint, Error};

/// The state and upkeep of members, without async; see [`crate::v3::Maintenance`].
#[derive(Debug, Clone)]
pub struct Maintenance {
    pub(super) inner: v3::Maintenance,
    pub(super) pump: Pump,
}

impl Maintenance {
    /// The same, with options for each call.
    pub fn with_options(&self, options: CallOptions) -> Self {
        Self { inner: self.inner.with_options(options), pump: self.pump.clone() }
    }

    /// A member's whole database, piece by piece.
    ///
    /// # Errors
    ///
    /// When the member cannot be reached.
    pub fn snapshot(&self, member: &Endpoint) -> Result<Snapshot, Error> {
        let inner = self.pump.run(self.inner.snapshot(member))?;
        Ok(Snapshot { inner, pump: self.pump.clone() })
    }
}

calls! { Maintenance:
    /// The alarms of all members.
    alarm_list() -> AlarmResponse;
    /// Raises an alarm about a member. One for space has the whole cluster refuse writes.
    alarm_activate(alarm: AlarmType, member: impl Into<MemberId>) -> AlarmResponse;
    /// Ends an alarm about a member; one that is not there is no error.
    alarm_deactivate(alarm: AlarmType, member: impl Into<MemberId>) -> AlarmResponse;
    /// What a member says of itself, without asking the others.
    status(member: &Endpoint) -> StatusResponse;
    /// Has a member give the unused space of its database back, which may take minutes. It answers
    /// nothing else meanwhile.
    defragment(member: &Endpoint) -> DefragmentResponse;
    /// A checksum of all that a member stores. It differs between members that hold the same keys.
    hash(member: &Endpoint) -> HashResponse;
    /// A checksum of a member's keys up to a revision, or else the newest (3.3 and later).
    hash_kv(member: &Endpoint, revision: Option<Revision>) -> HashKvResponse;
    /// Has the leader let another member lead.
    move_leader(to: impl Into<MemberId>) -> MoveLeaderResponse;
    /// Whether the cluster could go to an older release, such as `3.5.0` (3.5 and later).
    downgrade_validate(version: &str) -> DowngradeResponse;
    /// Lets members of an older release, such as `3.5.0`, join (3.5 and later).
    downgrade_enable(version: &str) -> DowngradeResponse;
    /// Ends a downgrade: members stay at the release that they have (3.5 and later).
    downgrade_cancel() -> DowngradeResponse;
}

/// An iterator over the pieces of a member's database and then its SHA-256, which is checked; see
/// [`crate::v3::Snapshot`]. An error is its last item.
///
/// ```no_run
/// # fn example(client: &etcd_client::blocking::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let mut copy = Vec::new();
/// let snapshot = client.maintenance().snapshot(&"10.0.0.1:2379".parse()?)?;
/// println!("{} bytes", snapshot.copy_to(&mut copy)?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Snapshot {
    inner: v3::Snapshot,
    pump: Pump,
}

iterates!(Snapshot, Bytes);

impl Snapshot {
    /// How many bytes of the database the member has still to send; known from the first piece on.
    pub fn remaining(&self) -> Option<u64> {
        self.inner.remaining()
    }

    /// The version of the storage, such as `3.6.0`; known from the first piece on. Empty before
    /// 3.6, and where the member does not know it.
    pub fn version(&self) -> &str {
        self.inner.version()
    }

    /// Writes the snapshot and its sum, and answers how many bytes these are.
    ///
    /// The writer is flushed. After an error it has a part, without the sum.
    ///
    /// # Errors
    ///
    /// When the stream broke, no piece came in time, or the sum is not that of what came, and
    /// [`Io`](crate::ErrorKind::Io) when it cannot be written.
    pub fn copy_to(self, writer: &mut (impl Write + ?Sized)) -> Result<u64, Error> {
        self.pump.run(self.inner.copy_to(&mut Written(writer)))
    }

    /// Saves the snapshot and its sum in a file, whole or not at all; see
    /// [`crate::v3::Snapshot::save_to`].
    ///
    /// # Errors
    ///
    /// As for [`copy_to`](Self::copy_to).
    pub fn save_to(self, path: impl AsRef<Path>) -> Result<u64, Error> {
        self.pump.run(self.inner.save_to(path))
    }
}

/// A writer that blocks, on the caller's thread, which waits for nothing else.
struct Written<'a, W: ?Sized>(&'a mut W);

impl<W: Write + ?Sized> AsyncWrite for Written<'_, W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.0.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.flush())
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
