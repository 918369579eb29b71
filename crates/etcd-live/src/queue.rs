//! Those who hold a lock and wait for it, as they stand in the store.

use std::thread;
use std::time::{Duration, Instant};

use etcd_client::blocking::Session;

/// How long a queue may take to become what is expected.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(10);

/// How many stand in a lock's queue.
///
/// # Panics
///
/// When the store does not answer.
pub fn queued(session: &Session, lock: &str) -> usize {
    match session.list(format!("/_locks/{lock}")) {
        Err(error) if error.is_key_not_found() => 0,
        listed => listed.expect("a list").len(),
    }
}

/// Waits until so many stand in a lock's queue.
///
/// # Panics
///
/// When there are not so many after a minute.
pub fn until_queued(session: &Session, lock: &str, wanted: usize) {
    let patience = Instant::now() + PATIENCE;
    while queued(session, lock) != wanted {
        assert!(Instant::now() < patience, "never {wanted} in the queue of {lock:?}");
        thread::sleep(LOOK);
    }
}
