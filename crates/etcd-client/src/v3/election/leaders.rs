//! The leaders of an election, one after another.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use etcd_proto::call::Outcome;
use etcd_proto::ids::{ClusterId, Revision};
use etcd_proto::key::KeyRange;
use etcd_proto::v3::KeyValue;
use futures_core::Stream;

use super::course::{Course, latest};
use crate::error::{Error, ErrorKind};
use crate::v3::Client;
use crate::v3::lock::{Changes, Line, is_compacted};
use crate::v3::pauses::Pauses;

/// A stream of leaders; see [`Election::observe`](super::Election::observe).
///
/// The first item is whoever leads when it begins, if anybody does. It outlives whatever servers
/// and connections do, and never tells of an earlier leader after a later one. An error is the last
/// item: the user may not read the keys, or another cluster answers.
///
/// Leaders are read when they are asked for: whoever asks late hears of the present one. Dropping
/// it ends the watch at the server.
pub struct Leaders {
    at: At,
}

type Advancing = Pin<Box<dyn Future<Output = (Box<Observer>, Result<KeyValue, Error>)> + Send>>;

enum At {
    Rest(Box<Observer>),
    Work(Advancing),
    End,
}

impl fmt::Debug for Leaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaders").finish_non_exhaustive()
    }
}

impl Leaders {
    pub(super) fn new(client: Client, line: Line) -> Self {
        let pauses = Pauses::new();
        let observer = Observer { client, line, course: Course::default(), pauses, follows: None };
        Self { at: At::Rest(Box::new(observer)) }
    }

    /// The next leader, or what the present one proclaims next; nothing after an error.
    /// Cancelling it loses nothing.
    ///
    /// # Errors
    ///
    /// Why it ended; nothing follows it.
    pub async fn next(&mut self) -> Option<Result<KeyValue, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Leaders {
    type Item = Result<KeyValue, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match std::mem::replace(&mut self.at, At::End) {
                At::Rest(observer) => self.at = At::Work(Box::pin(observer.advance())),
                At::Work(mut work) => match work.as_mut().poll(cx) {
                    Poll::Pending => {
                        self.at = At::Work(work);
                        return Poll::Pending;
                    }
                    Poll::Ready((observer, item)) => {
                        if item.is_ok() {
                            self.at = At::Rest(observer);
                        }
                        return Poll::Ready(Some(item));
                    }
                },
                At::End => return Poll::Ready(None),
            }
        }
    }
}

/// An election at one revision.
pub(super) struct Standing {
    pub(super) leader: Option<KeyValue>,
    cluster: Option<ClusterId>,
    seen: Revision,
}

/// Reads who leads, linearizably.
pub(super) async fn read(client: &Client, line: &Line) -> Result<Standing, Error> {
    let mut request = line.oldest();
    request.keys_only = false;
    let mut first = None;
    loop {
        let reply = client.kv().range(request.clone()).await?;
        let (seen, cluster) = *first
            .get_or_insert_with(|| (reply.revision(), reply.header.map(|header| header.cluster())));
        let leader = line.first(&reply.kvs).cloned();
        match reply.kvs.last() {
            // All that were read are keys of other names below this one.
            Some(last) if reply.more && leader.is_none() => {
                request = request.revision(seen).min_create_revision(last.create_revision + 1);
            }
            _ => return Ok(Standing { leader, cluster, seen }),
        }
    }
}

struct Observer {
    client: Client,
    line: Line,
    course: Course,
    pauses: Pauses,
    /// What the next thing to happen is to be seen in.
    follows: Option<Follows>,
}

struct Follows {
    changes: Changes,
    /// The leader whose key is watched; nothing when it is the whole line, for who comes.
    leader: Option<KeyValue>,
}

impl Observer {
    async fn advance(mut self: Box<Self>) -> (Box<Self>, Result<KeyValue, Error>) {
        loop {
            match self.next().await {
                Ok(Some(leader)) => {
                    self.pauses.reset();
                    return (self, Ok(leader));
                }
                Ok(None) => {}
                Err(error) => {
                    self.follows = None;
                    if !is_compacted(&error) && !error.is_transient() {
                        return (self, Err(error));
                    }
                    tracing::debug!(%error, "an election is read again");
                    self.pauses.pause().await;
                }
            }
        }
    }

    /// Goes on by one step; a leader that is to be told.
    async fn next(&mut self) -> Result<Option<KeyValue>, Error> {
        let Some(follows) = &mut self.follows else { return self.look().await };
        let events = follows.changes.next().await?;
        let Some(leader) = &follows.leader else {
            // Somebody came.
            self.follows = None;
            return Ok(None);
        };
        let (last, ended) = latest(events, leader);
        if ended {
            self.follows = None;
        }
        Ok(last.filter(|_| !ended).filter(|last| self.course.is_news(last)))
    }

    /// Reads who leads, and watches for what comes next.
    async fn look(&mut self) -> Result<Option<KeyValue>, Error> {
        let Standing { leader, cluster, seen } = read(&self.client, &self.line).await?;
        if cluster.is_some_and(|cluster| !self.course.is_same(cluster)) {
            let message = "members of another cluster answer now";
            return Err(Error::new(ErrorKind::AnotherHistory, Outcome::NotApplied, message));
        }
        let range = match &leader {
            Some(leader) => KeyRange::one(&leader.key),
            None => KeyRange::prefix(self.line.prefix()),
        };
        let changes = Changes::from(&self.client, range, Revision(seen.0 + 1));
        self.follows = Some(Follows { changes, leader: leader.clone() });
        Ok(leader.filter(|leader| self.course.is_news(leader)))
    }
}
