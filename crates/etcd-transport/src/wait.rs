//! Waits that end at a time, and do not take for silence what nobody has looked at.
//!
//! A process that was stopped, or whose threads were busy, hears that a time is over before it has read
//! what came meanwhile. An answer that is there is no silence: whoever hears of the end of a wait more
//! than 20 ms late goes on for 50 ms, in which what came can be read.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::task::unconstrained;
use tokio::time::{Instant, sleep_until};

/// Longer than anything takes, and short enough to be added to any instant.
pub(crate) const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// How late a wait may hear of its end for nothing to have been missed.
const LATE: Duration = Duration::from_millis(20);
/// How long there is then to read what came.
const SECOND_LOOK: Duration = Duration::from_millis(50);

/// The time after so long; after more than a year, in a year.
pub fn after(time: Duration) -> std::time::Instant {
    std::time::Instant::now() + time.min(FOREVER)
}

/// Ends at a time, and a little after it where that is only heard of when it has long been over.
///
/// A time that is over when the wait begins ends it at once. It may be dropped at any time.
pub async fn until(time: std::time::Instant) {
    let due = Instant::from_std(time);
    let mut timer = pin!(sleep_until(due));
    let (mut begun, mut looked) = (false, false);
    poll_fn(|cx| {
        let over = timer.as_mut().poll(cx);
        if over.is_ready()
            && begun
            && !std::mem::replace(&mut looked, true)
            && let Some(again) = second_look(due, Instant::now())
        {
            timer.as_mut().reset(again);
            return timer.as_mut().poll(cx);
        }
        begun = true;
        over
    })
    .await;
}

/// What work comes to; nothing when the time comes first. The work is dropped with this, and when it is over.
///
/// ```
/// use std::time::Duration;
/// use etcd_transport::wait::{after, before};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let soon = || after(Duration::from_millis(20));
/// assert_eq!(before(soon(), async { 7 }).await, Some(7));
/// assert_eq!(before(soon(), std::future::pending::<()>()).await, None);
/// # }
/// ```
pub async fn before<T>(time: std::time::Instant, work: impl Future<Output = T>) -> Option<T> {
    // Unconstrained: a server that floods us may use up the task's budget in every round.
    let (mut work, mut over) = (pin!(work), pin!(unconstrained(until(time))));
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => over.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// Until when to go on where the end of a wait is heard of too late to believe in silence.
fn second_look(due: Instant, now: Instant) -> Option<Instant> {
    (now.saturating_duration_since(due) > LATE).then(|| now + SECOND_LOOK)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn only_who_is_late_looks_again() {
        let due = Instant::now();
        for (late, again) in [
            (Duration::ZERO, None),
            (LATE, None),
            (LATE * 2, Some(LATE * 2 + SECOND_LOOK)),
            (SECOND, Some(SECOND + SECOND_LOOK)),
        ] {
            assert_eq!(second_look(due, due + late), again.map(|again| due + again), "{late:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_in_time_and_a_late_one_a_little_after() {
        let began = Instant::now();
        until((began + SECOND).into_std()).await;
        assert_eq!(began.elapsed(), SECOND);
        // It is over already.
        until(began.into_std()).await;
        assert_eq!(began.elapsed(), SECOND);

        let mut wait = pin!(until((began + 2 * SECOND).into_std()));
        assert!(poll_once(wait.as_mut()).await.is_pending());
        tokio::time::advance(5 * SECOND).await;
        assert!(poll_once(wait.as_mut()).await.is_pending(), "it looks again");
        wait.await;
        assert_eq!(began.elapsed(), 6 * SECOND + SECOND_LOOK);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_done_in_time_counts_however_late_that_is_heard() {
        let (send, heard) = tokio::sync::oneshot::channel();
        let time = (Instant::now() + SECOND).into_std();
        let mut wait = pin!(before(time, heard));
        assert!(poll_once(wait.as_mut()).await.is_pending());
        tokio::time::advance(5 * SECOND).await;
        assert!(poll_once(wait.as_mut()).await.is_pending(), "it may be on its way");
        send.send("here").expect("somebody waits");
        assert_eq!(wait.await, Some(Ok("here")));
        assert_eq!(before(time, std::future::pending::<()>()).await, None);
    }

    async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
    }
}
