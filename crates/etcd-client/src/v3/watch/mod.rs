//! Being told of changes: every one, once and in order.

mod board;
mod history;
mod hub;
mod line;
mod listing;
mod machine;
mod questions;
mod queue;
mod relist;
mod update;
mod watcher;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use etcd_proto::v3::WatchCreateRequest;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, UnboundedSender};

pub use update::{Changes, Gap, Update, WatchOptions, WatchStatus};
pub use watcher::Watcher;

use self::board::{Command, Watch};
use self::machine::Machine;
use self::queue::Queue;
use crate::error::Error;
use crate::v3::core::Core;

/// The watches of a client and its clones.
#[derive(Debug)]
pub(crate) struct Watches {
    core: Core,
    /// The way to the task that has them, once there was one.
    hub: Mutex<Option<UnboundedSender<Command>>>,
    keys: AtomicU64,
}

impl Watches {
    pub(crate) fn new(core: Core) -> Arc<Self> {
        Arc::new(Self { core, hub: Mutex::new(None), keys: AtomicU64::new(0) })
    }

    /// Has the task make a watch.
    fn add(&self, request: WatchCreateRequest, options: &WatchOptions) -> Result<Place, Error> {
        let key = self.keys.fetch_add(1, Ordering::Relaxed);
        let queue = Arc::new(Queue::new(options.most_events, options.most_bytes));
        let (machine, patience) = (Machine::new(request), options.patience);
        let watch = Watch { machine, queue: Arc::clone(&queue), patience };
        let hub = self.hub()?;
        // The task takes commands for as long as anybody can send one.
        let _ = hub.send(Command::Add(key, Box::new(watch)));
        Ok(Place { key, queue, hub })
    }

    fn hub(&self) -> Result<UnboundedSender<Command>, Error> {
        let mut hub = self.hub.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hub) = hub.as_ref().filter(|hub| !hub.is_closed()) {
            return Ok(hub.clone());
        }
        let runtime = Handle::try_current()
            .map_err(|_| Error::invalid("a watch has to be made within a tokio runtime"))?;
        let (sender, receiver) = mpsc::unbounded_channel();
        runtime.spawn(hub::run(self.core.clone(), receiver));
        Ok(hub.insert(sender).clone())
    }
}

/// A watch's place with the task; dropping it ends the watch on the server.
#[derive(Debug)]
struct Place {
    key: u64,
    queue: Arc<Queue>,
    hub: UnboundedSender<Command>,
}

impl Place {
    fn resume(&self) {
        let _ = self.hub.send(Command::Resume(self.key));
    }

    fn ask_progress(&self) {
        let _ = self.hub.send(Command::Progress);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.hub.send(Command::Drop(self.key));
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use crate::error::ErrorKind;
    use crate::v3::Client;

    #[test]
    fn a_watch_needs_a_runtime_and_ends_with_it() {
        let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client::new("127.0.0.1:1").unwrap();
        let mut outside = client.watch("k");
        let error = runtime().block_on(outside.next()).unwrap().unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::InvalidInput, "{error}");

        let first = runtime();
        let mut watcher = first.block_on(async { client.watch("k") });
        drop(first);
        let error = runtime().block_on(watcher.next()).unwrap().unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Interrupted, "{error}");
        // Others are made on the runtime that there is then.
        let second = runtime();
        let watcher = second.block_on(async { client.watch("k") });
        assert!(watcher.failed.is_none() && !watcher.place.as_ref().unwrap().hub.is_closed());
    }
}
