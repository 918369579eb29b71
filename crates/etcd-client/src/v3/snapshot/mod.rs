//! A member's whole database.

mod file;
mod sum;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use etcd_proto::call::Outcome;
use etcd_proto::v3::{SnapshotRequest, SnapshotResponse, SnapshotStream};
use etcd_transport::CallOptions;
use etcd_transport::wait::{after, before};
use futures_core::Stream;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use self::sum::Summed;
use super::core::Core;
use super::opened::{Needs, Opened};
use super::steps::{Steps, Work};
use crate::error::{Error, ErrorKind};

/// How long each piece may take, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

/// A member's whole database as it comes, and then its SHA-256, which is checked.
///
/// Together they are a file that `etcdutl snapshot restore` takes. The sum only comes when it is
/// right, so what a broken snapshot leaves behind does not restore. Dropping it ends it at the
/// server too.
///
/// ```no_run
/// # async fn example(client: &etcd_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let snapshot = client.maintenance().snapshot(&"10.0.0.1:2379".parse()?).await?;
/// println!("{} bytes", snapshot.save_to("etcd.snapshot").await?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Snapshot {
    steps: Steps<Reader, Pieces>,
    ready: VecDeque<Bytes>,
    remaining: Option<u64>,
    version: String,
}

impl Snapshot {
    pub(super) async fn open(core: Core, options: CallOptions) -> Result<Self, Error> {
        let request = SnapshotStream(SnapshotRequest::default());
        let within = options.deadline.unwrap_or(PATIENCE);
        let stream = Opened::open(core, request, &options, Needs::Nothing).await?;
        let reader = Reader { stream, within, summed: Summed::default() };
        let (ready, version) = (VecDeque::new(), String::new());
        Ok(Self { steps: Steps::new(reader, step), ready, remaining: None, version })
    }

    /// The next piece; nothing after the sum.
    ///
    /// It may be dropped and called again without losing a piece.
    ///
    /// # Errors
    ///
    /// When the stream broke, no piece came in time, or the sum is not that of what came. Nothing
    /// follows an error.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// How many bytes of the database the member has still to send; known from the first piece on.
    pub fn remaining(&self) -> Option<u64> {
        self.remaining
    }

    /// The version of the storage, such as `3.6.0`; known from the first piece on. Empty before
    /// 3.6, and where the member does not know it.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Writes the snapshot and its sum, and answers how many bytes these are.
    ///
    /// The writer is flushed. After an error it has a part, without the sum.
    ///
    /// # Errors
    ///
    /// As for [`next`](Self::next), and [`Io`](ErrorKind::Io) when it cannot be written.
    pub async fn copy_to<W>(mut self, writer: &mut W) -> Result<u64, Error>
    where
        W: AsyncWrite + Unpin + ?Sized,
    {
        let mut written = 0;
        while let Some(piece) = self.next().await.transpose()? {
            writer.write_all(&piece).await.map_err(Error::io)?;
            written += piece.len() as u64;
        }
        writer.flush().await.map_err(Error::io)?;
        Ok(written)
    }

    /// Saves the snapshot and its sum in a file, and answers how many bytes these are.
    ///
    /// It is written beside the path and put in its place when it is whole, right and on the disk;
    /// what was there is replaced. On Unix only the owner may read it, as it holds all keys and the
    /// hashes of passwords. After an error, or when dropped, nothing of it is left.
    ///
    /// # Errors
    ///
    /// As for [`copy_to`](Self::copy_to).
    pub async fn save_to(self, path: impl AsRef<Path>) -> Result<u64, Error> {
        let mut file = file::Unfinished::beside(path.as_ref()).await.map_err(Error::io)?;
        let written = self.copy_to(file.writer()).await?;
        file.finish().await.map_err(Error::io)?;
        Ok(written)
    }
}

impl Stream for Snapshot {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(piece)));
            }
            let Poll::Ready(pieces) = self.steps.poll_next(cx) else { return Poll::Pending };
            match pieces {
                Some(Ok(pieces)) => {
                    self.ready = pieces.bytes.into();
                    if let Some(of) = pieces.of {
                        (self.remaining, self.version) = (Some(of.remaining_bytes), of.version);
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// Bytes that can be given to the user, and the message that they came with.
struct Pieces {
    bytes: Vec<Bytes>,
    of: Option<SnapshotResponse>,
}

struct Reader {
    stream: Opened<SnapshotStream>,
    within: Duration,
    summed: Summed,
}

fn step(mut reader: Reader) -> Work<Reader, Pieces> {
    Box::pin(async move {
        match before(after(reader.within), reader.stream.next()).await {
            Some(Ok(Some(mut item))) => {
                let bytes = reader.summed.push(std::mem::take(&mut item.blob));
                (Some(reader), Some(Ok(Pieces { bytes, of: Some(item) })))
            }
            Some(Ok(None)) => (None, Some(last(reader.summed))),
            Some(Err(error)) => (None, Some(Err(error))),
            None => (None, Some(Err(silent(&reader)))),
        }
    })
}

fn last(summed: Summed) -> Result<Pieces, Error> {
    let wrong = "the snapshot is damaged: its checksum is not that of what came";
    match summed.end() {
        Some(sum) => Ok(Pieces { bytes: vec![sum], of: None }),
        None => Err(Error::new(ErrorKind::Refused, Outcome::NotApplied, wrong)),
    }
}

fn silent(reader: &Reader) -> Error {
    let Reader { stream, within, .. } = reader;
    let message = format!("{} sent nothing more of the snapshot in {within:?}", stream.endpoint());
    Error::new(ErrorKind::Timeout, Outcome::NotApplied, message)
}
