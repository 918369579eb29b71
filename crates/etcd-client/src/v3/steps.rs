//! Items that come one step after another, and a step that may be left and taken up again.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use crate::error::Error;

/// What a step came to: an item, if any, and what to go on with, if there is more.
pub(super) type Stepped<S, T> = (Option<S>, Option<Result<T, Error>>);

/// A step under way.
pub(super) type Work<S, T> = Pin<Box<dyn Future<Output = Stepped<S, T>> + Send>>;

/// A state that steps forward, for a stream around it.
///
/// A step that is under way stays here when whoever waits for it is dropped, so nothing is lost.
pub(super) struct Steps<S, T> {
    at: At<S, T>,
    step: fn(S) -> Work<S, T>,
}

enum At<S, T> {
    Rest(S),
    /// In a mutex that is never locked, as it makes this `Sync`.
    Work(Mutex<Work<S, T>>),
    End,
}

impl<S, T> Steps<S, T> {
    pub(super) fn new(state: S, step: fn(S) -> Work<S, T>) -> Self {
        Self { at: At::Rest(state), step }
    }

    /// The next item; nothing at the end, which an error is too.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, Error>>> {
        loop {
            match std::mem::replace(&mut self.at, At::End) {
                At::Rest(state) => self.at = At::Work(Mutex::new((self.step)(state))),
                At::Work(mut work) => {
                    let polled = work.get_mut().unwrap_or_else(PoisonError::into_inner);
                    let Poll::Ready((state, item)) = polled.as_mut().poll(cx) else {
                        self.at = At::Work(work);
                        return Poll::Pending;
                    };
                    if let (Some(state), None | Some(Ok(_))) = (state, &item) {
                        self.at = At::Rest(state);
                    }
                    if item.is_some() {
                        return Poll::Ready(item);
                    }
                }
                At::End => return Poll::Ready(None),
            }
        }
    }
}

impl<S, T> fmt::Debug for Steps<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.at {
            At::Rest(_) | At::Work(_) => "open",
            At::End => "ended",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_made_of_steps_can_be_shared_and_moved() {
        fn can<T: Send + Sync + Unpin>() {}
        can::<crate::v3::RangeStream>();
        can::<crate::v3::Snapshot>();
        can::<crate::v3::Observe>();
    }

    async fn collected(steps: &mut Steps<u32, u32>) -> Vec<Result<u32, String>> {
        let mut items = Vec::new();
        while let Some(item) = poll_fn(|cx| steps.poll_next(cx)).await {
            items.push(item.map_err(|error| error.to_string()));
        }
        items
    }

    #[tokio::test]
    async fn steps_without_an_item_are_passed_over_and_an_error_is_the_end() {
        let mut steps = Steps::new(0, |n| {
            Box::pin(async move {
                match n {
                    0 | 2 => (Some(n + 1), None),
                    5 => (Some(n + 1), Some(Err(Error::invalid("five")))),
                    n => (Some(n + 1), Some(Ok(n))),
                }
            })
        });
        let items = collected(&mut steps).await;
        assert_eq!(items, [Ok(1), Ok(3), Ok(4), Err("five".to_owned())]);
        assert_eq!(collected(&mut steps).await, []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_is_left_is_taken_up_again() {
        let mut steps = Steps::new(0, |n| {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(70)).await;
                ((n < 3).then_some(n + 1), Some(Ok(n)))
            })
        });
        let mut items = Vec::new();
        loop {
            let next = poll_fn(|cx| steps.poll_next(cx));
            match tokio::time::timeout(Duration::from_millis(20), next).await {
                Ok(Some(item)) => items.push(item.expect("no error")),
                Ok(None) => break,
                Err(_) => {}
            }
        }
        assert_eq!(items, [0, 1, 2, 3]);
    }
}
