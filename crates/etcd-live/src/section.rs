//! What those do who contend for a lock, to find out whether another one is inside too.
//!
//! Two keys of the store itself are the witnesses. `owner` is made on entering and removed on
//! leaving, each time compared: who finds another owner there must find that owner's place in the
//! lock's queue gone. `count` holds how often anyone was inside, and the last one's token, which
//! must grow.

use std::fmt;

use etcd_client::blocking::Session;
use etcd_client::session::{Key, SetOptions};
use etcd_client::{Error, ErrorKind};

/// How often a write is tried whose outcome is unknown.
const MOST_TRIES: u32 = 5;

/// A place where only the holder of a lock may be.
#[derive(Debug)]
pub struct Section {
    session: Session,
    lock: String,
}

/// A stay inside that went as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// How many stays there were, with this one.
    pub count: u64,
    /// The token of one who had entered and never left, and who holds the lock no longer.
    pub left_behind: Option<u64>,
}

/// A stay inside that did not.
#[derive(Debug)]
pub enum Fault {
    /// Another one was inside.
    Overlap(String),
    /// The store did not answer.
    Store(Error),
}

impl Section {
    /// The section that this lock guards.
    pub fn of(session: Session, lock: &str) -> Self {
        Self { session, lock: lock.to_owned() }
    }

    /// Enters as the holder with this token, counts, does something, and leaves.
    ///
    /// # Errors
    ///
    /// [`Fault::Overlap`] when another one was inside, or had a higher token.
    pub fn pass(&self, token: u64, inside: impl FnOnce(u64)) -> Result<Passed, Fault> {
        let left_behind = self.enter(token)?;
        let count = self.count_up(token)?;
        inside(count);
        self.leave(token)?;
        Ok(Passed { count, left_behind })
    }

    /// How many stays there were.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub fn count(&self) -> Result<u64, Error> {
        Ok(self.last()?.0)
    }

    fn enter(&self, token: u64) -> Result<Option<u64>, Fault> {
        let (owner, mine) = (self.key("owner"), token.to_string());
        let Some(other) = self.swap(&owner, None, &mine)? else { return Ok(None) };
        let left_behind = other.parse().map_err(|_| self.overlap(token, "no token", &other))?;
        if self.is_queued(left_behind)? {
            return Err(self.overlap(token, "the owner, who has the lock too, is", &other));
        }
        match self.swap(&owner, Some(&other), &mine)? {
            None => Ok(Some(left_behind)),
            Some(third) => Err(self.overlap(token, "another one entered:", &third)),
        }
    }

    fn count_up(&self, token: u64) -> Result<u64, Fault> {
        let (count, last) = self.last()?;
        if last >= token {
            return Err(self.overlap(token, "the last token is", &last.to_string()));
        }
        let before = (count > 0).then(|| format!("{count} {last}"));
        let after = format!("{} {token}", count + 1);
        match self.swap(&self.key("count"), before.as_deref(), &after)? {
            None => Ok(count + 1),
            Some(other) => Err(self.overlap(token, "the count was changed to", &other)),
        }
    }

    fn leave(&self, token: u64) -> Result<(), Fault> {
        let (owner, mine) = (self.key("owner"), token.to_string());
        for tries in 1..=MOST_TRIES {
            let Err(error) = self.session.delete_if(&owner, &mine) else { return Ok(()) };
            match error.kind() {
                // By a try whose answer was lost.
                ErrorKind::KeyNotFound if tries > 1 => return Ok(()),
                ErrorKind::KeyNotFound | ErrorKind::PreconditionFailed { .. } => {
                    return Err(self.overlap(token, "leaving:", &error.to_string()));
                }
                _ if error.is_outcome_unknown() => {}
                _ => return Err(error.into()),
            }
        }
        Err(self.overlap(token, "still there after", "each try to leave"))
    }

    /// Replaces a value by another one, or tells what stands there instead.
    fn swap(&self, key: &str, from: Option<&str>, to: &str) -> Result<Option<String>, Error> {
        let options = match from {
            Some(from) => SetOptions::new().previous(from.to_owned()),
            None => SetOptions::new().absent(),
        };
        let mut tries = 1;
        loop {
            let Err(error) = self.session.set_with(key, to, &options) else { return Ok(None) };
            let known = matches!(
                error.kind(),
                ErrorKind::PreconditionFailed { .. } | ErrorKind::KeyNotFound
            );
            if !known && (!error.is_outcome_unknown() || tries == MOST_TRIES) {
                return Err(error);
            }
            tries += 1;
            match self.text(key)? {
                // Ours, by a try whose answer was lost.
                Some(present) if present == to => return Ok(None),
                present if present.as_deref() == from => {}
                present => return Ok(Some(present.unwrap_or_else(|| "nothing".to_owned()))),
            }
        }
    }

    /// How often anyone was inside, and the last one's token.
    fn last(&self) -> Result<(u64, u64), Error> {
        let text = self.text(&self.key("count"))?.unwrap_or_else(|| "0 0".to_owned());
        let (count, token) = text.split_once(' ').unwrap_or(("", ""));
        Ok((count.parse().unwrap_or(u64::MAX), token.parse().unwrap_or(u64::MAX)))
    }

    /// Whether the one with this token still stands in the lock's queue.
    fn is_queued(&self, token: u64) -> Result<bool, Error> {
        let queue = match self.session.list(format!("/_locks/{}", self.lock)) {
            Err(error) if error.is_key_not_found() => Vec::new(),
            listed => listed?,
        };
        let is_its = |key: &Key| key.to_str()?.rsplit('/').next()?.parse().ok();
        Ok(queue.iter().any(|place| is_its(&place.key) == Some(token)))
    }

    fn text(&self, key: &str) -> Result<Option<String>, Error> {
        let entry = self.session.get_opt(key)?;
        Ok(entry.map(|entry| String::from_utf8_lossy(&entry.value).into_owned()))
    }

    fn key(&self, name: &str) -> String {
        format!("/section/{}/{name}", self.lock)
    }

    fn overlap(&self, token: u64, what: &str, other: &str) -> Fault {
        Fault::Overlap(format!("{} held with token {token}: {what} {other}", self.lock))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overlap(what) => write!(f, "overlap: {what}"),
            Self::Store(error) => write!(f, "the store: {error}"),
        }
    }
}

impl std::error::Error for Fault {}
