//! The tree itself.

use std::time::Duration;

use super::auth::{Auth, AuthOperation, AuthReply, Identity};
use super::error::Error;
use super::event::{Action, Event, Shown};
use super::history::History;
use super::nodes::{Node, Nodes, Path};
use super::operation::{Compare, Operation, Write};
use super::refusal::Refusal;
use super::stats::Stats;

/// What an etcd of v2 keeps.
#[derive(Clone, Debug, Default)]
pub struct Store {
    nodes: Nodes,
    index: u64,
    history: History,
    auth: Auth,
    stats: Stats,
    /// Whether names made in order are padded, as from 2.2 on.
    unpadded: bool,
}

impl Store {
    /// An empty tree whose names made in order are padded with zeros or not.
    pub fn new(padded: bool) -> Self {
        Self { unpadded: !padded, ..Self::default() }
    }

    /// The index of the last change.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The users and roles.
    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    /// How often what was asked.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Counts writes that etcd makes beside the keys, as it does those of members.
    pub fn skip(&mut self, writes: u64) {
        self.index += writes;
    }

    /// Whether who makes a request may read or write a key, or all below it too.
    ///
    /// etcd reads from the tree whether anyone is asked who he is, and counts that.
    pub fn may(&mut self, identity: &Identity, key: &str, write: bool, recursive: bool) -> bool {
        self.stats.gets.add(self.auth.is_prepared());
        self.auth.may(identity, key, write, recursive)
    }

    /// Changes users and roles, which has indexes as changes of keys do.
    ///
    /// # Errors
    ///
    /// As etcd refuses it.
    pub fn apply_auth(&mut self, operation: AuthOperation) -> Result<AuthReply, Refusal> {
        let before = self.auth.writes();
        let done = self.auth.apply(operation);
        self.skip(self.auth.writes() - before);
        done
    }

    /// When the next node ends.
    pub fn next_end(&self) -> Option<Duration> {
        self.nodes.next_end().map(|(end, _)| end)
    }

    /// The first event from an index on that a watch of a path is to see.
    ///
    /// `stood` is the index that the store had when the watch began: what was history then is told
    /// by another rule than what came after.
    ///
    /// # Errors
    ///
    /// 401 where events from that index on were forgotten.
    pub fn watch(
        &self,
        path: &str,
        recursive: bool,
        since: u64,
        stood: u64,
    ) -> Result<Option<&Event>, Error> {
        self.history.first(&key(&split(path)), recursive, since, (stood, self.index))
    }

    /// Answers a request about a path.
    ///
    /// # Errors
    ///
    /// As etcd refuses it; nothing has changed then.
    pub fn apply(
        &mut self,
        path: &str,
        operation: &Operation,
        now: Duration,
    ) -> Result<Event, Error> {
        self.expire(now);
        let path = split(path);
        if path.len() >= MOST_NAMES {
            return Err(Error::new(209, format!("a key of {MOST_NAMES} names or more"), 0));
        }
        let done = self.done(path, operation, now);
        self.stats.add(operation, &done);
        done
    }

    fn done(&mut self, path: Path, operation: &Operation, now: Duration) -> Result<Event, Error> {
        if path.is_empty()
            && !matches!(operation, Operation::Get { .. } | Operation::CreateInOrder(_))
        {
            return Err(self.error(107, "/"));
        }
        match operation {
            Operation::Get { recursive } => self.get(&path, *recursive, now),
            Operation::Set(write) => self.set(path, write, now),
            Operation::Create(write) => self.create(Action::Create, path, write, false, now),
            Operation::CreateInOrder(write) => {
                let next = self.index + 1;
                let name = if self.unpadded { next.to_string() } else { format!("{next:020}") };
                let path = path.into_iter().chain([name]).collect();
                self.create(Action::Create, path, write, false, now)
            }
            Operation::Update(write) => self.update(&path, write, now),
            Operation::CompareAndSwap(compare, write) => self.swap(&path, compare, write, now),
            Operation::Delete { dir, recursive } => self.delete(&path, *dir, *recursive, now),
            Operation::CompareAndDelete(compare) => self.compare_delete(&path, compare, now),
        }
    }

