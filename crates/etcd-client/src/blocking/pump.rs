//! A runtime that runs while a call is under way.

use std::sync::Arc;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::Error;

/// A runtime on the caller's thread, shared by handles that share connections.
#[derive(Debug, Clone)]
pub(super) struct Pump(Arc<Owned>);

#[derive(Debug)]
struct Owned(Option<Runtime>);

impl Pump {
    pub(super) fn new() -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime
            .map_err(|error| Error::unsupported(format!("no runtime can be started: {error}")))?;
        Ok(Self(Arc::new(Owned(Some(runtime)))))
    }

    /// Runs a call to its end.
    pub(super) fn run<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.wait(call)?
    }

    /// Runs a future to its end.
    pub(super) fn wait<T>(&self, future: impl Future<Output = T>) -> Result<T, Error> {
        match &self.0.0 {
            Some(runtime) if Handle::try_current().is_err() => Ok(runtime.block_on(future)),
            _ => {
                Err(Error::invalid("a blocking call within async code; use the async client there"))
            }
        }
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
