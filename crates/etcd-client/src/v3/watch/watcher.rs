//! A stream of changes, as its user holds it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use etcd_proto::ids::Revision;
use etcd_proto::key::KeyRange;
use etcd_proto::v3::{Event, KeyValue, RangeRequest, WatchCreateRequest};
use futures_core::Stream;

use super::relist::Known;
use super::update::{Changes, Gap, Update, WatchOptions, WatchStatus};
use super::{Place, Watches};
use crate::error::{Error, ErrorKind};
use crate::v3::kv::Kv;
use crate::v3::namespace::Namespace;

/// A stream of changes; see [`Client::watch`](crate::Client::watch).
///
/// It survives lost connections and members, and tells each change once, in order, and together
/// with all others of its revision. An error is its last item. Dropping it ends the watch on the
/// server.
#[derive(Debug)]
pub struct Watcher {
    watches: Arc<Watches>,
    namespace: Namespace,
    request: WatchCreateRequest,
    options: WatchOptions,
    place: Option<Place>,
    relisting: Option<Relisting>,
    failed: Option<Error>,
}

/// What a watch needs that lists again where history is gone.
#[derive(Debug)]
struct Relisting {
    kv: Kv,
    known: Known,
    listing: Option<Listing>,
    /// A gap, and then the difference, that are to be told first.
    told: Vec<Update>,
}

/// A listing under way, and the first revision that is missing where it follows a gap.
struct Listing {
    due: Option<Revision>,
    #[allow(clippy::type_complexity)]
    work: std::sync::Mutex<
        Pin<Box<dyn Future<Output = Result<(Vec<KeyValue>, Revision), Error>> + Send>>,
    >,
}

impl std::fmt::Debug for Listing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listing").field("due", &self.due).finish_non_exhaustive()
    }
}

impl Watcher {
    /// A watch in a namespace; `kv` is of all keys.
    pub(crate) fn new(
        watches: &Arc<Watches>,
        namespace: Namespace,
        kv: Kv,
        mut request: WatchCreateRequest,
        options: WatchOptions,
    ) -> Self {
        namespace.range(&mut request.key, &mut request.range_end);
        let watches = Arc::clone(watches);
        let mut failed = None;
        let (place, relisting) = match options.relist {
            false => (Some(watches.add(request.clone(), &options)), None),
            true if !request.filters.is_empty() => {
                let message =
                    "a watch that lists again has to be told all changes: leave the filters out";
                failed = Some(Error::invalid(message));
                (None, None)
            }
            true => {
                let (known, told) = (Known::default(), Vec::new());
                let mut relisting = Relisting { kv, known, listing: None, told };
                let place = match request.start_revision {
                    // Before the first revision there was nothing.
                    1 => Some(watches.add(request.clone(), &options)),
                    from => {
                        // What was there before the first change that is told.
                        let (at, kv) = (Revision((from - 1).max(0)), &relisting.kv);
                        relisting.listing = Some(Listing::of(kv, request.range(), at, None));
                        None
                    }
                };
                (place, Some(relisting))
            }
        };
        Self { watches, namespace, request, options, place, relisting, failed }
    }

    /// The next update; nothing after an error. Cancelling it loses nothing.
    ///
    /// # Errors
    ///
    /// Why the watch ended: [`Compacted`](ErrorKind::Compacted) where history is gone,
    /// [`Unauthorized`](ErrorKind::Unauthorized) where the user may not watch these keys,
    /// [`AnotherHistory`](ErrorKind::AnotherHistory) where another cluster answers, and
    /// [`Unreachable`](ErrorKind::Unreachable) where no member would have it for longer than
    /// [`patience`](WatchOptions::patience) lasts.
    pub async fn next(&mut self) -> Option<Result<Update, Error>> {
        poll_fn(|cx| self.poll_update(cx)).await
    }

    /// Waits until the watch stands: the first revision that it tells. Nothing when it ended first;
    /// [`next`](Self::next) then has the reason.
    pub async fn created(&mut self) -> Option<Revision> {
        poll_fn(|cx| {
            if let Err(error) = ready!(self.poll_listing(cx)) {
                self.failed = Some(error);
            }
            match &self.place {
                Some(place) => place.queue.poll_stands(cx),
                None => Poll::Ready(None),
            }
        })
        .await
    }

    /// How the watch is doing.
    pub fn status(&self) -> WatchStatus {
        self.place.as_ref().map(|place| place.queue.status()).unwrap_or_default()
    }

