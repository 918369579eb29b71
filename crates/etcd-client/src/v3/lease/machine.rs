//! Which lease to renew next, and when a stream is of no use any more: pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use etcd_proto::ids::LeaseId;

use crate::keeper::{Action, Keeper};
use crate::moment::Moment;

/// How long an answer may take at least and at most before the stream is given up. A member that
/// has lost its leader answers none of the renewals on a stream until it has another.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(3));

/// The leases that are renewed on one stream.
#[derive(Debug, Default)]
pub(super) struct Machine {
    leases: BTreeMap<LeaseId, Lease>,
    /// Each lease once, by when something is to be done about it.
    agenda: BTreeSet<(Moment, LeaseId)>,
    /// How many answers are to come on the present stream for leases that were forgotten after
    /// they were asked for. One that is kept anew must not take them for its own.
    stale: BTreeMap<LeaseId, u32>,
}

#[derive(Debug)]
struct Lease {
    keeper: Keeper<Moment>,
    ttl: Duration,
    /// When its renewal was sent on the present stream, while there is no answer.
    asked: Option<Moment>,
    /// Its place in the agenda.
    next: Moment,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask for the renewal of this one.
    Renew(LeaseId),
    /// This one was not renewed in time, and is forgotten.
    Late(LeaseId),
    /// An answer is overdue: have another stream.
    Move,
    /// Nothing until then.
    Wait(Moment),
    /// Nothing: no lease is kept.
    Rest,
}

/// What an answer says of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It surely lives until `surely`, and the server may end it at `end`.
    Renewed { surely: Moment, end: Moment },
    /// There is no such lease any more; it is forgotten.
    Gone,
    /// Nobody asked.
    Stray,
}

impl Machine {
    /// Keeps a lease that was made or renewed by a request sent at `sent`; until when it surely
    /// lives, and when the server may end it.
    pub(super) fn keep(&mut self, id: LeaseId, ttl: Duration, sent: Moment) -> (Moment, Moment) {
        let made = Lease { keeper: Keeper::new(ttl, sent), ttl, asked: None, next: sent };
        self.leases.entry(id).or_insert(made);
        self.plan(id, |lease| lease.renewed(ttl, sent))
            .map_or((sent, sent), |keeper| (keeper.deadline(), keeper.end()))
    }

    /// Keeps a lease no longer.
    pub(super) fn forget(&mut self, id: LeaseId) {
        let Some(lease) = self.leases.remove(&id) else { return };
        self.agenda.remove(&(lease.next, id));
        if lease.asked.is_some() {
            *self.stale.entry(id).or_default() += 1;
        }
    }

    pub(super) fn step(&mut self, now: Moment) -> Step {
        let Some(&(next, id)) = self.agenda.first() else { return Step::Rest };
        let Some(lease) = self.leases.get(&id) else { return Step::Rest };
        if now < next {
            return Step::Wait(next);
        }
        match lease.keeper.action(now) {
            Action::Lost => {
                self.forget(id);
                Step::Late(id)
            }
            _ if lease.asked.is_some() => Step::Move,
            _ => Step::Renew(id),
        }
    }

    /// The renewal of a lease is being sent.
    pub(super) fn asked(&mut self, id: LeaseId, now: Moment) {
        if self.plan(id, |lease| lease.asked = Some(now)).is_none() {
            // It was forgotten meanwhile.
            *self.stale.entry(id).or_default() += 1;
        }
    }

    /// A server answered that a lease has this time to live; none when it is gone.
    pub(super) fn answered(&mut self, id: LeaseId, ttl: Option<Duration>) -> Answer {
        if self.was_stale(id) {
            return Answer::Stray;
        }
        let Some(sent) = self.leases.get_mut(&id).and_then(|lease| lease.asked.take()) else {
            return Answer::Stray;
        };
        let Some(ttl) = ttl else {
            self.forget(id);
            return Answer::Gone;
        };
        match self.plan(id, |lease| lease.renewed(ttl, sent)) {
            Some(keeper) => Answer::Renewed { surely: keeper.deadline(), end: keeper.end() },
            None => Answer::Stray,
        }
    }

    /// Takes an answer off those that are to come for nothing; whether it was one. A server
    /// answers in the order of the requests.
    fn was_stale(&mut self, id: LeaseId) -> bool {
        let Some(left) = self.stale.get_mut(&id) else { return false };
        *left -= 1;
        if *left == 0 {
            self.stale.remove(&id);
        }
        true
    }

