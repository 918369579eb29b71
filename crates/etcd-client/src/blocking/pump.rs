//! A runtime that runs while a call is under way, or on a thread of its own too.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use super::stopper::Stopper;
use crate::Outcome;
use crate::error::Error;

/// A runtime that the caller's thread drives, shared by handles that share connections.
#[derive(Debug, Clone)]
pub(super) struct Pump {
    runtime: Arc<Owned>,
    stopper: Stopper,
}

#[derive(Debug)]
struct Owned(Option<Runtime>);

impl Pump {
    pub(super) fn new() -> Result<Self, Error> {
        Self::on(&mut Builder::new_current_thread())
    }

    /// One with a thread of its own, so that what is done in the background goes on between calls.
    pub(super) fn with_a_thread() -> Result<Self, Error> {
        Self::on(Builder::new_multi_thread().worker_threads(1).thread_name("etcd-client"))
    }

    fn on(builder: &mut Builder) -> Result<Self, Error> {
        let runtime = builder.enable_all().build();
        let runtime = runtime
            .map_err(|error| Error::unsupported(format!("no runtime can be started: {error}")))?;
        Ok(Self { runtime: Arc::new(Owned(Some(runtime))), stopper: Stopper::default() })
    }

    /// What ends the calls that run here.
    pub(super) fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// The same runtime, for what can be stopped by itself too.
    pub(super) fn below(&self) -> Self {
        Self { runtime: Arc::clone(&self.runtime), stopper: self.stopper.below() }
    }

    /// Runs a call to its end.
    pub(super) fn run<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.wait(call)?
    }

    /// Does what needs a runtime to be there, and waits for nothing.
    pub(super) fn within<T>(&self, make: impl FnOnce() -> T) -> T {
        let _within = self.runtime.0.as_ref().map(Runtime::enter);
        make()
    }

    /// What a stream gives next within this time; nothing when nothing comes, or at its end.
    pub(super) fn next_within<T>(
        &self,
        most: Duration,
        next: impl Future<Output = Option<Result<T, Error>>>,
    ) -> Result<Option<T>, Error> {
        match self.wait(async { tokio::time::timeout(most, next).await })? {
            Ok(item) => item.transpose(),
            Err(_) => Ok(None),
        }
    }

    /// What a stream gives next, however long that takes; nothing at its end.
    pub(super) fn next<T>(
        &self,
        next: impl Future<Output = Option<Result<T, Error>>>,
    ) -> Option<Result<T, Error>> {
        self.wait(next).unwrap_or_else(|error| Some(Err(error)))
    }

    /// Runs a future to its end, or until it is stopped.
    pub(super) fn wait<T>(&self, future: impl Future<Output = T>) -> Result<T, Error> {
        let runtime = match &self.runtime.0 {
            Some(runtime) if Handle::try_current().is_err() => runtime,
            _ => {
                let why = "a blocking call within async code; use the async client there";
                return Err(Error::invalid(why));
            }
        };
        if self.stopper.is_stopped() {
            return Err(Error::closed(Outcome::NotApplied));
        }
        runtime.block_on(async {
            tokio::select! {
                biased;
                done = future => Ok(done),
                () = self.stopper.stopped() => Err(Error::closed(Outcome::Unknown)),
            }
        })
    }
}

/// A runtime must not be waited for when it is dropped within another.
impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
