//! Calls that may be repeated: reads, and what a repeat does no harm to.

use std::sync::Arc;
use std::time::Instant;

use etcd_proto::call::{HttpVersion, Outgoing, Replay};

use super::attempt::{Failed, Landed};
use super::course::{Begun, Course, Work};
use super::question::{Asked, Ended, Passing};
use super::{Channel, Shared};
use crate::config::CallOptions;
use crate::conn::Peer;
use crate::error::{Cause, Kind, Phase};
use crate::progress::Progress;
use crate::wait::{FOREVER, before};

/// What became of an attempt that was made before there was a course for it.
pub(super) enum First<'a> {
    /// There was none.
    None,
    /// It has not ended yet.
    UnderWay(Begun<'a, Landed>),
    /// An endpoint was asked, and it or the one that it pointed at failed.
    Failed(Arc<Peer>, Failed),
    /// The answer, which the question heard, may be another elsewhere or later.
    Refused(Arc<Peer>, Instant, Passing),
}

impl Channel {
    /// A call at the best endpoint where that answered of late: most calls end here, and need no
    /// course.
    pub(super) async fn read_at_once(
        &self,
        question: Asked<'_>,
        outgoing: Outgoing,
        began: Instant,
        deadline: Instant,
        options: &CallOptions,
    ) -> Ended {
        let http = question.http();
        let Some(peer) = self.shared.reached_now(http, began) else {
            return Box::pin(self.read(question, outgoing, deadline, First::None)).await;
        };
        let progress = Progress::default();
        let mut work = self.begin(http, &peer, outgoing, progress.clone(), began);
        let patience = (began + self.shared.config.hedge.min(FOREVER)).min(deadline);
        let first = match before(patience, &mut work).await {
            None => First::UnderWay(Begun { peer, began, progress, work }),
            Some(Err(failed)) if matches!(failed.cause, Cause::TooLarge(_)) => {
                return Err(self.broke(failed, question.replay()));
            }
            Some(Err(failed)) => First::Failed(peer, failed),
            Some(Ok(landed)) => match self.hear(question, &landed.peer, landed.incoming)?.passing {
                None => return Ok(()),
                Some(passing) => First::Refused(landed.peer, landed.began, passing),
            },
        };
        let again = self.prepare(question, options)?;
        Box::pin(self.read(question, again, deadline, first)).await
    }

    /// A call that is raced over the endpoints until one gives an answer that stands.
    pub(super) async fn read(
        &self,
        question: Asked<'_>,
        outgoing: Outgoing,
        deadline: Instant,
        first: First<'_>,
    ) -> Ended {
        let mut course = self.course(deadline, Phase::Sent);
        let ended = self.until_one_stands(question, &outgoing, &mut course, first).await;
        if !course.is_open() || question.replay() == Replay::Safe {
            return ended;
        }
        question.left_open();
        ended.map_err(|error| error.left_open())
    }

    /// The reply that stands, or the last refusal where everybody refused.
    async fn until_one_stands<'a>(
        &'a self,
        question: Asked<'_>,
        outgoing: &Outgoing,
        course: &mut Course<'a>,
        first: First<'a>,
    ) -> Ended {
        let http = question.http();
        let (mut refused, mut begun) = (false, None);
        match first {
            First::None => {}
            First::UnderWay(under_way) => begun = Some(under_way),
            // Over HTTP/1.1 it was tried on a new connection already, where that could help.
            First::Failed(asked, failed) if http == HttpVersion::Http1 => {
                course.first_failed(asked, failed);
            }
            First::Failed(_, failed) => course.missed(failed),
            First::Refused(peer, began, passing) => {
                course.refused(&peer, passing, began);
                refused = true;
            }
        }
        loop {
            let landed = match course.carry(begun.take(), http, outgoing).await {
                Ok(landed) => landed,
                Err(error) if *error.kind() == Kind::TooLarge => {
                    return Err(error.succeeded(question.replay()));
                }
                // Nobody had more to say than this.
                Err(_) if refused => return Ok(()),
                Err(error) => return Err(error),
            };
            course.repeated(landed.repeated);
            let heard = self.hear(question, &landed.peer, landed.incoming)?;
            let Some(passing) = heard.passing else { return Ok(()) };
            course.refused(&landed.peer, passing, landed.began);
            refused = true;
        }
    }

    /// An attempt that a course can go on with.
    fn begin(
        &self,
        version: HttpVersion,
        peer: &Arc<Peer>,
        outgoing: Outgoing,
        progress: Progress,
        began: Instant,
    ) -> Work<'_, Landed> {
        let (shared, peer) = (&*self.shared, Arc::clone(peer));
        match version {
            HttpVersion::Http1 => {
                Box::pin(async move { shared.exchange(peer, &outgoing, &progress).await })
            }
            HttpVersion::Http2 => Box::pin(shared.unary(peer, outgoing, progress, began)),
        }
    }
}

impl Shared {
    /// One attempt of a call that may be repeated.
    pub(super) async fn carry(
        &self,
        version: HttpVersion,
        peer: Arc<Peer>,
        outgoing: &Outgoing,
        progress: Progress,
    ) -> Result<Landed, Failed> {
        match version {
            HttpVersion::Http1 => self.exchange(peer, outgoing, &progress).await,
            HttpVersion::Http2 => {
                self.unary(peer, outgoing.clone(), progress, Instant::now()).await
            }
        }
    }
}
