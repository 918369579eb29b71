//! The loop of one call over its endpoints: does what the failover machine says.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Instant;

use etcd_proto::call::{HttpVersion, Outcome, Outgoing, Remedy};

use super::Shared;
use super::attempt::{Failed, Landed};
use super::question::Passing;
use crate::config::Lane;
use crate::conn::Peer;
use crate::error::{Attempt, Cause, Error, Kind, Phase};
use crate::failover::{Failover, Flight, GiveUp, Limits, MOST_AT_ONCE, Step};
use crate::progress::Progress;
use crate::wait::{FOREVER, before};

/// How many attempts an error remembers.
const MOST_REMEMBERED: usize = 16;

/// One call's way over the endpoints.
pub(super) struct Course<'a> {
    shared: &'a Shared,
    peers: Vec<Arc<Peer>>,
    failover: Failover,
    attempts: Vec<Attempt>,
    /// How far an attempt got of which nothing is heard.
    silence: Phase,
    /// Some server may have processed the request.
    open: bool,
}

/// What an attempt does.
pub(super) type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failed>> + Send + 'a>>;

/// What comes of a race. Boxed where it begins, it is compiled once for all kinds of calls.
pub(super) type Race<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// An attempt under way.
struct Flying<'a, T> {
    flight: Flight,
    progress: Progress,
    work: Work<'a, T>,
}

/// An attempt that was begun before there was a course for it.
pub(super) struct Begun<'a, T> {
    pub(super) peer: Arc<Peer>,
    pub(super) began: Instant,
    pub(super) progress: Progress,
    pub(super) work: Work<'a, T>,
}

/// What a wait came to.
enum Next<T> {
    Ended(Flight, Result<T, Failed>),
    /// A part of its reply came.
    Heard(Flight),
    Time,
}

impl<'a> Course<'a> {
    pub(super) fn new(shared: &'a Shared, deadline: Instant, silence: Phase) -> Self {
        let config = &shared.config;
        let now = Instant::now();
        // So many attempts may be under way that one which is only slow has all of a call's time.
        let share = deadline.saturating_duration_since(now) / MOST_AT_ONCE as u32;
        let limits = Limits {
            deadline,
            attempt: config.attempt.max(share).min(FOREVER),
            hedge: config.hedge.min(FOREVER),
            rounds: config.rounds,
        };
        let (peers, may_hedge) = {
            let endpoints = shared.endpoints();
            let peers: Vec<_> = endpoints.order(now).into_iter().cloned().collect();
            (peers, endpoints.may_hedge())
        };
        let mut failover = Failover::new(peers.len(), limits, shared.seed());
        if !may_hedge {
            failover.stop_hedging();
        }
        Self { shared, peers, failover, attempts: Vec::new(), silence, open: false }
    }

