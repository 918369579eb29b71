//! The state that the model explores: a store with one key, candidates, and messages on their way.
//!
//! Times are ticks relative to now, so that the space is finite although time has no end: the
//! clock always reads [`NOW`], and when it ticks, everything dated grows older instead.

use leader_demo::machine::{Claim, Expect, Input, Millis, Request, Timing};
use leader_demo::vote::{Vote, VoteState};

/// How long a vote lives, in ticks.
pub(crate) const TTL: Millis = Millis(3);
/// What the clock always reads: late enough for the oldest date that still matters.
pub(crate) const NOW: Millis = TTL;
/// How many ticks the store's expiry may be early or late, as seen from a candidate's clock.
pub(crate) const CLOCK_ERROR: Millis = Millis(1);

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) stored: Option<Stored>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) weather: Weather,
}

/// The vote in the key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stored {
    pub(crate) vote: Vote,
    /// Ticks until it must have expired.
    pub(crate) left: u64,
    /// Whether its candidate came by it by overriding another's tentative vote.
    pub(crate) overrode: bool,
}

/// A candidate with its messages on the way, sorted because they may overtake each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) claim: Claim,
    pub(crate) messages: Vec<Message>,
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Message {
    ToStore(Request),
    ToNode(Input),
}

/// What may go wrong now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Weather {
    /// Everything: delay, loss, reordering, crashes, nodes that do not step.
    Storm,
    /// Nothing: see [`Quiet`].
    Quiet(Quiet),
}

/// The storm is over for good: in each tick, each node that is up makes one whole step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Quiet {
    /// Ticks since then, at most as many as the model's bound.
    pub(crate) ticks: u8,
    /// Nodes that run, by bit; the others stay dead.
    pub(crate) up: u8,
    /// Nodes that have yet to step in this tick, by bit.
    pub(crate) due: u8,
}

impl World {
    pub(crate) fn new(nodes: usize) -> Self {
        Self { stored: None, nodes: vec![Node::default(); nodes], weather: Weather::Storm }
    }

    /// The store takes in a request and answers.
    pub(crate) fn serve(&mut self, request: Request) -> Input {
        let Request::Set { expect, vote, sent } = request else {
            return Input::Read(self.stored.as_ref().map(|stored| stored.vote.clone()));
        };
        if !self.meets(&expect) {
            return Input::Rejected;
        }
        self.stored = Some(Stored {
            overrode: self.overrides(&expect, &vote),
            left: TTL.0 + CLOCK_ERROR.0,
            vote: vote.clone(),
        });
        Input::Wrote { vote, sent }
    }

    fn meets(&self, expect: &Expect) -> bool {
        match expect {
            Expect::Absent => self.stored.is_none(),
            Expect::Vote(vote) => self.stored.as_ref().is_some_and(|stored| stored.vote == *vote),
            Expect::Anything => true,
        }
    }

    fn overrides(&self, expect: &Expect, vote: &Vote) -> bool {
        match expect {
            Expect::Vote(old) if old.name == vote.name => {
                self.stored.as_ref().is_some_and(|stored| stored.overrode)
            }
            Expect::Vote(old) => old.state == VoteState::Tentative,
            Expect::Absent | Expect::Anything => false,
        }
    }

    /// Tells whether the vote may be gone: from a clock's error before its TTL on.
    pub(crate) fn may_expire(&self) -> bool {
        self.stored.as_ref().is_some_and(|stored| stored.left <= 2 * CLOCK_ERROR.0)
    }

    /// One tick passes: a vote whose time is over goes, and everything dated grows older.
    pub(crate) fn grow_older(&mut self, timing: Timing) {
        self.stored = self.stored.take().and_then(|stored| {
            (stored.left > 1).then(|| Stored { left: stored.left - 1, ..stored })
        });
        for node in &mut self.nodes {
            if let Some(end) = node.claim.ends() {
                node.claim = Claim::until(Millis(end.0 - 1));
            }
            node.messages.iter_mut().for_each(|message| message.grow_older(timing));
            node.messages.sort();
        }
    }

    /// Returns the nodes that believe now that they lead.
    pub(crate) fn leaders(&self) -> impl Iterator<Item = usize> {
        (0..self.nodes.len()).filter(|&i| self.nodes[i].claim.holds(NOW))
    }
}

impl Node {
    pub(crate) fn post(&mut self, message: Message) {
        let at = self.messages.partition_point(|other| *other < message);
        self.messages.insert(at, message);
    }
}

impl Message {
    /// Only a confirmed vote's date is ever looked at, and only while it can still make a claim.
    fn grow_older(&mut self, timing: Timing) {
        let (Self::ToStore(Request::Set { vote, sent, .. })
        | Self::ToNode(Input::Wrote { vote, sent })) = self
        else {
            return;
        };
        let dead = NOW.0 + timing.margin.0 - timing.ttl.0;
        if vote.state == VoteState::Confirmed && sent.0 > dead {
            sent.0 -= 1;
        }
    }
}