    /// The stream is no more: what was asked on it gets no answer, and is due again.
    pub(super) fn broken(&mut self) {
        self.stale.clear();
        let asked = self.leases.iter().filter(|(_, lease)| lease.asked.is_some());
        for id in asked.map(|(&id, _)| id).collect::<Vec<_>>() {
            self.plan(id, |lease| lease.asked = None);
        }
    }

    /// Changes a lease, and gives it the place in the agenda that it has then.
    fn plan(&mut self, id: LeaseId, change: impl FnOnce(&mut Lease)) -> Option<Keeper<Moment>> {
        let lease = self.leases.get_mut(&id)?;
        self.agenda.remove(&(lease.next, id));
        change(lease);
        lease.next = lease.look_at();
        self.agenda.insert((lease.next, id));
        Some(lease.keeper)
    }
}

impl Lease {
    fn renewed(&mut self, ttl: Duration, sent: Moment) {
        self.ttl = ttl;
        self.keeper.renewed_for(ttl, sent);
    }

    /// When something is to be done about it.
    fn look_at(&self) -> Moment {
        let next = match self.asked {
            Some(asked) => asked + (self.ttl / 6).clamp(PATIENCE.0, PATIENCE.1),
            None => self.keeper.due(),
        };
        next.min(self.keeper.deadline())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: LeaseId = LeaseId(1);
    const B: LeaseId = LeaseId(2);

    fn at(millis: u64) -> Moment {
        Moment::at(Duration::from_millis(millis))
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn of_six_seconds() -> Machine {
        let mut machine = Machine::default();
        assert_eq!(machine.keep(A, ms(6000), at(0)), (at(5400), at(6000)));
        machine
    }

    #[test]
    fn a_lease_is_renewed_at_a_third_of_its_time() {
        let mut machine = of_six_seconds();
        assert_eq!(machine.step(at(0)), Step::Wait(at(2000)));
        assert_eq!(machine.step(at(2000)), Step::Renew(A));
        machine.asked(A, at(2000));
        assert_eq!(machine.step(at(2100)), Step::Wait(at(3000)));
        let answer = machine.answered(A, Some(ms(6000)));
        assert_eq!(answer, Answer::Renewed { surely: at(7400), end: at(8000) });
        assert_eq!(machine.step(at(2900)), Step::Wait(at(4000)));
    }

    #[test]
    fn it_counts_the_time_that_the_server_gave() {
        let mut machine = of_six_seconds();
        machine.asked(A, at(2000));
        let answer = machine.answered(A, Some(ms(60_000)));
        assert_eq!(answer, Answer::Renewed { surely: at(56_000), end: at(62_000) });
        assert_eq!(machine.step(at(2000)), Step::Wait(at(22_000)));
    }

    #[test]
    fn an_answer_that_is_overdue_moves_the_stream_and_all_that_was_asked_on_it() {
        let mut machine = of_six_seconds();
        machine.keep(B, ms(6000), at(100));
        machine.asked(A, at(2000));
        machine.asked(B, at(2100));
        assert_eq!(machine.step(at(3000)), Step::Move);
        machine.broken();
        assert_eq!(machine.step(at(3000)), Step::Renew(A));
        machine.asked(A, at(3000));
        assert_eq!(machine.step(at(3000)), Step::Renew(B));
        machine.asked(B, at(3000));
        // Nothing of the old stream is taken for an answer to these: it is not read any more.
        assert_eq!(machine.step(at(3000)), Step::Wait(at(4000)));
    }

    #[test]
    fn who_is_not_renewed_in_time_is_forgotten() {
        let mut machine = of_six_seconds();
        machine.asked(A, at(5000));
        assert_eq!(machine.step(at(5300)), Step::Wait(at(5400)));
        assert_eq!(machine.step(at(5400)), Step::Late(A));
        assert_eq!(machine.step(at(5400)), Step::Rest);
        assert_eq!(machine.answered(A, Some(ms(6000))), Answer::Stray);
    }

    #[test]
    fn a_lease_that_is_gone_is_forgotten_on_any_answer() {
        let mut machine = of_six_seconds();
        for renewal in 1..4 {
            machine.asked(A, at(2000 * renewal));
            machine.answered(A, Some(ms(6000)));
        }
        machine.asked(A, at(8000));
        assert_eq!(machine.answered(A, None), Answer::Gone);
        assert_eq!(machine.step(at(8000)), Step::Rest);
    }

    #[test]
    fn a_lease_that_is_kept_anew_does_not_take_an_old_answer_for_its_own() {
        let mut machine = of_six_seconds();
        machine.asked(A, at(2000));
        machine.forget(A);
        machine.keep(A, ms(6000), at(2100));
        machine.asked(A, at(4100));
        assert_eq!(machine.answered(A, Some(ms(6000))), Answer::Stray);
        let answer = machine.answered(A, Some(ms(6000)));
        assert_eq!(answer, Answer::Renewed { surely: at(9500), end: at(10_100) });
        // Kept by a second handle, it goes on waiting for its answer.
        machine.asked(A, at(6100));
        assert_eq!(machine.keep(A, ms(6000), at(6200)), (at(11_600), at(12_200)));
        let answer = machine.answered(A, Some(ms(6000)));
        assert_eq!(answer, Answer::Renewed { surely: at(11_600), end: at(12_200) });
    }

    #[test]
    fn what_nobody_asked_is_no_answer() {
        let mut machine = of_six_seconds();
        assert_eq!(machine.answered(A, None), Answer::Stray);
        assert_eq!(machine.answered(B, Some(ms(1))), Answer::Stray);
        assert_eq!(machine.step(at(2)), Step::Wait(at(2000)));
        // Asked for when it was just forgotten, and then kept anew.
        machine.asked(B, at(1));
        machine.keep(B, ms(3000), at(2));
        machine.asked(B, at(1002));
        assert_eq!(machine.answered(B, None), Answer::Stray);
        assert_eq!(machine.answered(B, None), Answer::Gone);
    }

    proptest! {
        /// Whatever servers do, and however streams break: no lease is thought alive past the time
        /// that a server gave it, counted from when it was asked; each is looked at before its
        /// deadline; and the agenda has each lease once.
        #[test]
        fn no_lease_is_thought_alive_too_long(
            ttls in proptest::collection::vec(1u64..20, 1..6),
            steps in proptest::collection::vec((0u64..900, 0u8..10), 0..200),
        ) {
            let (mut machine, mut now) = (Machine::default(), 0);
            // When the server ends each, and what is under way to it: the moment it was sent.
            let mut server = BTreeMap::new();
            for (id, ttl) in ttls.iter().enumerate() {
                let id = LeaseId(id as i64);
                let (surely, end) = machine.keep(id, ms(ttl * 1000), at(0));
                server.insert(id, (ttl * 1000, ttl * 1000, surely));
                prop_assert!(surely < end);
            }
            let mut under_way = Vec::new();
            for (passed, what) in steps {
                now += passed;
                match machine.step(at(now)) {
                    Step::Renew(id) => {
                        machine.asked(id, at(now));
                        under_way.push((id, now));
                    }
                    Step::Late(id) => {
                        let (.., surely) = server[&id];
                        prop_assert!(at(now) >= surely);
                        server.remove(&id);
                    }
                    Step::Move => {
                        machine.broken();
                        under_way.clear();
                    }
                    Step::Wait(until) => {
                        prop_assert!(until > at(now));
                        let earliest = server.values().map(|lease| lease.2).min();
                        prop_assert!(earliest.is_none_or(|earliest| until <= earliest));
                    }
                    Step::Rest => prop_assert!(server.is_empty()),
                }
                if what < 6 && !under_way.is_empty() {
                    let (id, sent) = under_way.remove(0);
                    let Some(lease) = server.get_mut(&id) else { continue };
                    // The server may have renewed it the moment it was asked.
                    let lives = sent < lease.1;
                    match machine.answered(id, lives.then(|| ms(lease.0))) {
                        Answer::Renewed { surely, end } => {
                            lease.1 = sent + lease.0;
                            prop_assert!(surely < at(lease.1) && end == at(lease.1));
                            lease.2 = surely;
                        }
                        Answer::Gone => {
                            prop_assert!(!lives);
                            server.remove(&id);
                        }
                        Answer::Stray => prop_assert!(false, "it was asked"),
                    }
                } else if what == 9 {
                    machine.broken();
                    under_way.clear();
                }
                prop_assert_eq!(machine.agenda.len(), machine.leases.len());
            }
        }
    }
}