    /// Ends what has run out, the earliest first; returns whether there was any.
    ///
    /// What ends this very moment is still there, as it is in etcd until its next tick.
    pub fn expire(&mut self, now: Duration) -> bool {
        let before = self.index;
        while let Some((end, path)) = self.nodes.next_end().filter(|(end, _)| *end < now) {
            let (path, end) = (path.clone(), end.max(now));
            self.remove(Action::Expire, &path, end);
            self.stats.expired += 1;
        }
        self.index != before
    }

    fn error(&self, code: u32, cause: impl Into<String>) -> Error {
        Error::new(code, cause, self.index)
    }

    fn find(&self, path: &[String]) -> Result<&Node, Error> {
        for end in 1..path.len() {
            match self.nodes.get(&path[..end]) {
                None => return Err(self.error(100, key(&path[..end]))),
                Some(node) if node.value.is_some() => {
                    return Err(self.error(104, key(&path[..end])));
                }
                Some(_) => {}
            }
        }
        self.nodes.get(path).ok_or_else(|| self.error(100, key(path)))
    }

    fn find_file(&self, path: &[String]) -> Result<&Node, Error> {
        let node = self.find(path)?;
        if node.value.is_none() { Err(self.error(102, key(path))) } else { Ok(node) }
    }

    fn shown(&self, path: &[String], node: &Node, now: Duration) -> Shown {
        Shown {
            key: key(path),
            value: node.value.clone(),
            dir: node.value.is_none(),
            expiration: node.expiration,
            ttl: node.expiration.map_or(0, |end| seconds(end.saturating_sub(now))),
            nodes: Vec::new(),
            modified: node.modified,
            created: node.created,
        }
    }

    fn listed(&self, path: &[String], depth: usize, now: Duration) -> Vec<Shown> {
        let seen = self.nodes.children(path).filter(|(at, _)| !at[path.len()].starts_with('_'));
        seen.map(|(at, node)| {
            let mut shown = self.shown(at, node, now);
            if depth > 1 {
                shown.nodes = self.listed(at, depth - 1, now);
            }
            shown
        })
        .collect()
    }

    fn get(&self, path: &[String], recursive: bool, now: Duration) -> Result<Event, Error> {
        let mut node = if path.is_empty() {
            Shown { dir: true, ..Shown::default() }
        } else {
            self.shown(path, self.find(path)?, now)
        };
        node.nodes = self.listed(path, if recursive { MOST_NAMES } else { 1 }, now);
        Ok(Event { action: Action::Get, node, previous: None, refresh: false, gone: Vec::new() })
    }

    fn set(&mut self, path: Path, write: &Write, now: Duration) -> Result<Event, Error> {
        let mut write = write.clone();
        match self.find(&path) {
            Ok(node) if write.refresh => write.value = node.value.clone().unwrap_or_default(),
            Err(error) if write.refresh || error.code != 100 => return Err(error),
            _ => {}
        }
        self.create(Action::Set, path, &write, true, now)
    }

    fn create(
        &mut self,
        action: Action,
        path: Path,
        write: &Write,
        replace: bool,
        now: Duration,
    ) -> Result<Event, Error> {
        for end in 1..path.len() {
            if self.nodes.get(&path[..end]).is_some_and(|node| node.value.is_some()) {
                return Err(self.error(104, key(&path[..end])));
            }
        }
        let previous = match self.nodes.get(&path) {
            Some(_) if !replace => return Err(self.error(105, key(&path))),
            Some(node) if node.value.is_none() => return Err(self.error(102, key(&path))),
            found => found.map(|node| self.shown(&path, node, now)),
        };
        self.index += 1;
        let made =
            |value| Node { value, created: self.index, modified: self.index, expiration: None };
        for end in 1..path.len() {
            if self.nodes.get(&path[..end]).is_none() {
                self.nodes.insert(&path[..end], made(None));
            }
        }
        let value = (!write.dir).then(|| write.value.clone());
        self.nodes.insert(&path, Node { expiration: write.expiration, ..made(value) });
        // Whatever is asked, a key that is made is told of.
        Ok(self.tell(action, &path, previous, write.refresh && replace, now))
    }

