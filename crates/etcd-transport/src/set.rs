//! Which endpoints there are, how each has done lately, and in what order to ask them.

use std::time::{Duration, Instant};

use crate::endpoint::Endpoint;

/// For how long a failure puts an endpoint behind the others.
const SUSPICION: Duration = Duration::from_secs(5);

/// The endpoints of a channel, each with its health and whatever goes with it.
#[derive(Debug)]
pub struct EndpointSet<T> {
    entries: Vec<Entry<T>>,
    /// The endpoint that answered last; calls stay with it while it answers.
    preferred: usize,
    /// What may be spent on asking a second endpoint: answers earn it.
    spare: u32,
}

/// What asking a second endpoint costs, in answers: at most a tenth of calls does so for long, and
/// a cluster that is slow under load is not asked three times as much.
const HEDGE: u32 = 10;
/// How much can be spared up.
const MOST_SPARE: u32 = 20 * HEDGE;

#[derive(Debug)]
struct Entry<T> {
    endpoint: Endpoint,
    health: Health,
    payload: T,
}

/// How an endpoint has done lately.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Health {
    /// When it last answered anything.
    pub answered: Option<Instant>,
    /// When it last failed to.
    pub failed: Option<Instant>,
    /// How often in a row it failed to.
    pub failures: u32,
    /// Why it last failed to.
    pub last_error: Option<String>,
}

impl Health {
    /// Whether it answered within this time, and has not failed since.
    pub fn is_proven(&self, within: Duration, now: Instant) -> bool {
        self.failures == 0 && self.answered.is_some_and(|at| now.duration_since(at) < within)
    }

    fn is_suspect(&self, now: Instant) -> bool {
        self.failures > 0 && self.failed.is_some_and(|at| now.duration_since(at) < SUSPICION)
    }
}

impl<T> EndpointSet<T> {
    /// A set of these endpoints, of which nothing is known yet.
    pub fn new(endpoints: impl IntoIterator<Item = (Endpoint, T)>) -> Self {
        let fresh = |(endpoint, payload)| Entry { endpoint, health: Health::default(), payload };
        let entries = endpoints.into_iter().map(fresh).collect();
        Self { entries, preferred: 0, spare: MOST_SPARE }
    }

    /// Puts these endpoints in place of the present ones; those that stay keep their health.
    pub fn replace(&mut self, endpoints: Vec<Endpoint>, mut payload: impl FnMut(&Endpoint) -> T) {
        let preferred = self.entries.get(self.preferred).map(|entry| entry.endpoint.clone());
        let mut known = std::mem::take(&mut self.entries);
        self.entries = endpoints
            .into_iter()
            .map(|endpoint| match known.iter().position(|entry| entry.endpoint == endpoint) {
                Some(at) => known.swap_remove(at),
                None => Entry { payload: payload(&endpoint), endpoint, health: Health::default() },
            })
            .collect();
        let place = |endpoint| self.entries.iter().position(|entry| entry.endpoint == endpoint);
        self.preferred = preferred.and_then(place).unwrap_or(0);
    }

    /// The endpoint that a call should ask first, when it is in good health.
    pub fn best(&self, now: Instant) -> Option<(&T, &Health)> {
        let entry =
            self.entries.get(self.preferred).filter(|entry| !entry.health.is_suspect(now))?;
        Some((&entry.payload, &entry.health))
    }

    /// All endpoints, best first: in the order given from the preferred one on, and those that
    /// failed lately behind the others.
    pub fn order(&self, now: Instant) -> Vec<&T> {
        let (before, from) = self.entries.split_at(self.preferred.min(self.entries.len()));
        let around = || from.iter().chain(before);
        let (well, suspect) = (
            |entry: &&Entry<T>| !entry.health.is_suspect(now),
            |entry: &&Entry<T>| entry.health.is_suspect(now),
        );
        around().filter(well).chain(around().filter(suspect)).map(|entry| &entry.payload).collect()
    }

