//! What the tries to remove a key amount to. Pure.

use crate::error::Error;

/// How often it is tried, while each try leaves it open.
const MOST_TRIES: u32 = 5;

/// The tries so far.
#[derive(Debug, Default)]
pub(super) struct Removal {
    tries: u32,
    /// What left it open whether the key is gone: only an answer of the server settles that.
    open: Option<Error>,
}

impl Removal {
    /// Takes a try's answer; nothing when another is to be made, else whether the key was there.
    pub(super) fn heard(
        &mut self,
        answer: Result<(), Error>,
        is_time_left: bool,
    ) -> Option<Result<bool, Error>> {
        self.tries += 1;
        match answer {
            Ok(()) => Some(Ok(true)),
            // By a try that left it open, as far as anyone can tell.
            Err(error) if error.is_key_not_found() => Some(Ok(self.open.is_some())),
            Err(error) if error.is_outcome_unknown() => {
                let again = self.tries < MOST_TRIES && is_time_left;
                self.open = Some(error);
                if again { None } else { self.open.take().map(Err) }
            }
            Err(error) => Some(Err(self.open.take().unwrap_or(error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, Outcome};

    fn failed(kind: ErrorKind, outcome: Outcome) -> Result<(), Error> {
        Err(Error::new(kind, outcome, "a test"))
    }

    /// Answers in short: `y` removed, `n` not found, `?` unknown, `!` not applied.
    fn told(answers: &str, time_left: impl Fn(u32) -> bool) -> String {
        let mut removal = Removal::default();
        for (number, answer) in answers.chars().enumerate() {
            let answer = match answer {
                'y' => Ok(()),
                'n' => failed(ErrorKind::KeyNotFound, Outcome::NotApplied),
                '?' => failed(ErrorKind::Timeout, Outcome::Unknown),
                _ => failed(ErrorKind::Unreachable, Outcome::NotApplied),
            };
            let tries = number as u32 + 1;
            let ended = match removal.heard(answer, time_left(tries)) {
                None => continue,
                Some(Ok(was_there)) => format!("{was_there}"),
                Some(Err(error)) => error.outcome().to_string(),
            };
            return format!("{ended} after {tries}");
        }
        "goes on".to_owned()
    }

    #[test]
    fn what_one_try_left_open_is_never_forgotten() {
        let always = |_| true;
        let cases = [
            ("y", "true after 1"),
            ("n", "false after 1"),
            ("!", "not applied after 1"),
            ("?", "goes on"),
            ("?n", "true after 2"),
            ("????n", "true after 5"),
            ("????y", "true after 5"),
            ("?!", "outcome unknown after 2"),
            ("????!", "outcome unknown after 5"),
            ("?????", "outcome unknown after 5"),
        ];
        for (answers, expected) in cases {
            assert_eq!(told(answers, always), expected, "{answers}");
        }
    }

    #[test]
    fn without_time_no_other_try_is_made() {
        assert_eq!(told("??n", |tries| tries < 2), "outcome unknown after 2");
    }
}