    /// Asks the member how far the watch is; the answer is an [`Update::Progress`]. Since etcd 3.4,
    /// and members before 3.4.25 and 3.5.8 may answer before they have told all changes.
    pub fn request_progress(&self) {
        if let Some(place) = &self.place {
            place.ask_progress();
        }
    }

    fn poll_update(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Update, Error>>> {
        loop {
            if let Some(error) = self.failed.take() {
                return Poll::Ready(Some(Err(error)));
            }
            if let Err(error) = ready!(self.poll_listing(cx)) {
                return Poll::Ready(Some(Err(error)));
            }
            if let Some(relisting) = &mut self.relisting
                && let Some(update) = relisting.told.pop()
            {
                return Poll::Ready(Some(Ok(self.stripped(update))));
            }
            let Some(place) = &self.place else { return Poll::Ready(None) };
            let taken = place.queue.poll_next(cx);
            if taken.drained {
                place.resume();
            }
            match ready!(taken.next) {
                Some(Err(error)) if self.lists_again(&error) => {}
                Some(Ok(update)) => {
                    if let (Some(relisting), Update::Changes(changes)) =
                        (&mut self.relisting, &update)
                    {
                        relisting.known.take(&changes.events);
                    }
                    return Poll::Ready(Some(Ok(self.stripped(update))));
                }
                ended => {
                    self.place = None;
                    return Poll::Ready(ended);
                }
            }
        }
    }

    /// Begins to list again, where history is gone and that is wanted.
    fn lists_again(&mut self, error: &Error) -> bool {
        let ErrorKind::Compacted { .. } = error.kind() else { return false };
        let Some(relisting) = &mut self.relisting else { return false };
        let due = self.place.take().and_then(|place| place.queue.status().next);
        let range = self.request.range();
        relisting.listing =
            Some(Listing::of(&relisting.kv, range, Revision(0), due.or(Some(Revision(1)))));
        true
    }

    /// Waits for a listing that is under way, and watches on from there.
    fn poll_listing(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(relisting) = &mut self.relisting else { return Poll::Ready(Ok(())) };
        let Some(listing) = &mut relisting.listing else { return Poll::Ready(Ok(())) };
        let work = listing.work.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        let listed = ready!(work.as_mut().poll(cx));
        let due = listing.due;
        relisting.listing = None;
        let (entries, at) = match listed {
            Ok(listed) => listed,
            // The state before what is asked for is gone: what there is now will have to do.
            Err(error) if *error.kind() == ErrorKind::HistoryCleared && due.is_none() => {
                let (range, due) = (self.request.range(), Revision(self.request.start_revision));
                relisting.listing = Some(Listing::of(&relisting.kv, range, Revision(0), Some(due)));
                return self.poll_listing(cx);
            }
            Err(error) => return Poll::Ready(Err(error)),
        };
        match due {
            None => relisting.known = Known::of(&entries),
            Some(first) => {
                let events = relisting.known.difference(entries, at);
                if !events.is_empty() {
                    relisting.told.push(Update::Changes(Changes::inferred(events)));
                }
                relisting.told.push(Update::Gap(Gap::new(first, at)));
            }
        }
        let from = at.0.saturating_add(1);
        let request = WatchCreateRequest { start_revision: from, ..self.request.clone() };
        self.place = Some(self.watches.add(request, &self.options));
        Poll::Ready(Ok(()))
    }

    fn stripped(&self, mut update: Update) -> Update {
        if let Update::Changes(changes) = &mut update
            && !self.namespace.prefix().is_empty()
        {
            changes.events.iter_mut().for_each(|event| self.strip(event));
        }
        update
    }

    fn strip(&self, event: &mut Event) {
        let entries = event.kv.iter_mut().chain(&mut event.prev_kv);
        entries.for_each(|entry| self.namespace.strip(entry));
    }
}

impl Listing {
    fn of(kv: &Kv, range: KeyRange, at: Revision, due: Option<Revision>) -> Self {
        let kv = kv.clone();
        let work = async move {
            let request = RangeRequest::new(range).revision(at);
            // What is known at the start is known by its revisions alone.
            let request = if due.is_none() { request.keys_only() } else { request };
            let (mut entries, mut pages) = (Vec::new(), kv.range(request).stream());
            while let Some(page) = pages.next().await {
                entries.extend(page?);
            }
            Ok((entries, pages.revision().unwrap_or(at)))
        };
        Self { due, work: std::sync::Mutex::new(Box::pin(work)) }
    }
}

impl Stream for Watcher {
    type Item = Result<Update, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_update(cx)
    }
}
