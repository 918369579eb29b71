//! A model of the election for the stateright checker: it steps the machine that the demo runs.

mod world;

use leader_demo::machine::{Candidate, Claim, Input, Millis, Output, Policy, Timing};
use leader_demo::vote::VoteState;
use stateright::{Model, Property};
use world::{CLOCK_ERROR, Message, NOW, Quiet, TTL, Weather, World};

pub(crate) const ONE_LEADER: &str = "never two leaders at once";
pub(crate) const VOTE_STANDS: &str = "a leader's vote stands in the store";
pub(crate) const QUIET_ELECTS: &str = "quiet brings a leader that stays";
pub(crate) const FITTER_WINS: &str = "a fitter candidate can override and lead";

/// Candidates, and how far the world around them may go.
pub(crate) struct Election {
    candidates: Vec<Candidate>,
    timing: Timing,
    /// Whether a driver that is wrong takes an accepted write as sent when its reply comes.
    date_by_reply: bool,
    /// How many messages of one candidate may be on their way at once.
    in_flight: usize,
    /// After how many ticks of quiet somebody must lead; none lets the storm go on for ever.
    quiet_ticks: Option<u8>,
}

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A tick passes on every clock.
    Clock,
    /// A node begins a step.
    Step(usize),
    /// A message arrives: one of a node's messages, in either direction.
    Arrive(usize, usize),
    /// A message is lost.
    Lose(usize, usize),
    /// The store drops the vote.
    Expire,
    /// A node loses all that it knew; it may be down as long as it does not step.
    Crash(usize),
    /// The storm ends, with these nodes up, by bit.
    Calm(u8),
}

impl Election {
    /// Candidates with these fitnesses, named a, b, c and so on, in a storm without end.
    pub(crate) fn new(fitnesses: &[i64]) -> Self {
        let timing = Timing { ttl: TTL, margin: CLOCK_ERROR };
        let candidates = "abcdefg".chars().zip(fitnesses).map(|(name, fitness)| {
            let name = name.to_string().parse().expect("a letter is a name");
            Candidate::new(name, *fitness, timing)
        });
        Self {
            candidates: candidates.collect(),
            timing,
            date_by_reply: false,
            in_flight: 1,
            quiet_ticks: None,
        }
    }

    pub(crate) fn in_flight(self, in_flight: usize) -> Self {
        Self { in_flight, ..self }
    }

    pub(crate) fn quiet_ticks(self, ticks: u8) -> Self {
        Self { quiet_ticks: Some(ticks), ..self }
    }

    pub(crate) fn policy(self, policy: Policy) -> Self {
        let candidates = self.candidates.into_iter().map(|c| c.with_policy(policy)).collect();
        Self { candidates, ..self }
    }

    pub(crate) fn no_margin(self) -> Self {
        let timing = Timing { margin: Millis(0), ..self.timing };
        let candidates = self.candidates.into_iter().map(|c| c.with_timing(timing)).collect();
        Self { candidates, timing, ..self }
    }

    pub(crate) fn date_by_reply(self) -> Self {
        Self { date_by_reply: true, ..self }
    }

    fn feed(&self, world: &mut World, node: usize, input: Input) {
        let Output { request, .. } =
            self.candidates[node].step(&mut world.nodes[node].claim, input, NOW);
        if let Some(request) = request {
            world.nodes[node].post(Message::ToStore(request));
        }
    }

    fn tick(&self, world: &mut World) {
        world.grow_older(self.timing);
        for node in 0..world.nodes.len() {
            self.feed(world, node, Input::Elapsed);
        }
        if let Weather::Quiet(quiet) = &mut world.weather {
            quiet.ticks = (quiet.ticks + 1).min(self.quiet_ticks.unwrap_or(0));
            quiet.due = quiet.up;
        }
    }

    fn begin_step(&self, world: &mut World, node: usize) {
        if let Weather::Quiet(quiet) = &mut world.weather {
            quiet.due &= !(1 << node);
        }
        self.feed(world, node, Input::Tick);
    }

