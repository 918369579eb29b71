//! A range that comes in pieces.

mod pages;

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use etcd_proto::call::Outcome;
use etcd_proto::ids::Revision;
use etcd_proto::v3::error::message;
use etcd_proto::v3::{self as wire, KeyValue, RangeRequest, Rpc as _};
use etcd_transport::error::Kind;
use etcd_transport::wait::{after, before};
use etcd_transport::{CallError, OpenStream};
use futures_core::Stream;

use self::pages::{Known, Odd, Pages};
use super::kv::{Kv, Range};
use super::steps::{Steps, Work};
use crate::error::{Error, ErrorKind};

impl Range {
    /// Reads the range piece by piece, by key, all of it at one revision.
    ///
    /// That is the revision that the request names, or else the newest when the first piece is
    /// read; changes made meanwhile do not show. About 1 MiB is held at a time, however large the
    /// range; only the first 32 keys come together, whatever they hold. Where the server has no
    /// stream of keys (before 3.7), for descending keys and for bounds on revisions it is read in
    /// pages, and in pages too a stream goes on that was cut. Descending keys and bounds on
    /// revisions cost the server a walk over all that is left for each page.
    ///
    /// ```no_run
    /// use etcd_client::{Client, KeyRange};
    ///
    /// # async fn example(client: &Client) -> Result<(), etcd_client::Error> {
    /// let mut stream = client.kv().range(KeyRange::prefix("/jobs/")).stream();
    /// while let Some(entries) = stream.next().await.transpose()? {
    ///     println!("{} of {:?} jobs", entries.len(), stream.count());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream(self) -> RangeStream {
        let Self { kv, mut request } = self;
        kv.namespace.range(&mut request.key, &mut request.range_end);
        RangeStream { steps: Steps::new(Reader::new(kv, request), step), known: Known::default() }
    }
}

/// A range that comes in pieces; see [`Range::stream`]. Dropping it ends it at the server too.
#[derive(Debug)]
pub struct RangeStream {
    steps: Steps<Reader, Piece>,
    known: Known,
}

impl RangeStream {
    /// The next keys, at least one; nothing after the last.
    ///
    /// It may be dropped and called again without losing a key.
    ///
    /// # Errors
    ///
    /// [`HistoryCleared`](ErrorKind::HistoryCleared) when the revision was compacted meanwhile;
    /// [`InvalidInput`](ErrorKind::InvalidInput) for an order other than by key; and as for
    /// [`Kv::get`]. Nothing follows an error.
    pub async fn next(&mut self) -> Option<Result<Vec<KeyValue>, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The revision that all keys are read at; known from the first piece on.
    pub fn revision(&self) -> Option<Revision> {
        self.known.revision
    }

    /// How many keys the range holds, whatever the limit; known from the first piece on.
    ///
    /// Bounds on revisions do not lower it.
    pub fn count(&self) -> Option<u64> {
        self.known.count
    }

    /// Whether the limit kept keys back; known after the last piece.
    pub fn more(&self) -> bool {
        self.known.more
    }
}

impl Stream for RangeStream {
    type Item = Result<Vec<KeyValue>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Poll::Ready(piece) = self.steps.poll_next(cx) else { return Poll::Pending };
            match piece {
                Some(Ok(Piece { kvs, known })) => {
                    self.known = known;
                    if !kvs.is_empty() {
                        return Poll::Ready(Some(Ok(kvs)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// Keys, and what is known of the range with them.
struct Piece {
    kvs: Vec<KeyValue>,
    known: Known,
}

/// Reads a range, first a page, then as a stream, and on in pages where that is cut.
struct Reader {
    kv: Kv,
    pages: Result<Pages, Odd>,
    source: Source,
}

enum Source {
    /// As a stream, once the revision is known.
    Unopened,
    Streaming(Box<OpenStream<wire::RangeStream>>),
    Paged,
}

impl Reader {
    fn new(kv: Kv, request: RangeRequest) -> Self {
        let streams = kv.core.may_stream_ranges();
        let source = if streams { Source::Unopened } else { Source::Paged };
        Self { kv, pages: Pages::new(request), source }
    }
}

fn step(mut reader: Reader) -> Work<Reader, Piece> {
    Box::pin(async move {
        let pages = match &mut reader.pages {
            Ok(pages) => pages,
            Err(odd) => return (None, Some(Err(Error::invalid(*odd)))),
        };
        let mut kvs = match piece(&reader.kv, pages, &mut reader.source).await {
            Ok(kvs) => kvs,
            Err(error) => return (None, Some(Err(error))),
        };
        kvs.iter_mut().for_each(|entry| reader.kv.namespace.strip(entry));
        let (known, ended) = (pages.known(), pages.has_ended());
        ((!ended).then_some(reader), Some(Ok(Piece { kvs, known })))
    })
}

async fn piece(kv: &Kv, pages: &mut Pages, source: &mut Source) -> Result<Vec<KeyValue>, Error> {
    if matches!(source, Source::Unopened)
        && let Some(request) = pages.stream()
    {
        *source = open(kv, request).await;
    }
    match chunk(kv, pages, source).await {
        Some(kvs) => Ok(kvs),
        None => page(kv, pages).await,
    }
}

async fn open(kv: &Kv, request: RangeRequest) -> Source {
    let stream = match request.serializable {
        true => kv.core.stream_without_leader(&wire::RangeStream(request), &kv.options).await,
        false => kv.core.stream(&wire::RangeStream(request), &kv.options).await,
    };
    match stream {
        Ok(stream) => Source::Streaming(Box::new(stream)),
        // Pages will tell what is wrong, if anything is.
        Err(_) => Source::Paged,
    }
}

/// The next piece of the stream; nothing where there is none, or it has ended before its time.
async fn chunk(kv: &Kv, pages: &mut Pages, source: &mut Source) -> Option<Vec<KeyValue>> {
    let Source::Streaming(stream) = source else { return None };
    let patience = after(kv.core.deadline(&kv.options));
    let why = match before(patience, stream.next()).await {
        Some(Ok(Some(item))) => match pages.chunk(item.range_response.unwrap_or_default()) {
            Ok(kvs) => return Some(kvs),
            Err(odd) => odd.to_owned(),
        },
        Some(Ok(None)) => "it ended before its last piece".to_owned(),
        Some(Err(error)) => {
            if let CallError::Refused { refusal, .. } = &error
                && refusal.is_unimplemented()
            {
                kv.core.cannot_stream_ranges();
            }
            error.to_string()
        }
        None => "no piece came in time".to_owned(),
    };
    tracing::debug!(endpoint = %stream.endpoint(), why, "a range goes on in pages");
    *source = Source::Paged;
    None
}

async fn page(kv: &Kv, pages: &mut Pages) -> Result<Vec<KeyValue>, Error> {
    loop {
        let error = match kv.core.send(&pages.request(), &kv.options).await {
            Ok(reply) => {
                let kvs = pages.page(reply);
                return kvs.map_err(|odd| Error::new(ErrorKind::Refused, Outcome::NotApplied, odd));
            }
            Err(error) => error,
        };
        let another = match &error {
            CallError::Failed(failed) => *failed.kind() == Kind::TooLarge && pages.shrink(),
            CallError::Refused { refusal, .. } => {
                refusal.says(message::FUTURE_REVISION) && pages.wait_for_revision()
            }
            _ => false,
        };
        if !another {
            let (path, since) = (RangeRequest::PATH, RangeRequest::SINCE);
            return Err(kv.core.explain(error, path, since).await);
        }
    }
}
