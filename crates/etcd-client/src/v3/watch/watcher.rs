//! A stream of changes, as its user holds it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use etcd_proto::ids::Revision;
use etcd_proto::key::KeyRange;
use etcd_proto::v3::{Event, WatchCreateRequest};
use futures_core::Stream;

use super::listing::{Listed, Relisting};
use super::update::{Update, WatchOptions, WatchStatus};
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
    pub(super) place: Option<Place>,
    relisting: Option<Relisting>,
    /// What is to be told before what the place has, the last of it first.
    told: Vec<Update>,
    pub(super) failed: Option<Error>,
    position: Option<Revision>,
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
        let (place, relisting, told) = (None, None, Vec::new());
        let (failed, start) = (cannot_be_watched(&request, &options), request.start_revision);
        let position = (start > 0 && failed.is_none()).then_some(Revision(start));
        let watches = Arc::clone(watches);
        let mut this =
            Self { watches, namespace, request, options, place, relisting, told, failed, position };
        if this.failed.is_none() && this.options.relist {
            let (range, patience) = (this.request.range(), this.options.patience);
            this.relisting = Some(Relisting::new(kv, range, Revision(start), patience));
        }
        let lists = this.relisting.as_ref().is_some_and(Relisting::lists);
        if this.failed.is_none() && !lists {
            this.watch_from(Revision(start));
        }
        this
    }

    /// The next update; nothing after an error. Cancelling it loses nothing.
    ///
    /// # Errors
    ///
    /// Why the watch ended: [`Compacted`](ErrorKind::Compacted) where history is gone,
    /// [`Unauthorized`](ErrorKind::Unauthorized) where the user may not watch these keys,
    /// [`AnotherHistory`](ErrorKind::AnotherHistory) where another cluster answers, or the same one
    /// from a backup, [`Unreachable`](ErrorKind::Unreachable) where no member would have it for
    /// longer than [`patience`](WatchOptions::patience) lasts, [`InvalidInput`](ErrorKind::InvalidInput)
    /// for a request that asks for nothing, [`Refused`](ErrorKind::Refused) where the server does
    /// again and again, and [`Interrupted`](ErrorKind::Interrupted) where the runtime has ended on
    /// which the client's first watch was made.
    pub async fn next(&mut self) -> Option<Result<Update, Error>> {
        poll_fn(|cx| self.poll_update(cx)).await
    }

    /// Waits until the watch stands: the first revision that it can tell. Nothing when it ended
    /// first; [`next`](Self::next) then has the reason.
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

    /// The revision to begin another watch at that goes on behind what [`next`](Self::next) has
    /// given so far; nothing before the watch has stood.
    ///
    /// It moves by whole revisions, and behind a gap only when the difference was given too.
    pub fn position(&self) -> Option<Revision> {
        self.position.or_else(|| self.place.as_ref()?.queue.first())
    }

    /// How the watch is doing.
    pub fn status(&self) -> WatchStatus {
        self.place.as_ref().map(|place| place.queue.status()).unwrap_or_default()
    }

    /// Asks the member how far it has told all watches of the client; the answer is an
    /// [`Update::Progress`] for each. Since etcd 3.4.
    ///
    /// Members from 3.4.25 and 3.5.8 on give none while one of the watches is catching up. What
    /// earlier ones say is not to be relied on, and the progress is then that of the last change.
    pub fn request_progress(&self) {
        if let Some(place) = &self.place {
            place.ask_progress();
        }
    }

    /// Ends the watch on the server, and forgets what was not taken: nothing follows.
    pub fn cancel(&mut self) {
        (self.place, self.relisting, self.failed) = (None, None, None);
        self.told.clear();
    }

    fn poll_update(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Update, Error>>> {
        loop {
            if let Some(error) = self.failed.take() {
                self.cancel();
                return Poll::Ready(Some(Err(error)));
            }
            if let Err(error) = ready!(self.poll_listing(cx)) {
                self.failed = Some(error);
                continue;
            }
            if let Some(update) = self.told.pop() {
                return Poll::Ready(Some(Ok(self.given(update))));
            }
            let Some(place) = &self.place else { return Poll::Ready(None) };
            let taken = place.queue.poll_next(cx);
            if taken.drained {
                place.resume();
            }
            match ready!(taken.next) {
                Some(Ok(update)) => return Poll::Ready(Some(Ok(self.given(update)))),
                Some(Err(error)) if self.lists_again(&error) => {}
                Some(Err(error)) => self.failed = Some(error),
                None => self.cancel(),
            }
        }
    }

    /// Begins to list again, where history is gone and that is wanted.
    fn lists_again(&mut self, error: &Error) -> bool {
        match (error.kind(), &mut self.relisting) {
            (ErrorKind::Compacted { .. }, Some(relisting)) => {
                let due = self.place.take().and_then(|place| place.queue.status().next);
                relisting.miss(due.or(self.position).unwrap_or(Revision(1)));
                true
            }
            _ => false,
        }
    }

    /// Waits for a listing that is under way, and watches on from there.
    fn poll_listing(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(relisting) = &mut self.relisting else { return Poll::Ready(Ok(())) };
        if let Some(Listed { from, told }) = ready!(relisting.poll(cx))? {
            self.told = told;
            self.watch_from(from);
            if self.told.is_empty() {
                self.position = Some(from);
            }
        }
        Poll::Ready(Ok(()))
    }

    fn watch_from(&mut self, from: Revision) {
        let request = WatchCreateRequest { start_revision: from.0, ..self.request.clone() };
        match self.watches.add(request, &self.options) {
            Ok(place) => self.place = Some(place),
            Err(error) => self.failed = Some(error),
        }
    }

    /// An update as the user gets it.
    fn given(&mut self, mut update: Update) -> Update {
        // Behind a gap comes the difference: only then is nothing missing.
        let is_behind = !matches!(update, Update::Gap(_)) || self.told.is_empty();
        if let Update::Changes(changes) = &mut update {
            if let Some(relisting) = &mut self.relisting {
                relisting.take(changes);
            }
            if !self.namespace.prefix().is_empty() {
                changes.events.iter_mut().for_each(|event| strip(&self.namespace, event));
            }
        }
        if is_behind {
            self.position = Some(Revision(update.revision().0.saturating_add(1)));
        }
        update
    }
}

fn strip(namespace: &Namespace, event: &mut Event) {
    event.kv.iter_mut().chain(&mut event.prev_kv).for_each(|entry| namespace.strip(entry));
}

/// Why a request asks for nothing that there is.
fn cannot_be_watched(request: &WatchCreateRequest, options: &WatchOptions) -> Option<Error> {
    let KeyRange { key, range_end } = request.range();
    let why = if request.start_revision < 0 {
        "a watch cannot begin before revision 1"
    } else if !range_end.is_empty() && range_end[..] != b"\0"[..] && key >= range_end {
        "the range to watch holds no key"
    } else if options.relist && !request.filters.is_empty() {
        "a watch that lists again has to be told all changes: leave the filters out"
    } else {
        return None;
    };
    Some(Error::invalid(why))
}

impl Stream for Watcher {
    type Item = Result<Update, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_update(cx)
    }
}
