//! Work on a thread of its own, while the caller's renews a lock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::oneshot::{self, Receiver, error::RecvError};

use super::pump::Pump;
use crate::Error;

/// How often it is asked whether to stop waiting.
const ASK: Duration = Duration::from_millis(50);

/// Whether a lock is still held, for the work that is done under it.
#[derive(Debug)]
pub struct Held(AtomicBool);

impl Default for Held {
    fn default() -> Self {
        Self(AtomicBool::new(true))
    }
}

impl Held {
    /// Whether the lock is still held, as far as this process knows.
    pub fn is_held(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Runs `work` on a thread while this one runs what `hold` makes of the end of `work`. Ends when
/// both have; a panic of `work` goes on here.
pub(super) fn under<T: Send, H>(
    pump: &Pump,
    work: impl FnOnce(&Held) -> T + Send,
    hold: impl FnOnce(Receiver<()>) -> H,
) -> Result<T, Error>
where
    H: Future<Output = Result<Result<(), RecvError>, Error>>,
{
    let held = Held::default();
    std::thread::scope(|scope| {
        let (done, ended) = oneshot::channel::<()>();
        let worker = scope.spawn(|| {
            // Dropped at the end of the work, however it ends.
            let _done = done;
            work(&held)
        });
        let kept = pump.run(hold(ended));
        held.0.store(false, Ordering::SeqCst);
        match worker.join() {
            Ok(result) => kept.map(|_| result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Ends when `stop` says so, which is asked now and then.
pub(super) async fn until(mut stop: impl FnMut() -> bool) {
    while !stop() {
        tokio::time::sleep(ASK).await;
    }
}
