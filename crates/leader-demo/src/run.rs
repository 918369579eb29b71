//! Drives the machine with real time, real requests and signals.

use std::future::{Future, pending};
use std::pin::pin;
use std::time::Duration;

use anyhow::Result;
use etcd_client::ErrorKind;
use leader_demo::machine::{Candidate, Claim, Input, Millis, Notice, Request};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::store::Store;
use crate::tell;

const STEP: Duration = Duration::from_secs(1);

/// Takes part in the election until a signal comes.
///
/// A leader leaves its vote to expire. To delete it by comparing its text would not be safe: such a
/// request could arrive late, after this node came back and renewed a vote of the same text.
pub(crate) async fn run(candidate: Candidate, store: &Store) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut campaign = Campaign::new(candidate);
    tokio::select! {
        ended = campaign.run(store) => return ended,
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    campaign.stop()
}

struct Campaign {
    candidate: Candidate,
    start: Instant,
    claim: Claim,
    told: Option<Notice>,
    /// What was last told of a request that failed; nothing once one has not.
    trouble: Option<String>,
}

impl Campaign {
    fn new(candidate: Candidate) -> Self {
        let (start, claim) = (Instant::now(), Claim::default());
        Self { candidate, start, claim, told: None, trouble: None }
    }

    async fn run(&mut self, store: &Store) -> Result<()> {
        let mut steps = interval(STEP);
        steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.attentive(steps.tick()).await?;
            self.step(store).await?;
        }
    }

    fn stop(mut self) -> Result<()> {
        if self.claim.ends().is_some() { self.tell(Notice::INoLongerLead) } else { Ok(()) }
    }

    async fn step(&mut self, store: &Store) -> Result<()> {
        let mut next = self.feed(Input::Tick)?;
        while let Some(request) = next {
            let reply = self.attentive(store.ask(request)).await?;
            let input = self.outlive(reply)?;
            next = self.feed(input)?;
        }
        Ok(())
    }

    /// Waits for some work, and ends the claim in time meanwhile.
    async fn attentive<T>(&mut self, work: impl Future<Output = T>) -> Result<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                () = self.claim_ends() => { self.feed(Input::Elapsed)?; }
                done = &mut work => return Ok(done),
            }
        }
    }

    async fn claim_ends(&self) {
        match self.claim.ends() {
            Some(end) => sleep_until(self.start + Duration::from_millis(end.0)).await,
            None => pending().await,
        }
    }

    fn feed(&mut self, input: Input) -> Result<Option<Request>> {
        let now = Millis(self.start.elapsed().as_millis() as u64);
        let output = self.candidate.step(&mut self.claim, input, now);
        for notice in output.notices {
            self.tell(notice)?;
        }
        Ok(output.request)
    }

    /// Tells changes only: the machine repeats who leads at every step.
    fn tell(&mut self, notice: Notice) -> Result<()> {
        if self.told.as_ref() != Some(&notice) {
            tell::notice(self.candidate.name(), &notice)?;
            self.told = Some(notice);
        }
        Ok(())
    }

    /// Trouble is told and outlived, unless no later step can end better.
    fn outlive(&mut self, reply: Result<Input>) -> Result<Input> {
        let (input, trouble) = match reply {
            Ok(input) => (input, None),
            Err(error) if is_usage(&error) => return Err(error),
            Err(error) => (Input::Unknown, Some(format!("{error:#}"))),
        };
        if let Some(news) = self.news(trouble) {
            tell::error(news);
        }
        Ok(input)
    }

    /// What is to be told of trouble: once what is the same at every step.
    fn news(&mut self, trouble: Option<String>) -> Option<&str> {
        let is_news = self.trouble != trouble;
        self.trouble = trouble;
        self.trouble.as_deref().filter(|_| is_news)
    }
}

/// Tells whether the servers or the key that were given cannot be used.
pub(crate) fn is_usage(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<etcd_client::Error>();
    error.is_some_and(|error| *error.kind() == ErrorKind::InvalidInput)
}

#[cfg(test)]
mod tests {
    use etcd_client::session::Api;
    use leader_demo::machine::Timing;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_claim_ends_in_time_while_a_request_hangs() {
        let mut leader = leader();
        leader.attentive(sleep(Duration::from_millis(3_999))).await.expect("output works");
        assert_eq!(leader.told, Some(Notice::ILead));
        leader.attentive(sleep(Duration::from_millis(2))).await.expect("output works");
        assert_eq!(leader.told, Some(Notice::INoLongerLead));
        assert_eq!(leader.claim, Claim::default());
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_is_outlived_and_input_that_cannot_be_used_is_not() {
        let reached = |servers: &str, key: &str| {
            let ttl = etcd_client::Ttl::from_seconds(5).expect("a TTL");
            Store::new(servers.to_owned(), key.to_owned(), ttl, Api::Auto)
        };
        let nobody = reached("127.0.0.1:1", "nsr");
        leader().step(&nobody).await.expect("a server that is down may come back");
        let nonsense = reached("127.0.0.1:not-a-port", "nsr");
        let error = leader().step(&nonsense).await.expect_err("it will never be a port");
        assert!(is_usage(&error), "{error:#}");
    }

    #[test]
    fn the_same_trouble_is_told_once_until_it_is_over() {
        let mut leader = leader();
        for (trouble, told) in [
            (Some("refused"), true),
            (Some("refused"), false),
            (Some("no answer"), true),
            (None, false),
            (Some("no answer"), true),
        ] {
            let news = leader.news(trouble.map(str::to_owned));
            assert_eq!(news, trouble.filter(|_| told), "{trouble:?}");
        }
    }

    /// A candidate whose confirmed vote was accepted at once.
    fn leader() -> Campaign {
        let timing = Timing { ttl: Millis(5_000), margin: Millis(1_000) };
        let name = "me".parse().expect("a name");
        let mut campaign = Campaign::new(Candidate::new(name, 42, timing));
        let vote = "me,2,42".parse().expect("a vote");
        campaign.feed(Input::Wrote { vote, sent: Millis(0) }).expect("output works");
        campaign
    }
}
