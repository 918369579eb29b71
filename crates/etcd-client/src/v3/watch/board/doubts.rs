//! What has to be found out beside the stream, and what follows from it.

use std::time::{Duration, Instant};

use etcd_proto::key::KeyRange;

use super::{Board, Lost};
use crate::Outcome;
use crate::error::{Error, ErrorKind};
use crate::v3::watch::history::History;

/// How long a stream may be quiet before its member is asked whether it is there, …
const QUIET: Duration = Duration::from_secs(5);
/// … and how long where others found that it is not.
const DOUBTED: Duration = Duration::from_secs(1);

/// What has to be found out beside the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::v3::watch) enum Question {
    /// Whether this history still holds, by a read of this key.
    History(History, KeyRange),
    /// Whether the member tells progress only when it has told all changes.
    Progress,
    /// Whether the member is there.
    Presence,
}

/// What was found.
#[derive(Debug)]
pub(in crate::v3::watch) enum Finding {
    /// Why the history does not hold; nothing where it does, or where nobody could say.
    History(Option<String>),
    /// Whether the member can be trusted with progress.
    Progress(bool),
    /// Whether the member is there, of a question that was asked then.
    Presence(bool, Instant),
}

impl Board {
    /// Doubts that the member is there which has been quiet for long, or has failed others since.
    pub(in crate::v3::watch) fn doubt(&mut self, failed: Option<Instant>, now: Instant) {
        if let Some(stream) = &mut self.stream {
            let last = stream.heard.max(stream.present);
            let quiet = now.saturating_duration_since(last);
            let failed = failed.is_some_and(|failed| failed > last);
            stream.doubted = quiet >= QUIET || (failed && quiet >= DOUBTED);
        }
    }

    /// What has to be found out, and is not being found out yet.
    pub(in crate::v3::watch) fn question(&mut self) -> Option<Question> {
        let stream = self.stream.as_mut()?;
        if stream.progress && stream.trusted.is_none() {
            return Some(Question::Progress);
        }
        if std::mem::take(&mut stream.doubted) {
            return Some(Question::Presence);
        }
        let entry = self.entries.get(&stream.doubtful.take()?)?;
        Some(Question::History(self.history, entry.watch.machine.key()))
    }

    pub(in crate::v3::watch) fn found(
        &mut self,
        finding: Finding,
        now: Instant,
    ) -> Result<(), Lost> {
        match finding {
            Finding::Presence(present, asked) => {
                let Some(stream) = &mut self.stream else { return Ok(()) };
                if !present && stream.heard < asked {
                    return Err(Lost::Member("it is quiet, and answers no call".into()));
                }
                stream.present = now;
                Ok(())
            }
            Finding::History(None) => Ok(()),
            Finding::History(Some(why)) => Err(another_history(why)),
            Finding::Progress(trusted) => {
                if let Some(stream) = &mut self.stream {
                    stream.trusted = Some(trusted);
                    stream.ask_progress();
                }
                Ok(())
            }
        }
    }
}

pub(super) fn another_history(why: String) -> Lost {
    Lost::Refused(Error::new(ErrorKind::AnotherHistory, Outcome::NotApplied, why))
}
