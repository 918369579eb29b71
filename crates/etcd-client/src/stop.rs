//! The wish to stop waiting.

use std::time::Duration;

use tokio::sync::watch;

/// Whether it has come. It may be waited for at several places, and again after it has come.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Runs `work` to its end; to `work` the wish has come once `stop` has ended.
    pub(crate) async fn beside<W: Future>(
        stop: impl Future<Output = ()>,
        work: impl FnOnce(Self) -> W,
    ) -> W::Output {
        let (wish, seen) = watch::channel(false);
        let stop = async {
            stop.await;
            wish.send_replace(true);
            std::future::pending().await
        };
        tokio::select! {
            biased;
            done = work(Self(seen)) => done,
            never = stop => never,
        }
    }

    /// Waits until it has come.
    pub(crate) async fn come(&mut self) {
        // The other end is there as long as the work.
        let _ = self.0.wait_for(|&come| come).await;
    }

    /// Waits until it has come, and so much longer.
    pub(crate) async fn come_and(&mut self, grace: Duration) {
        self.come().await;
        tokio::time::sleep(grace).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_seen_again_and_again_and_ends_nothing_itself() {
        let began = tokio::time::Instant::now();
        let second = Duration::from_secs(1);
        let work = async |mut stop: Stop| {
            let mut other = stop.clone();
            stop.come().await;
            assert_eq!(began.elapsed(), second);
            stop.come().await;
            other.come_and(second).await;
            assert_eq!(began.elapsed(), 2 * second);
            7
        };
        // A future that was written as a function must not be asked again after its end.
        assert_eq!(Stop::beside(async { tokio::time::sleep(second).await }, work).await, 7);
    }

    #[tokio::test]
    async fn work_begins_also_when_it_came_before() {
        let work = async |mut stop: Stop| {
            tokio::task::yield_now().await;
            stop.come().await;
        };
        Stop::beside(std::future::ready(()), work).await;
    }
}