    /// An endpoint answered; calls stay with it from now on.
    pub fn answered(&mut self, endpoint: &Endpoint, now: Instant) {
        let Some(place) = self.place(endpoint) else { return };
        self.preferred = place;
        self.spare = (self.spare + 1).min(MOST_SPARE);
        let health = &mut self.entries[place].health;
        health.answered = Some(now);
        health.failures = 0;
    }

    /// Whether a silent endpoint may be raced against another.
    pub fn may_hedge(&self) -> bool {
        self.spare >= HEDGE
    }

    /// A second endpoint was asked because the first stayed silent.
    pub fn hedged(&mut self) {
        self.spare = self.spare.saturating_sub(HEDGE);
    }

    /// An endpoint failed to answer.
    pub fn failed(&mut self, endpoint: &Endpoint, why: impl Into<String>, now: Instant) {
        let Some(place) = self.place(endpoint) else { return };
        let health = &mut self.entries[place].health;
        health.failed = Some(now);
        health.failures = health.failures.saturating_add(1);
        health.last_error = Some(why.into());
    }

    /// Each endpoint with its health, in the order given.
    pub fn health(&self) -> impl Iterator<Item = (&Endpoint, &Health)> {
        self.entries.iter().map(|entry| (&entry.endpoint, &entry.health))
    }

    /// What goes with each endpoint, in the order given.
    pub fn payloads(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|entry| &entry.payload)
    }

    /// How one endpoint has done lately; nothing for one that is not here.
    pub fn health_of(&self, endpoint: &Endpoint) -> Option<&Health> {
        self.place(endpoint).map(|place| &self.entries[place].health)
    }

    /// What goes with an endpoint; nothing for one that is not here.
    pub fn payload_of(&self, endpoint: &Endpoint) -> Option<&T> {
        self.place(endpoint).map(|place| &self.entries[place].payload)
    }

    fn place(&self, endpoint: &Endpoint) -> Option<usize> {
        match self.entries.get(self.preferred) {
            Some(entry) if entry.endpoint == *endpoint => Some(self.preferred),
            _ => self.entries.iter().position(|entry| entry.endpoint == *endpoint),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(name: &str) -> Endpoint {
        name.parse().unwrap()
    }

    fn set() -> EndpointSet<&'static str> {
        EndpointSet::new(["a", "b", "c"].map(|name| (endpoint(name), name)))
    }

    #[test]
    fn calls_stay_with_what_answers() {
        let now = Instant::now();
        let mut set = set();
        assert_eq!(set.order(now), [&"a", &"b", &"c"]);
        set.answered(&endpoint("b"), now);
        assert_eq!(set.order(now), [&"b", &"c", &"a"]);
        assert!(set.best(now).unwrap().1.is_proven(Duration::from_secs(1), now));
    }

    #[test]
    fn what_fails_goes_behind_for_a_while() {
        let now = Instant::now();
        let mut set = set();
        set.answered(&endpoint("a"), now);
        set.failed(&endpoint("a"), "gone", now);
        assert!(set.best(now).is_none());
        assert_eq!(set.order(now), [&"b", &"c", &"a"]);
        let later = now + SUSPICION;
        assert_eq!(set.order(later), [&"a", &"b", &"c"]);
        assert!(!set.best(later).unwrap().1.is_proven(SUSPICION * 9, later));
    }

    #[test]
    fn hedges_are_paid_for_by_answers() {
        let mut set = set();
        let first = (0..).take_while(|_| set.may_hedge().then(|| set.hedged()).is_some()).count();
        assert_eq!(first, 20);
        let answers = (0..).take_while(|_| {
            set.answered(&endpoint("a"), Instant::now());
            !set.may_hedge()
        });
        assert_eq!(answers.count() + 1, HEDGE as usize);
    }

    #[test]
    fn replacing_keeps_the_health_of_those_that_stay() {
        let now = Instant::now();
        let mut set = set();
        set.answered(&endpoint("c"), now);
        set.replace(vec![endpoint("d"), endpoint("c")], |_| "new");
        assert_eq!(set.order(now), [&"c", &"new"]);
        assert!(set.health_of(&endpoint("c")).unwrap().answered.is_some());
        assert!(set.health_of(&endpoint("a")).is_none());
    }
}
