//! The last events, and what a watch is told of them.

use std::collections::VecDeque;

use super::error::Error;
use super::event::Event;

/// How many events are kept.
pub const KEPT: usize = 1000;

/// The last events, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History(VecDeque<Event>);

impl History {
    pub(super) fn push(&mut self, event: Event) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(event);
    }

    /// The first event from an index on that a watch is to see.
    ///
    /// # Errors
    ///
    /// 401 where events from that index on were forgotten.
    pub fn first(
        &self,
        path: &str,
        recursive: bool,
        since: u64,
        (stood, index): (u64, u64),
    ) -> Result<Option<&Event>, Error> {
        let Some(oldest) = self.0.front().map(|event| event.node.modified) else { return Ok(None) };
        if since < oldest && self.0.len() == KEPT {
            let cause = format!("the requested history has been cleared [{oldest}/{since}]");
            return Err(Error::new(401, cause, index));
        }
        let mut from = self.0.iter().filter(|event| event.node.modified >= since && !event.refresh);
        Ok(from.find(|event| {
            let seen = if event.node.modified <= stood { recalled } else { told };
            seen(event, path, recursive)
        }))
    }
}

/// Whether a watch finds an event in history: etcd's rule minds neither hidden names nor that a
/// directory's name may be a part of another.
fn recalled(event: &Event, path: &str, recursive: bool) -> bool {
    let key = event.node.key.as_str();
    let gone = !event.gone.is_empty() && event.node.dir;
    key == path || (recursive && below(key, path).is_some()) || (gone && path.starts_with(key))
}

/// Whether a watch that stands is told of an event.
fn told(event: &Event, path: &str, recursive: bool) -> bool {
    let key = event.node.key.as_str();
    if key == path || event.gone.iter().any(|gone| gone == path) {
        return true;
    }
    let rest = below(key, path).filter(|_| recursive);
    rest.is_some_and(|rest| !rest.split('/').any(|name| name.starts_with('_')))
}

/// The rest of a path that is below a directory.
fn below<'a>(path: &'a str, dir: &str) -> Option<&'a str> {
    if dir == "/" { path.strip_prefix('/') } else { path.strip_prefix(dir)?.strip_prefix('/') }
}
