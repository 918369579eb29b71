//! What the server says, and whose it is.

use std::time::Instant;

use etcd_proto::ids::Revision;
use etcd_proto::v3::{WatchCancelRequest, WatchResponse};

use super::doubts::another_history;
use super::entry::{Entry, Place};
use super::{Board, Lost, MOST_TOKENS, Watch};
use crate::Outcome;
use crate::error::{Error, ErrorKind};
use crate::v3::identity::{Remedy, Shown};
use crate::v3::watch::history::Heard;
use crate::v3::watch::machine::{End, Told};

/// How often in a row a server may refuse to begin a watch, for a reason that is not known.
pub(super) const MOST_REFUSALS: u32 = 5;
/// The id that stands for all watches of a stream.
pub(super) const ALL: i64 = -1;

impl Board {
    /// Whether the watch that this reply belongs to has no room for it.
    pub(in crate::v3::watch) fn is_full_for(&self, reply: &WatchResponse) -> bool {
        let key = self.stream.as_ref().and_then(|stream| stream.ids.get(&reply.watch_id));
        let entry = key.and_then(|key| self.entries.get(key));
        !reply.events.is_empty() && entry.is_some_and(|entry| entry.watch.queue.is_full())
    }

    /// Takes a reply.
    pub(in crate::v3::watch) fn reply(
        &mut self,
        reply: WatchResponse,
        now: Instant,
    ) -> Result<(), Lost> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        stream.heard = now;
        let heard = reply.header.as_ref().map(|header| self.history.hear(header));
        if let Some(Heard::Another(why)) = heard {
            return Err(another_history(why));
        }
        if reply.created {
            let Some(key) = stream.asked.pop_front() else {
                return Err(Lost::Member("a watch was made that nobody asked for".into()));
            };
            if heard == Some(Heard::Behind) {
                stream.doubtful = Some(key);
            }
            return self.created(key, reply, now);
        }
        if reply.watch_id == ALL && !reply.canceled {
            self.all_told(reply.revision(), now);
            return Ok(());
        }
        match stream.ids.get(&reply.watch_id).copied() {
            Some(key) => self.told(key, reply, now),
            // What was on its way when the watch was let go of.
            None => Ok(()),
        }
    }

    fn created(&mut self, key: u64, reply: WatchResponse, now: Instant) -> Result<(), Lost> {
        let (id, refused) = (reply.watch_id, reply.canceled);
        let (Some(stream), Some(entry)) = (&mut self.stream, self.entries.get_mut(&key)) else {
            // It was dropped in the meantime.
            if let (Some(stream), false) = (&mut self.stream, refused) {
                stream.outbox.push_back(WatchCancelRequest::new(id).into());
            }
            return Ok(());
        };
        if refused {
            return self.told(key, reply, now);
        }
        if stream.ids.insert(id, key).is_some() {
            return Err(Lost::Member(format!("two watches were given the id {id}")));
        }
        stream.stood = true;
        entry.refusals = 0;
        entry.moves(Place::On(id), &mut self.counts);
        self.told(key, reply, now)
    }

    /// Has a watch take a reply.
    fn told(&mut self, key: u64, reply: WatchResponse, now: Instant) -> Result<(), Lost> {
        let Some(Entry { watch, place, .. }) = self.entries.get_mut(&key) else { return Ok(()) };
        let Watch { machine, queue, .. } = watch;
        if !reply.events.is_empty()
            && let Place::On(id) = *place
            && queue.lags()
        {
            machine.forget_fragments();
            *place = Place::Lagging;
            if let Some(stream) = &mut self.stream {
                stream.cancel(id);
            }
            return Ok(());
        }
        let told = machine.reply(reply);
        queue.heard(now, machine.next());
        match told {
            Told::Nothing => return Ok(()),
            Told::Created => {
                queue.stands();
                return Ok(());
            }
            Told::Changes(batch) => queue.changes(batch),
            Told::Progress(revision) => queue.progress(revision),
            Told::Ended(end) => return self.ended(key, end, now),
            Told::Strange(why) => return Err(Lost::Member(why.into())),
        }
        if let (Some(stream), Some(entry)) = (&mut self.stream, self.entries.get_mut(&key)) {
            stream.told = true;
            entry.pauses.reset();
        }
        Ok(())
    }

    fn all_told(&mut self, revision: Revision, now: Instant) {
        let Some(stream) = &mut self.stream else { return };
        let trusted = stream.trusted == Some(true);
        for key in stream.ids.values() {
            let Some(entry) = self.entries.get_mut(key) else { continue };
            let Watch { machine, queue, .. } = &mut entry.watch;
            let told = machine.all_told(revision, trusted);
            queue.heard(now, machine.next());
            if let Told::Progress(revision) = told {
                queue.progress(revision);
            }
        }
    }

    /// A watch is over.
    fn ended(&mut self, key: u64, end: End, now: Instant) -> Result<(), Lost> {
        if end != End::TooLarge {
            self.let_go(key, now);
        }
        let Some(entry) = self.entries.get_mut(&key) else { return Ok(()) };
        let refusals = entry.refusals;
        entry.refusals += u32::from(end.is_refusal());
        match remedy(&end, self.shown(refusals > 0)) {
            Remedy::Token if self.caller.renews && refusals < MOST_TOKENS => {
                return Err(Lost::Token("the server refused the token of a watch".into()));
            }
            Remedy::Repetition if self.caller.renews => {
                self.rest(key, now);
                return Ok(());
            }
            _ => {}
        }
        let error = match end {
            End::Compacted { due, kept } => {
                let message = format!(
                    "the history from revision {due} on is no longer kept, only from {kept} on"
                );
                Error::new(ErrorKind::Compacted { revision: kept }, Outcome::NotApplied, message)
            }
            End::Token(why) | End::Denied(why) => {
                Error::new(ErrorKind::Unauthorized, Outcome::NotApplied, why)
            }
            End::Refused(_) if refusals < MOST_REFUSALS => {
                self.rest(key, now);
                return Ok(());
            }
            End::Refused(why) => Error::new(ErrorKind::Refused, Outcome::NotApplied, why),
            End::LetGo(why) => {
                self.why = format!("the server let go of the watch: {why}");
                self.rest(key, now);
                return Ok(());
            }
            End::TooLarge => {
                let message = "the changes of one revision are too large to be taken";
                Error::new(ErrorKind::Refused, Outcome::NotApplied, message)
            }
        };
        self.remove(key, Some(error));
        Ok(())
    }

    fn shown(&self, again: bool) -> Shown {
        let token = self.stream.as_ref().is_some_and(|stream| stream.bears_token);
        Shown { token, certificate: self.caller.certificate, again }
    }

    /// The server has a watch no longer.
    pub(super) fn let_go(&mut self, key: u64, now: Instant) {
        if let (Some(stream), Some(entry)) = (&mut self.stream, self.entries.get_mut(&key))
            && let Place::On(id) = entry.place
        {
            stream.ids.remove(&id);
            entry.homeless = now;
            entry.watch.queue.lost();
            entry.moves(Place::Asked, &mut self.counts);
        }
    }

    /// Has a watch wait before it is asked for again.
    pub(super) fn rest(&mut self, key: u64, now: Instant) {
        if let Some(entry) = self.entries.get_mut(&key) {
            let until = now + entry.pauses.pause();
            entry.moves(Place::Resting(until), &mut self.counts);
        }
    }
}

/// What may let a watch through that a server has ended.
fn remedy(end: &End, shown: Shown) -> Remedy {
    match end {
        End::Token(_) => Remedy::Token,
        End::Denied(_) => shown.denied(),
        _ => Remedy::Nothing,
    }
}