    fn arrive(&self, world: &mut World, node: usize, index: usize) {
        match world.nodes[node].messages.remove(index) {
            Message::ToStore(request) => {
                let reply = world.serve(request);
                world.nodes[node].post(Message::ToNode(reply));
            }
            Message::ToNode(Input::Wrote { vote, .. }) if self.date_by_reply => {
                self.feed(world, node, Input::Wrote { vote, sent: NOW });
            }
            Message::ToNode(reply) => self.feed(world, node, reply),
        }
    }

    fn calm(world: &mut World, up: u8) {
        world.weather = Weather::Quiet(Quiet { ticks: 0, up, due: up });
        for (i, node) in world.nodes.iter_mut().enumerate() {
            if up & (1 << i) == 0 {
                node.claim = Claim::default();
                node.messages.retain(|message| matches!(message, Message::ToStore(_)));
            }
        }
    }

    fn storm_events(&self, world: &World, events: &mut Vec<Event>) {
        events.push(Event::Clock);
        for (i, node) in world.nodes.iter().enumerate() {
            if node.messages.len() < self.in_flight {
                events.push(Event::Step(i));
            }
            if node.claim != Claim::default() {
                events.push(Event::Crash(i));
            }
            events.extend((0..node.messages.len()).map(|m| Event::Lose(i, m)));
        }
        if self.quiet_ticks.is_some() {
            events.extend((1..1 << world.nodes.len()).map(Event::Calm));
        }
    }

    fn quiet_events(world: &World, quiet: Quiet, events: &mut Vec<Event>) {
        if quiet.due == 0 && world.nodes.iter().all(|node| node.messages.is_empty()) {
            events.push(Event::Clock);
        }
        let due = (0..world.nodes.len()).filter(|i| quiet.due & (1 << i) != 0);
        events.extend(due.filter(|&i| world.nodes[i].messages.is_empty()).map(Event::Step));
    }
}

impl Model for Election {
    type State = World;
    type Action = Event;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.candidates.len())]
    }

    fn actions(&self, world: &World, events: &mut Vec<Event>) {
        match world.weather {
            Weather::Storm => self.storm_events(world, events),
            Weather::Quiet(quiet) => Self::quiet_events(world, quiet, events),
        }
        for (i, node) in world.nodes.iter().enumerate() {
            events.extend((0..node.messages.len()).map(|m| Event::Arrive(i, m)));
        }
        if world.may_expire() {
            events.push(Event::Expire);
        }
    }

    fn next_state(&self, last: &World, event: Event) -> Option<World> {
        let mut world = last.clone();
        match event {
            Event::Clock => self.tick(&mut world),
            Event::Step(node) => self.begin_step(&mut world, node),
            Event::Arrive(node, message) => self.arrive(&mut world, node, message),
            Event::Lose(node, message) => {
                world.nodes[node].messages.remove(message);
                self.feed(&mut world, node, Input::Unknown);
            }
            Event::Expire => world.stored = None,
            Event::Crash(node) => world.nodes[node].claim = Claim::default(),
            Event::Calm(up) => Self::calm(&mut world, up),
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(ONE_LEADER, Self::one_leader),
            Property::always(VOTE_STANDS, Self::vote_stands),
            Property::sometimes(FITTER_WINS, Self::fitter_wins),
        ];
        if self.quiet_ticks.is_some() {
            properties.push(Property::always(QUIET_ELECTS, Self::quiet_elects));
        }
        properties
    }
}

impl Election {
    fn one_leader(&self, world: &World) -> bool {
        world.leaders().count() <= 1
    }

    fn vote_stands(&self, world: &World) -> bool {
        world.leaders().all(|node| {
            world.stored.as_ref().is_some_and(|stored| {
                stored.vote.state == VoteState::Confirmed
                    && stored.vote.name == *self.candidates[node].name()
            })
        })
    }

    fn fitter_wins(&self, world: &World) -> bool {
        world.leaders().count() == 1 && world.stored.as_ref().is_some_and(|s| s.overrode)
    }

    /// From the last tick of the bound on, in all that follows.
    fn quiet_elects(&self, world: &World) -> bool {
        let Weather::Quiet(quiet) = world.weather else { return true };
        Some(quiet.ticks) != self.quiet_ticks || world.leaders().count() == 1
    }
}
