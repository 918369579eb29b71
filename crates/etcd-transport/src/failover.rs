//! Which endpoint to ask next, when to ask a second one, and when to give up: a pure machine.
//!
//! It sees endpoints as places in an order and time as instants that it is told, so every path
//! through it can be tested by a table without a socket or a clock.

use std::time::{Duration, Instant};

use crate::backoff::Backoff;

/// How many attempts are under way at the same time.
pub const MOST_AT_ONCE: usize = 5;

/// The pauses between tries of all endpoints.
pub fn pauses(seed: u64) -> Backoff {
    Backoff::new(Duration::from_millis(50), Duration::from_secs(1), seed)
}

/// The limits of one call.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// When the call ends, whatever is under way.
    pub deadline: Instant,
    /// How long to wait before an endpoint that was asked is asked again; the first attempt goes
    /// on beside the new one, as an answer may only be slow.
    pub attempt: Duration,
    /// How long to wait before another endpoint is asked at the same time.
    pub hedge: Duration,
    /// How often all endpoints are tried.
    pub rounds: u32,
}

/// An attempt at an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flight {
    /// Differs from attempt to attempt.
    pub id: u64,
    /// The endpoint's place in the order.
    pub place: usize,
    /// When it began.
    pub began: Instant,
    /// When a part of its reply last came; when it began where none has.
    pub heard: Instant,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Start this attempt.
    Start(Flight),
    /// Stop this attempt: it has had its time, and another is to have its place.
    Abandon(Flight),
    /// Nothing, until an attempt ends or this instant comes.
    Wait(Instant),
    /// Fail the call.
    GiveUp(GiveUp),
}

/// Why no more attempts are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveUp {
    /// The call's time is over.
    Deadline,
    /// Every endpoint failed in every round.
    Exhausted,
}

/// The course of one call over its endpoints.
#[derive(Debug)]
pub struct Failover {
    endpoints: usize,
    limits: Limits,
    backoff: Backoff,
    round: u32,
    /// The place to ask next; past the last one, the round is over.
    next: usize,
    paused_until: Option<Instant>,
    /// Attempts under way, the oldest first.
    flights: Vec<Flight>,
    started: u64,
    /// A server answered that it cannot now: it is worth coming back until the deadline.
    unsettled: bool,
    /// Whether a silent endpoint may be raced against another.
    hedging: bool,
}

impl Failover {
    /// A call over so many endpoints, best first.
    pub fn new(endpoints: usize, limits: Limits, seed: u64) -> Self {
        Self {
            endpoints,
            limits,
            backoff: pauses(seed),
            round: 0,
            next: 0,
            paused_until: None,
            flights: Vec::with_capacity(1),
            started: 0,
            unsettled: false,
            hedging: true,
        }
    }

    /// What to do now; asked again after each thing done, and when a wait ends.
    pub fn step(&mut self, now: Instant) -> Step {
        if now >= self.limits.deadline {
            return Step::GiveUp(GiveUp::Deadline);
        }
        if self.next >= self.endpoints && !self.begin_round(now) {
            return Step::GiveUp(GiveUp::Exhausted);
        }
        match self.next_start(now) {
            Some(at) if at > now => Step::Wait(at.min(self.limits.deadline)),
            None => Step::Wait(self.limits.deadline),
            Some(_) if self.flights.len() == MOST_AT_ONCE => Step::Abandon(self.flights.remove(0)),
            Some(_) => Step::Start(self.start(now)),
        }
    }

    /// The first attempt was begun before there was a course, at the first endpoint.
    pub fn begun(&mut self, began: Instant) -> Flight {
        self.endpoints = self.endpoints.max(1);
        self.start(began)
    }

    /// An attempt ended without an answer that can be used.
    pub fn failed(&mut self, id: u64) {
        self.flights.retain(|flight| flight.id != id);
    }

    /// A part of an attempt's reply came: while more does, no other attempt is needed.
    pub fn heard(&mut self, id: u64, now: Instant) {
        for flight in self.flights.iter_mut().filter(|flight| flight.id == id) {
            flight.heard = now;
        }
    }

    /// A server answered that it cannot now; rounds go on until the deadline.
    pub fn unsettled(&mut self) {
        self.unsettled = true;
    }

    /// No endpoint is to be raced against a silent one any more: too many calls do.
    pub fn stop_hedging(&mut self) {
        self.hedging = false;
    }

