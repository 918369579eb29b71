//! The last events, and what a watch is told of them.

use std::collections::VecDeque;

use super::error::Error;
use super::event::{Action, Event};

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
        index: u64,
    ) -> Result<Option<&Event>, Error> {
        let Some(oldest) = self.0.front().map(|event| event.node.modified) else { return Ok(None) };
        if since < oldest && self.0.len() == KEPT {
            let cause = format!("the requested history has been cleared [{oldest}/{since}]");
            return Err(Error::new(401, cause, index));
        }
        let mut from = self.0.iter().filter(|event| event.node.modified >= since && !event.refresh);
        Ok(from.find(|event| is_seen(event, path, recursive)))
    }
}

fn is_seen(event: &Event, path: &str, recursive: bool) -> bool {
    let key = event.node.key.as_str();
    if key == path {
        return true;
    }
    if recursive && let Some(rest) = below(key, path) {
        return !rest.split('/').any(|name| name.starts_with('_'));
    }
    // What is below goes with its directory.
    let gone = matches!(event.action, Action::Delete | Action::Expire) && event.node.dir;
    gone && below(path, key).is_some()
}

/// The rest of a path that is below a directory.
fn below<'a>(path: &'a str, dir: &str) -> Option<&'a str> {
    if dir == "/" { path.strip_prefix('/') } else { path.strip_prefix(dir)?.strip_prefix('/') }
}
