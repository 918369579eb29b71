//! The line before a lock, as the lock module of the first etcds keeps it: keys in order.

use std::time::Duration;

use super::error::Error;
use super::operation::{Operation, Write};
use super::tree::Store;

/// Where the module keeps its lines.
const LOCKS: &str = "/_etcd/mod/lock";

/// One place in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The index that it was made at, by which it is renewed and given up.
    pub index: u64,
    /// What its holder is called.
    pub value: String,
}

/// The line before a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    dir: String,
}

impl Line {
    /// The line before the lock of a key.
    pub fn new(key: &str) -> Self {
        Self { dir: format!("{LOCKS}/{key}") }
    }

    /// Who holds the lock, and then who waits.
    ///
    /// # Errors
    ///
    /// 100 where nobody ever asked for the lock.
    pub fn places(&self, store: &mut Store, now: Duration) -> Result<Vec<Place>, Error> {
        let listed = store.apply(&self.dir, &Operation::Get { recursive: false }, now)?;
        let place = |node: super::event::Shown| {
            let index = node.key.rsplit('/').next()?.parse().ok()?;
            // What is below another lock's name is a directory here.
            Some(Place { index, value: node.value? })
        };
        let mut places: Vec<_> = listed.node.nodes.into_iter().filter_map(place).collect();
        places.sort_unstable_by_key(|place| place.index);
        Ok(places)
    }

    /// Takes the last place, which does not end by itself before it is granted.
    ///
    /// # Errors
    ///
    /// As for making a key.
    pub fn enter(&self, store: &mut Store, value: &str, now: Duration) -> Result<u64, Error> {
        let write = Write { value: value.to_owned(), ..Write::default() };
        let made = store.apply(&self.dir, &Operation::CreateInOrder(write), now)?;
        Ok(made.node.created)
    }

    /// Grants the lock to a place if it is the first; returns whether it is.
    ///
    /// # Errors
    ///
    /// 100 where the place is no more.
    pub fn grant(
        &self,
        store: &mut Store,
        index: u64,
        ttl: u64,
        now: Duration,
    ) -> Result<bool, Error> {
        let places = self.places(store, now)?;
        let is_there = places.iter().any(|place| place.index == index);
        if is_there && places.first().is_none_or(|first| first.index != index) {
            return Ok(false);
        }
        self.renew(store, &index.to_string(), ttl, now).map(|()| true)
    }

    /// Has a place last so many seconds from now, or for good where they are 0.
    ///
    /// # Errors
    ///
    /// 100 where there is no such place.
    pub fn renew(
        &self,
        store: &mut Store,
        index: &str,
        ttl: u64,
        now: Duration,
    ) -> Result<(), Error> {
        let key = self.key(index);
        let held = store.apply(&key, &Operation::Get { recursive: false }, now)?;
        let value = held.node.value.unwrap_or_default();
        let end = now.saturating_add(Duration::from_secs(ttl));
        let expiration = (ttl > 0).then_some(end);
        let write = Write { value, expiration, ..Write::default() };
        store.apply(&key, &Operation::Update(write), now).map(drop)
    }

    /// Gives a place up.
    ///
    /// # Errors
    ///
    /// 100 where there is no such place.
    pub fn leave(&self, store: &mut Store, index: &str, now: Duration) -> Result<(), Error> {
        let delete = Operation::Delete { dir: false, recursive: false };
        store.apply(&self.key(index), &delete, now).map(drop)
    }

    fn key(&self, index: &str) -> String {
        format!("{}/{index}", self.dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_is_granted_the_lock_however_many_digits_it_has() {
        let mut store = Store::new(false);
        let (line, now) = (Line::new("k"), Duration::ZERO);
        let made: Vec<_> = (0..10).map(|_| line.enter(&mut store, "v", now)).collect();
        let made: Vec<u64> = made.into_iter().map(Result::unwrap_or_default).collect();
        assert_eq!(made, (1..=10).collect::<Vec<_>>());
        assert_eq!(line.grant(&mut store, 10, 5, now), Ok(false));
        for index in 1..10 {
            assert_eq!(line.grant(&mut store, index, 5, now), Ok(true));
            assert_eq!(line.grant(&mut store, index + 1, 5, now), Ok(false));
            assert_eq!(line.leave(&mut store, &index.to_string(), now), Ok(()));
        }
        let over = Duration::from_secs(6);
        assert_eq!(line.grant(&mut store, 10, 5, over), Ok(true), "who waits does not end");
        let gone = line.grant(&mut store, 10, 5, over + over);
        assert_eq!(gone.map_err(|error| error.code), Err(100));
    }
}
