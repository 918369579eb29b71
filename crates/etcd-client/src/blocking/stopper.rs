//! An end to waiting, from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Ends what other threads wait for: the calls that are under way, and those that follow, fail with
/// [`Closed`](crate::ErrorKind::Closed).
///
/// It may be cloned and sent to any thread. Dropping it stops nothing. Of a call that was under way
/// the outcome is not known; one that follows is not sent.
///
/// ```no_run
/// use etcd_client::blocking::Session;
///
/// # fn main() -> Result<(), etcd_client::Error> {
/// let session = Session::open_str("127.0.0.1:2379")?;
/// let watcher = session.watch("/config", None)?;
/// let stopper = watcher.stopper();
/// let told = std::thread::spawn(move || watcher.map_while(Result::ok).count());
/// stopper.stop();
/// println!("{} changes before it was stopped", told.join().expect("no panic"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Stopper {
    own: Arc<Wish>,
    /// What stops this too: a session, for its watcher.
    above: Option<Arc<Wish>>,
}

#[derive(Debug, Default)]
struct Wish {
    has_come: AtomicBool,
    waiting: Notify,
}

impl Stopper {
    /// Stops it, for good. Whoever waits is woken at once.
    pub fn stop(&self) {
        self.own.has_come.store(true, Ordering::SeqCst);
        self.own.waiting.notify_waiters();
    }

    /// Whether it is stopped.
    pub fn is_stopped(&self) -> bool {
        self.wishes().any(|wish| wish.has_come.load(Ordering::SeqCst))
    }

    /// One that this stops too.
    pub(super) fn below(&self) -> Self {
        Self { own: Arc::default(), above: Some(Arc::clone(&self.own)) }
    }

    /// Ends once it is stopped.
    pub(super) async fn stopped(&self) {
        match &self.above {
            None => self.own.come().await,
            Some(above) => tokio::select! {
                () = self.own.come() => {}
                () = above.come() => {}
            },
        }
    }

    fn wishes(&self) -> impl Iterator<Item = &Wish> {
        [Some(&*self.own), self.above.as_deref()].into_iter().flatten()
    }
}

impl Wish {
    async fn come(&self) {
        let notified = self.waiting.notified();
        tokio::pin!(notified);
        // Before the flag is read: what comes in between is seen by one or the other.
        notified.as_mut().enable();
        if !self.has_come.load(Ordering::SeqCst) {
            notified.await;
        }
    }
}