    /// The attempts that are under way.
    pub fn flights(&self) -> &[Flight] {
        &self.flights
    }

    /// Begins another round over all endpoints, after a pause when nothing is under way; whether
    /// there is one.
    fn begin_round(&mut self, now: Instant) -> bool {
        if !self.flights.is_empty() {
            // The next round begins when the latest attempt has had its time.
            if now < self.latest().map_or(now, |began| began + self.limits.attempt) {
                return true;
            }
        } else if self.endpoints == 0 || (self.round + 1 >= self.limits.rounds && !self.unsettled) {
            return false;
        } else {
            self.paused_until = Some(now + self.backoff.pause());
        }
        self.round = self.round.saturating_add(1);
        self.next = 0;
        true
    }

    /// When the next attempt may start; nothing before the deadline where none may.
    fn next_start(&self, now: Instant) -> Option<Instant> {
        let Some(latest) = self.latest() else { return Some(self.paused_until.unwrap_or(now)) };
        let round_is_over = self.next >= self.endpoints;
        let patience =
            if round_is_over || !self.hedging { self.limits.attempt } else { self.limits.hedge };
        // With no room left, the oldest gives way once it has had its time.
        let room = match self.flights.first() {
            Some(oldest) if self.flights.len() == MOST_AT_ONCE => {
                oldest.began + self.limits.attempt
            }
            _ => now,
        };
        Some(room.max(latest + patience))
    }

    fn latest(&self) -> Option<Instant> {
        self.flights.iter().map(|flight| flight.heard).max()
    }

