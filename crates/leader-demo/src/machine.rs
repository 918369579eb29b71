//! What a candidate does next: pure decisions, stepped with an input and the time.
//!
//! Safety rests on two things. Every write is a compare-and-swap on the whole text of the vote, so
//! a confirmed vote leaves the key only by expiring. And a claim to lead is counted from the time
//! when its write was *sent*, so it ends before the vote can. The second holds for each accepted
//! write by itself: replies may come late, twice, in any order or after a restart.

use crate::vote::{Name, Vote, VoteState};

/// Milliseconds since some start that one candidate chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Millis(pub u64);

/// Who stands for election, and by which rules.
#[derive(Clone, Debug)]
pub struct Candidate {
    name: Name,
    fitness: i64,
    timing: Timing,
    policy: Policy,
}

/// How long votes live and claims last.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long the server keeps a vote after it was written.
    pub ttl: Millis,
    /// How much sooner a claim ends: room for clocks that run at different speeds.
    pub margin: Millis,
}

/// Which writes compare what they replace. All of them must.
///
/// The default compares always. The other values exist so that the model can show what the
/// comparison is for.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Whether a first vote is written only where there is none.
    pub compare_absent: bool,
    /// Whether a vote is replaced only if it is still the one that was read.
    pub compare_previous: bool,
}

/// Until when a candidate may say that it leads; all that it remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claim(Option<Millis>);

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Input {
    /// A new step is due, once a second.
    Tick,
    /// The key was read, and held this vote.
    Read(Option<Vote>),
    /// The server accepted this write.
    Wrote {
        /// What was written.
        vote: Vote,
        /// When the request was sent, not when the reply came.
        sent: Millis,
    },
    /// The server refused a write: the key did not hold what was expected.
    Rejected,
    /// A request failed, or nobody knows what became of it.
    Unknown,
    /// Time has passed; due at [`Claim::ends`].
    Elapsed,
}

/// What to ask of the server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Request {
    /// Read the key.
    Get,
    /// Write the key, with the candidate's TTL.
    Set {
        /// What the key must hold for the write to be accepted.
        expect: Expect,
        /// What to write.
        vote: Vote,
        /// Now; to be handed back in [`Input::Wrote`].
        sent: Millis,
    },
}

/// What a key must hold for a write to be accepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Expect {
    /// Nothing.
    Absent,
    /// Exactly this vote.
    Vote(Vote),
    /// Whatever it may be: never asked for under the default [`Policy`].
    Anything,
}

/// A change that is worth a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Another candidate leads; repeated at every step that sees it.
    LeaderIs(Name),
    /// This candidate leads from now on.
    ILead,
    /// This candidate leads no longer.
    INoLongerLead,
}

/// What follows from an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The request to send now.
    pub request: Option<Request>,
    /// What to tell, in this order.
    pub notices: Vec<Notice>,
}

impl Candidate {
    /// Makes a candidate that compares always.
    pub fn new(name: Name, fitness: i64, timing: Timing) -> Self {
        Self { name, fitness, timing, policy: Policy::default() }
    }

    /// Replaces the policy, to show that the default one is needed.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Replaces the timing, to show that the margin is needed.
    #[must_use]
    pub fn with_timing(self, timing: Timing) -> Self {
        Self { timing, ..self }
    }

    /// Returns the name it stands under.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Takes in what has happened and decides what follows.
    pub fn step(&self, claim: &mut Claim, input: Input, now: Millis) -> Output {
        let mut output = Output::default();
        if claim.0.is_some_and(|end| end <= now) {
            end(claim, &mut output);
        }
        match input {
            Input::Tick => output.request = Some(self.begin(*claim, now)),
            Input::Read(vote) => self.read(claim, vote, now, &mut output),
            Input::Wrote { vote, sent } => self.wrote(claim, &vote, sent, now, &mut output),
            Input::Rejected => {
                end(claim, &mut output);
                // Somebody was quicker; a fitter candidate must not lose a whole step by it.
                output.request = Some(Request::Get);
            }
            Input::Unknown | Input::Elapsed => {}
        }
        output
    }

    /// A leader renews without looking: the comparison looks for it.
    fn begin(&self, claim: Claim, now: Millis) -> Request {
        if claim.holds(now) {
            let mine = self.vote(VoteState::Confirmed);
            self.set(Expect::Vote(mine), VoteState::Confirmed, now)
        } else {
            Request::Get
        }
    }

    fn read(&self, claim: &mut Claim, vote: Option<Vote>, now: Millis, output: &mut Output) {
        let Some(vote) = vote else {
            end(claim, output);
            output.request = Some(self.set(Expect::Absent, VoteState::Tentative, now));
            return;
        };
        if vote.name == self.name {
            output.request = Some(self.advance(vote, now));
            return;
        }
        end(claim, output);
        if self.overrides(&vote) {
            output.request = Some(self.set(Expect::Vote(vote), VoteState::Tentative, now));
        } else if vote.state == VoteState::Confirmed {
            output.notices.push(Notice::LeaderIs(vote.name));
        }
    }

    /// Takes its own vote one state further; a confirmed one is renewed before it is believed.
    fn advance(&self, vote: Vote, now: Millis) -> Request {
        let next = match vote.state {
            VoteState::None => VoteState::Tentative,
            VoteState::Tentative | VoteState::Confirmed => VoteState::Confirmed,
        };
        self.set(Expect::Vote(vote), next, now)
    }

    fn overrides(&self, other: &Vote) -> bool {
        match other.state {
            VoteState::None => true,
            VoteState::Tentative => other.fitness < self.fitness,
            VoteState::Confirmed => false,
        }
    }

    fn wrote(&self, claim: &mut Claim, vote: &Vote, sent: Millis, now: Millis, out: &mut Output) {
        let end = Millis((sent.0 + self.timing.ttl.0).saturating_sub(self.timing.margin.0));
        if vote.state != VoteState::Confirmed || end <= now {
            return;
        }
        if claim.0.is_none() {
            out.notices.push(Notice::ILead);
        }
        claim.0 = claim.0.max(Some(end));
    }

    fn set(&self, expect: Expect, state: VoteState, now: Millis) -> Request {
        let compare = match expect {
            Expect::Absent => self.policy.compare_absent,
            Expect::Vote(_) => self.policy.compare_previous,
            Expect::Anything => true,
        };
        let expect = if compare { expect } else { Expect::Anything };
        Request::Set { expect, vote: self.vote(state), sent: now }
    }

    fn vote(&self, state: VoteState) -> Vote {
        Vote { name: self.name.clone(), state, fitness: self.fitness }
    }
}

impl Claim {
    /// Makes a claim that ends then.
    pub fn until(end: Millis) -> Self {
        Self(Some(end))
    }

    /// Tells whether the candidate leads at that time.
    pub fn holds(&self, now: Millis) -> bool {
        self.0.is_some_and(|end| now < end)
    }

    /// Returns when the claim ends: [`Input::Elapsed`] is due then, even if a request hangs.
    pub fn ends(&self) -> Option<Millis> {
        self.0
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self { compare_absent: true, compare_previous: true }
    }
}

fn end(claim: &mut Claim, output: &mut Output) {
    if claim.0.take().is_some() {
        output.notices.push(Notice::INoLongerLead);
    }
}
