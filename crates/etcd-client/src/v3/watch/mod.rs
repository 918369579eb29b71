//! Being told of changes: every one, once and in order.

mod hub;
mod line;
mod machine;
mod queue;
mod relist;
mod update;
mod watcher;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use etcd_proto::v3::WatchCreateRequest;
use tokio::sync::mpsc::{self, UnboundedSender};

pub use update::{Changes, Gap, Update, WatchOptions, WatchStatus};
pub use watcher::Watcher;

use self::hub::{Command, Watch};
use self::machine::Machine;
use self::queue::Queue;
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
    fn add(&self, request: WatchCreateRequest, options: &WatchOptions) -> Place {
        let key = self.keys.fetch_add(1, Ordering::Relaxed);
        let queue = Arc::new(Queue::new(options.most_events, options.most_bytes));
        let (machine, patience) = (Machine::new(request), options.patience);
        let watch = Watch { machine, queue: Arc::clone(&queue), patience };
        let hub = self.hub();
        // The task takes commands for as long as anybody can send one.
        let _ = hub.send(Command::Add(key, Box::new(watch)));
        Place { key, queue, hub }
    }

    fn hub(&self) -> UnboundedSender<Command> {
        let mut hub = self.hub.lock().unwrap_or_else(PoisonError::into_inner);
        match hub.as_ref().filter(|hub| !hub.is_closed()) {
            Some(hub) => hub.clone(),
            None => {
                let (sender, receiver) = mpsc::unbounded_channel();
                tokio::spawn(hub::run(self.core.clone(), receiver));
                hub.insert(sender).clone()
            }
        }
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