    fn start(&mut self, now: Instant) -> Flight {
        let flight = Flight { id: self.started, place: self.next, began: now, heard: now };
        self.started += 1;
        self.next += 1;
        self.paused_until = None;
        self.flights.push(flight);
        flight
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits(now: Instant) -> Limits {
        Limits {
            deadline: now + Duration::from_secs(5),
            attempt: Duration::from_millis(1500),
            hedge: Duration::from_millis(250),
            rounds: 2,
        }
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Starts the attempt that is due, and tells where.
    fn started(course: &mut Failover, now: Instant) -> Flight {
        match course.step(now) {
            Step::Start(flight) => flight,
            other => panic!("{other:?}, no start"),
        }
    }

    #[test]
    fn a_failure_moves_on_at_once() {
        let now = Instant::now();
        let mut course = Failover::new(2, limits(now), 1);
        let first = started(&mut course, now);
        assert_eq!(course.step(now), Step::Wait(now + ms(250)));
        course.failed(first.id);
        assert_eq!(started(&mut course, now + ms(1)).place, 1);
    }

    #[test]
    fn silence_brings_in_the_next_endpoint_and_no_more_than_five() {
        let now = Instant::now();
        let mut course = Failover::new(7, limits(now), 1);
        let first = started(&mut course, now);
        for place in 1..5 {
            assert_eq!(started(&mut course, now + ms(250 * place)).place, place as usize);
        }
        assert_eq!(course.step(now + ms(1250)), Step::Wait(now + ms(1500)));
        assert_eq!(course.step(now + ms(1500)), Step::Abandon(first));
        assert_eq!(started(&mut course, now + ms(1500)).place, 5);
    }

    #[test]
    fn a_lone_endpoint_that_is_slow_is_asked_again_beside() {
        let now = Instant::now();
        let limits = Limits { attempt: ms(900), ..limits(now) };
        let mut course = Failover::new(1, limits, 1);
        let first = started(&mut course, now);
        assert_eq!(course.step(now), Step::Wait(now + ms(900)));
        for again in 1..5 {
            assert_eq!(started(&mut course, now + ms(900 * again)).place, 0);
        }
        assert_eq!(course.step(now + ms(3700)), Step::Wait(now + ms(4500)));
        // The first could have answered for most of the call's time.
        assert_eq!(course.step(now + ms(4500)), Step::Abandon(first));
    }

    #[test]
    fn an_attempt_that_was_begun_before_is_the_first() {
        let now = Instant::now();
        let mut course = Failover::new(2, limits(now), 1);
        assert_eq!(course.begun(now - ms(240)).place, 0);
        assert_eq!(course.step(now), Step::Wait(now + ms(10)));
        assert_eq!(started(&mut course, now + ms(10)).place, 1);
    }

    #[test]
    fn a_reply_that_is_on_its_way_is_waited_for() {
        let now = Instant::now();
        let mut course = Failover::new(2, limits(now), 1);
        let first = started(&mut course, now);
        course.heard(first.id, now + ms(200));
        assert_eq!(course.step(now + ms(250)), Step::Wait(now + ms(450)));
        course.heard(first.id, now + ms(400));
        assert_eq!(course.step(now + ms(450)), Step::Wait(now + ms(650)));
        assert_eq!(started(&mut course, now + ms(650)).place, 1);
    }

    #[test]
    fn without_hedging_silence_lasts_longer() {
        let now = Instant::now();
        let mut course = Failover::new(2, limits(now), 1);
        started(&mut course, now);
        course.stop_hedging();
        assert_eq!(course.step(now + ms(250)), Step::Wait(now + ms(1500)));
        assert_eq!(started(&mut course, now + ms(1500)).place, 1);
    }

    #[test]
    fn a_silent_endpoint_does_not_hold_up_one_after_a_refusal() {
        let now = Instant::now();
        let mut course = Failover::new(3, limits(now), 1);
        started(&mut course, now);
        let second = started(&mut course, now + ms(250));
        course.failed(second.id);
        assert_eq!(started(&mut course, now + ms(251)).place, 2);
    }

    #[test]
    fn rounds_end_with_pauses_between_them() {
        let now = Instant::now();
        let mut course = Failover::new(1, limits(now), 1);
        let first = started(&mut course, now);
        course.failed(first.id);
        let Step::Wait(until) = course.step(now) else { panic!("no pause") };
        assert!(until > now + ms(24) && until <= now + ms(50));
        let second = started(&mut course, until);
        course.failed(second.id);
        assert_eq!(course.step(until), Step::GiveUp(GiveUp::Exhausted));
    }

    #[test]
    fn what_cannot_now_is_asked_until_the_deadline() {
        let now = Instant::now();
        let mut course = Failover::new(1, limits(now), 1);
        course.unsettled();
        let (mut at, mut attempts) = (now, 0);
        let why = loop {
            match course.step(at) {
                Step::Start(flight) => {
                    attempts += 1;
                    course.failed(flight.id);
                }
                Step::Wait(until) => at = until,
                Step::GiveUp(why) => break why,
                Step::Abandon(_) => panic!("nothing is silent"),
            }
        };
        assert_eq!(why, GiveUp::Deadline);
        assert!((8..20).contains(&attempts), "{attempts}");
    }

    #[test]
    fn the_deadline_ends_everything() {
        let now = Instant::now();
        let mut course = Failover::new(3, limits(now), 1);
        started(&mut course, now);
        assert_eq!(course.step(now + ms(5000)), Step::GiveUp(GiveUp::Deadline));
        assert_eq!(Failover::new(0, limits(now), 1).step(now), Step::GiveUp(GiveUp::Exhausted));
    }

    proptest! {
        /// Whatever fails or stays silent: it ends by the deadline, never waits in the past, and
        /// has no more under way than it may.
        #[test]
        fn every_course_ends(
            endpoints in 0usize..6,
            fails in proptest::collection::vec(any::<Option<u8>>(), 0..200),
            hedging: bool,
            seed: u64,
        ) {
            let began = Instant::now();
            let mut now = began;
            let mut course = Failover::new(endpoints, limits(began), seed);
            if !hedging {
                course.stop_hedging();
            }
            let mut fails = fails.into_iter();
            for _ in 0..1000 {
                match course.step(now) {
                    Step::Start(flight) => {
                        prop_assert!(flight.place < endpoints);
                        prop_assert!(course.flights().len() <= MOST_AT_ONCE);
                    }
                    Step::Abandon(flight) => {
                        prop_assert!(now >= flight.began + ms(1500));
                        prop_assert!(!course.flights().contains(&flight));
                    }
                    Step::Wait(until) => {
                        prop_assert!(until > now && until <= began + ms(5000));
                        match (fails.next().flatten(), course.flights().first()) {
                            (Some(_), Some(flight)) => course.failed(flight.id),
                            _ => now = until,
                        }
                    }
                    Step::GiveUp(_) => return Ok(()),
                }
            }
            prop_assert!(false, "it never ends");
        }
    }
}
