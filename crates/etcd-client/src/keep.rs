//! Renewing what has a time to live, again and again, as its keeper says.

use std::time::Instant;

use crate::error::Error;
use crate::keeper::{Action, Keeper};

/// Something that is renewed before it ends.
pub(crate) trait Kept {
    fn keeper(&mut self) -> &mut Keeper;

    /// Renews it once, and tells the keeper where that was done.
    fn renew(&mut self) -> impl Future<Output = Result<(), Error>> + Send;

    /// Whether no other renewal can do better than one that failed like this.
    fn is_final(&self, error: &Error) -> bool {
        error.is_lock_lost()
    }

    /// Why it is over, when its keeper calls it lost.
    fn late(&self, last: Option<Error>) -> Error;
}

/// Keeps something alive; ends when it is lost or may be, with the reason. Cancelling it does no
/// harm.
pub(crate) async fn keep(kept: &mut impl Kept) -> Error {
    let mut last = None;
    loop {
        let until = match kept.keeper().action(Instant::now()) {
            Action::Wait(until) => {
                tokio::time::sleep_until(until.into()).await;
                continue;
            }
            Action::Lost => return kept.late(last),
            Action::Renew(until) => until,
        };
        match tokio::time::timeout_at(until.into(), kept.renew()).await {
            Ok(Ok(())) => last = None,
            Ok(Err(error)) if kept.is_final(&error) => return error,
            Ok(Err(error)) => {
                tracing::debug!(%error, "renewal failed");
                kept.keeper().failed(Instant::now());
                last = Some(error);
            }
            Err(_) => return kept.late(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{ErrorKind, Outcome};

    struct Scripted {
        keeper: Keeper,
        /// What the renewals come to, the last first; nothing more for ever when it is empty.
        renewals: Vec<Result<(), ErrorKind>>,
        renewed: u32,
    }

    impl Scripted {
        fn new(ttl: u64, patience: u64, renewals: Vec<Result<(), ErrorKind>>) -> Self {
            let (ttl, patience) = (Duration::from_millis(ttl), Duration::from_millis(patience));
            let keeper = Keeper::new(ttl, Instant::now()).patient(patience);
            Self { keeper, renewals, renewed: 0 }
        }
    }

    impl Kept for Scripted {
        fn keeper(&mut self) -> &mut Keeper {
            &mut self.keeper
        }

        async fn renew(&mut self) -> Result<(), Error> {
            let sent = Instant::now();
            match self.renewals.pop() {
                None => std::future::pending().await,
                Some(Err(kind)) => Err(Error::new(kind, Outcome::Unknown, "a test")),
                Some(Ok(())) => {
                    self.renewed += 1;
                    self.keeper.renewed(sent);
                    Ok(())
                }
            }
        }

        fn late(&self, last: Option<Error>) -> Error {
            last.unwrap_or_else(|| Error::late("/k", 1))
        }
    }

    #[tokio::test]
    async fn it_goes_on_until_it_is_lost() {
        let mut kept = Scripted::new(
            600,
            0,
            vec![Err(ErrorKind::LockLost), Ok(()), Err(ErrorKind::Timeout), Ok(())],
        );
        assert_eq!(keep(&mut kept).await.kind(), &ErrorKind::LockLost);
        assert_eq!(kept.renewed, 2);
    }

    #[tokio::test]
    async fn silence_ends_it_at_the_deadline() {
        let mut kept = Scripted::new(200, 0, Vec::new());
        let deadline = kept.keeper.deadline();
        assert_eq!(keep(&mut kept).await.kind(), &ErrorKind::LockLost);
        assert!(Instant::now() >= deadline);
    }

    /// No failure is followed at once by another try, and there is an end.
    #[tokio::test]
    async fn failures_end_what_nothing_relies_on_after_a_while() {
        let mut kept = Scripted::new(100, 400, vec![Err(ErrorKind::Unreachable); 1000]);
        let end = kept.keeper.deadline() + Duration::from_millis(400);
        assert_eq!(keep(&mut kept).await.kind(), &ErrorKind::Unreachable);
        assert!(Instant::now() >= end);
        let tries = 1000 - kept.renewals.len();
        assert!((2..20).contains(&tries), "{tries} tries");
    }
}
