//! Candidates, and what they have said so far.

use std::time::{Duration, Instant};

use etcd_live::program::{Ended, Line, Running, leader_demo, start};
use nix::sys::signal::Signal;

use crate::{MARGIN, STEP, TTL};

const LOOK: Duration = Duration::from_millis(5);

/// Those who stand for one election.
pub(crate) struct Campaign {
    servers: String,
    key: String,
    candidates: Vec<Candidate>,
    claims: Vec<Claim>,
}

struct Candidate {
    name: String,
    running: Running,
    said: Vec<Line>,
}

/// A time during which one leads, by its own words.
#[derive(Debug, Clone)]
struct Claim {
    name: String,
    from: Instant,
    until: Option<Instant>,
}

impl Campaign {
    pub(crate) fn on(servers: &str, key: &str) -> Self {
        let (servers, key) = (servers.to_owned(), key.to_owned());
        Self { servers, key, candidates: Vec::new(), claims: Vec::new() }
    }

    /// Lets one stand, whose name nobody bears who runs.
    pub(crate) fn enter(&mut self, name: &str, fitness: i64) {
        let fitness = fitness.to_string();
        let args = ["-s", &self.servers, "-k", &self.key, "-n", name, "-f", &fitness];
        let running = start(leader_demo(args));
        self.candidates.push(Candidate { name: name.to_owned(), running, said: Vec::new() });
    }

    /// Waits until one of those who run says that it leads, since `since`: who, and when it said so.
    pub(crate) fn leader(&mut self, since: Instant, most: Duration) -> (String, Instant) {
        loop {
            self.listen();
            let leads = self.claims.iter().find(|claim| claim.from >= since);
            if let Some(claim) = leads {
                return (claim.name.clone(), claim.from);
            }
            assert!(since.elapsed() < most, "nobody leads after {most:?}: {:#?}", self.claims);
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until one says this line, since `since`.
    pub(crate) fn says(&mut self, name: &str, line: &str, since: Instant, most: Duration) {
        let says = |said: &Line| said.at >= since && said.text == line;
        loop {
            self.listen();
            let said = &self.candidate(name).said;
            if said.iter().any(says) {
                return;
            }
            assert!(since.elapsed() < most, "{name} never says {line:?}, but {said:#?}");
            std::thread::sleep(LOOK);
        }
    }

    /// What one has said since, as far as it was heard.
    pub(crate) fn said(&mut self, name: &str, since: Instant) -> Vec<String> {
        self.listen();
        let said = &self.candidate(name).said;
        said.iter().filter(|line| line.at >= since).map(|line| line.text.clone()).collect()
    }

    /// Whether one leads, by its last word.
    pub(crate) fn leads(&mut self, name: &str) -> bool {
        self.listen();
        self.claims.iter().any(|claim| claim.name == name && claim.until.is_none())
    }

    /// Kills one; it may not be heard of again.
    pub(crate) fn kill(&mut self, name: &str) -> Instant {
        let at = self.cut_off(name, Signal::SIGKILL);
        self.candidates.retain(|candidate| candidate.name != name);
        at
    }

    /// Freezes one.
    pub(crate) fn pause(&mut self, name: &str) -> Instant {
        self.cut_off(name, Signal::SIGSTOP)
    }

    /// Freezes one for less than its claim lasts.
    pub(crate) fn pause_briefly(&mut self, name: &str, time: Duration) {
        let running = &self.candidate(name).running;
        running.signal(Signal::SIGSTOP);
        std::thread::sleep(time);
        running.signal(Signal::SIGCONT);
    }

    /// Lets a frozen one go on.
    pub(crate) fn resume(&mut self, name: &str) -> Instant {
        let at = Instant::now();
        self.candidate(name).running.signal(Signal::SIGCONT);
        at
    }

    /// Asks one to end, and tells how it did.
    pub(crate) fn end(&mut self, name: &str) -> Ended {
        let at = self.candidates.iter().position(|candidate| candidate.name == name);
        let candidate = self.candidates.remove(at.expect("it stands"));
        candidate.running.signal(Signal::SIGTERM);
        candidate.running.wait()
    }

    /// At no time did two lead. Asked of all that was said, so at the end.
    pub(crate) fn had_one_leader_at_a_time(mut self) {
        self.listen();
        self.claims.sort_by_key(|claim| claim.from);
        for pair in self.claims.windows(2) {
            let [first, second] = pair else { unreachable!("windows of two") };
            let until = first.until.unwrap_or_else(Instant::now);
            assert!(until <= second.from, "{first:?} and {second:?} lead at the same time");
        }
        assert!(!self.claims.is_empty(), "nobody ever led");
    }

    /// A claim of one who is cut off ends with the time of its last renewal, which was sent no
    /// longer ago than a step.
    fn cut_off(&mut self, name: &str, signal: Signal) -> Instant {
        self.listen();
        self.candidate(name).running.signal(signal);
        let at = Instant::now();
        for claim in self.claims.iter_mut().filter(|claim| claim.name == name) {
            claim.until.get_or_insert(at + TTL - MARGIN - STEP);
        }
        at
    }

    fn listen(&mut self) {
        for candidate in &mut self.candidates {
            while let Some(line) = candidate.running.line_within(Duration::ZERO) {
                note(&mut self.claims, &candidate.name, &line);
                candidate.said.push(line);
            }
        }
    }

    fn candidate(&self, name: &str) -> &Candidate {
        let found = self.candidates.iter().find(|candidate| candidate.name == name);
        found.expect("it stands")
    }
}

fn note(claims: &mut Vec<Claim>, name: &str, line: &Line) {
    if line.text == format!("I lead ({name})") {
        claims.push(Claim { name: name.to_owned(), from: line.at, until: None });
    } else if line.text == format!("I no longer lead ({name})") {
        let mut own = claims.iter_mut().filter(|claim| claim.name == name);
        own.next_back().expect("who led").until.get_or_insert(line.at);
    } else {
        assert!(line.text.starts_with("leader is "), "{name} says {:?}", line.text);
    }
}