    fn update(&mut self, path: &[String], write: &Write, now: Duration) -> Result<Event, Error> {
        let node = self.find(path)?;
        if node.value.is_none() && !write.value.is_empty() {
            return Err(self.error(102, key(path)));
        }
        Ok(self.change(Action::Update, path, write, now))
    }

    fn swap(
        &mut self,
        path: &[String],
        compare: &Compare,
        write: &Write,
        now: Duration,
    ) -> Result<Event, Error> {
        self.compare(self.find_file(path)?, compare)?;
        Ok(self.change(Action::CompareAndSwap, path, write, now))
    }

    fn change(&mut self, action: Action, path: &[String], write: &Write, now: Duration) -> Event {
        let previous = self.nodes.get(path).map(|node| self.shown(path, node, now));
        self.index += 1;
        self.nodes.change(path, |node| {
            // A directory is not marked as modified.
            if let Some(value) = &mut node.value {
                node.modified = self.index;
                if !write.refresh {
                    value.clone_from(&write.value);
                }
            }
            node.expiration = write.expiration;
        });
        self.tell(action, path, previous, write.refresh, now)
    }

    fn tell(
        &mut self,
        action: Action,
        path: &[String],
        previous: Option<Shown>,
        refresh: bool,
        now: Duration,
    ) -> Event {
        let node = self.nodes.get(path).map(|node| self.shown(path, node, now)).unwrap_or_default();
        let node = Shown { modified: self.index, ..node };
        let event = Event { action, node, previous, refresh, gone: Vec::new() };
        self.history.push(event.clone());
        event
    }

    fn compare(&self, node: &Node, compare: &Compare) -> Result<(), Error> {
        let value = node.value.as_deref().unwrap_or_default();
        let mut causes = Vec::new();
        if !compare.value.is_empty() && compare.value != value {
            causes.push(format!("[{} != {value}]", compare.value));
        }
        if compare.index != 0 && compare.index != node.modified {
            causes.push(format!("[{} != {}]", compare.index, node.modified));
        }
        if causes.is_empty() { Ok(()) } else { Err(self.error(101, causes.join(" "))) }
    }

    fn delete(
        &mut self,
        path: &[String],
        dir: bool,
        recursive: bool,
        now: Duration,
    ) -> Result<Event, Error> {
        if self.find(path)?.value.is_none() {
            if !dir && !recursive {
                return Err(self.error(102, key(path)));
            }
            if !recursive && self.nodes.children(path).next().is_some() {
                return Err(self.error(108, key(path)));
            }
        }
        Ok(self.remove(Action::Delete, path, now))
    }

    fn compare_delete(
        &mut self,
        path: &[String],
        compare: &Compare,
        now: Duration,
    ) -> Result<Event, Error> {
        self.compare(self.find_file(path)?, compare)?;
        Ok(self.remove(Action::CompareAndDelete, path, now))
    }

    fn remove(&mut self, action: Action, path: &[String], now: Duration) -> Event {
        let previous = self.nodes.get(path).map(|node| self.shown(path, node, now));
        let gone = self.nodes.remove(path).iter().map(|at| key(at)).collect();
        self.index += 1;
        let node = Shown {
            key: key(path),
            dir: previous.as_ref().is_some_and(|node| node.dir),
            modified: self.index,
            created: previous.as_ref().map_or(0, |node| node.created),
            ..Shown::default()
        };
        let event = Event { action, node, previous, refresh: false, gone };
        self.history.push(event.clone());
        event
    }
}

/// How many names a key has not: each directory on the way is kept with all names above it.
const MOST_NAMES: usize = 256;

fn split(path: &str) -> Path {
    let mut names = Path::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name.to_owned()),
        }
    }
    names
}

fn key(path: &[String]) -> String {
    format!("/{}", path.join("/"))
}

fn seconds(left: Duration) -> u64 {
    left.as_secs() + u64::from(left.subsec_nanos() > 0)
}