    /// Carries a request until it brings a reply.
    pub(super) fn carry<'w>(
        &'w mut self,
        begun: Option<Begun<'w, Landed>>,
        version: HttpVersion,
        outgoing: &'w Outgoing,
    ) -> Race<'w, Landed> {
        let shared = self.shared;
        let carry = move |peer, progress| shared.carry(version, peer, outgoing, progress);
        Box::pin(self.go_on(begun, carry))
    }

    /// Looks for an endpoint that is there and has a connection.
    pub(super) fn reach(&mut self, lane: Lane) -> Race<'_, Arc<Peer>> {
        let shared = self.shared;
        Box::pin(self.race(move |peer, _| shared.reach(peer, lane)))
    }

    /// Runs attempts until one succeeds. The others are dropped then, and those that were given
    /// their time and stayed silent are remembered as slow.
    pub(super) async fn race<'w, T, F>(
        &mut self,
        start: impl Fn(Arc<Peer>, Progress) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Failed>> + Send + 'w,
    {
        self.go_on(None, start).await
    }

    /// Like [`race`](Self::race), with an attempt that was begun before.
    async fn go_on<'w, T, F>(
        &mut self,
        begun: Option<Begun<'w, T>>,
        start: impl Fn(Arc<Peer>, Progress) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Failed>> + Send + 'w,
    {
        let mut flights: Vec<Flying<'w, T>> = Vec::with_capacity(1);
        flights.extend(begun.map(|begun| self.adopt(begun)));
        loop {
            match self.failover.step(Instant::now()) {
                Step::Start(flight) => {
                    self.shared.counted.attempts.fetch_add(1, Ordering::Relaxed);
                    if !flights.is_empty() {
                        self.shared.endpoints().hedged();
                    }
                    let (peer, progress) =
                        (Arc::clone(&self.peers[flight.place]), Progress::default());
                    let work = Box::pin(start(peer, progress.clone()));
                    flights.push(Flying { flight, progress, work });
                }
                Step::Abandon(flight) => {
                    flights.retain(|flying| flying.flight.id != flight.id);
                    self.silent(flight);
                }
                Step::Wait(until) => match next(&mut flights, until).await {
                    Next::Ended(flight, Ok(won)) => {
                        self.landed(flight);
                        return Ok(won);
                    }
                    Next::Ended(flight, Err(failed)) => {
                        // Another server would have the same to say, and as much of it.
                        let too_large = matches!(failed.cause, Cause::TooLarge(_));
                        self.failed(flight, failed);
                        if too_large {
                            return Err(self.error(Kind::TooLarge, Outcome::NotApplied));
                        }
                    }
                    Next::Heard(flight) => self.failover.heard(flight.id, Instant::now()),
                    Next::Time => {}
                },
                Step::GiveUp(why) => return Err(self.give_up(why)),
            }
        }
    }

    /// Has an attempt that is under way be the first of this course.
    fn adopt<'w, T>(&mut self, begun: Begun<'w, T>) -> Flying<'w, T> {
        let Begun { peer, began, progress, work } = begun;
        Flying { flight: self.first(peer, began), progress, work }
    }

    fn first(&mut self, peer: Arc<Peer>, began: Instant) -> Flight {
        self.peers.retain(|other| !Arc::ptr_eq(other, &peer));
        self.peers.insert(0, peer);
        self.failover.begun(began)
    }

    /// Counts an attempt at an endpoint that failed before there was a course as the first of it.
    pub(super) fn first_failed(&mut self, asked: Arc<Peer>, failed: Failed) {
        let flight = self.first(asked, failed.began);
        self.failed(flight, failed);
    }

    /// An endpoint gave an answer that another, or the same one later, may not give.
    pub(super) fn refused(&mut self, peer: &Peer, refusal: Passing, began: Instant) {
        if refusal.remedy == Remedy::Later {
            self.failover.unsettled();
        }
        self.open |= refusal.outcome != Outcome::NotApplied;
        let cause = Cause::Refused(refusal.said);
        self.remember(peer.attempt(Phase::ReplyStarted, cause, began));
    }

    /// The request may have been processed by an attempt that is not counted as one.
    pub(super) fn repeated(&mut self, repeated: bool) {
        self.open |= repeated;
    }

    /// Counts an attempt that was made outside of a race.
    pub(super) fn missed(&mut self, failed: Failed) {
        self.note(failed);
    }

    /// How many endpoints there are to ask.
    pub(super) fn endpoints(&self) -> usize {
        self.peers.len()
    }

    /// Whether an attempt so far may have been processed.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// What the call failed with, when nothing more is to be tried.
    pub(super) fn error(&mut self, kind: Kind, outcome: Outcome) -> Error {
        Error::new(kind, outcome, self.made())
    }

    /// The attempts made so far, which nobody is to be told twice.
    pub(super) fn made(&mut self) -> Vec<Attempt> {
        std::mem::take(&mut self.attempts)
    }

    fn failed(&mut self, flight: Flight, failed: Failed) {
        self.failover.failed(flight.id);
        self.note(failed);
    }

    fn note(&mut self, Failed { peer, phase, cause, began }: Failed) {
        if matches!(cause, Cause::LeaderGone(_)) {
            self.failover.unsettled();
        }
        self.open |= phase > Phase::Connect;
        self.shared.failed(&peer, &cause.to_string(), Instant::now());
        self.remember(peer.attempt(phase, cause, began));
    }

    fn silent(&mut self, flight: Flight) {
        let (peer, began) = (Arc::clone(&self.peers[flight.place]), flight.began);
        self.note(Failed { peer, phase: self.silence, cause: Cause::Silence, began });
    }

    /// One landed: the others are no longer under way.
    fn landed(&mut self, winner: Flight) {
        let now = Instant::now();
        self.failover.failed(winner.id);
        for flight in self.failover.flights().to_vec() {
            self.failover.failed(flight.id);
            self.open |= self.silence > Phase::Connect;
            let had_its_time = now.duration_since(flight.began) >= self.shared.config.hedge;
            if had_its_time && flight.place != winner.place {
                self.shared.failed(&self.peers[flight.place], "slower than another", now);
            }
        }
    }

    fn give_up(&mut self, why: GiveUp) -> Error {
        let flights = self.failover.flights().to_vec();
        for &flight in &flights {
            self.silent(flight);
        }
        let last = self.attempts.last().map(|last| last.cause.kind(last.phase));
        let kind = match why {
            GiveUp::Deadline if !flights.is_empty() => Kind::Timeout,
            _ => last.unwrap_or(Kind::Unreachable),
        };
        self.error(kind, Outcome::NotApplied)
    }

    fn remember(&mut self, attempt: Attempt) {
        if self.attempts.len() == MOST_REMEMBERED {
            self.attempts.remove(0);
        }
        self.attempts.push(attempt);
    }
}

/// The next attempt to end or to be heard of, unless the time comes first.
async fn next<T>(flights: &mut Vec<Flying<'_, T>>, time: Instant) -> Next<T> {
    let landed = poll_fn(|cx| {
        for at in 0..flights.len() {
            if let Poll::Ready(result) = flights[at].work.as_mut().poll(cx) {
                let Flying { flight, .. } = flights.swap_remove(at);
                return Poll::Ready(Next::Ended(flight, result));
            }
            if flights[at].progress.is_made() {
                return Poll::Ready(Next::Heard(flights[at].flight));
            }
        }
        Poll::Pending
    });
    before(time, landed).await.unwrap_or(Next::Time)
}
