//! Whether a lease surely lives: pure, and once it has ended it stays so.

use std::fmt;
use std::time::Duration;

use crate::moment::Moment;

/// Why a lease is not kept any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// Its whole time to live went by without a renewal: the server has ended it, or is about to.
    ///
    /// So it is when this process or its machine was stopped.
    Expired,
    /// The server had ended it before its time: somebody revoked it.
    Revoked,
    /// No server renewed it in time. It may live on, but not surely.
    NotRenewed,
    /// It was given up here: its last handle was dropped, or revoked it.
    Closed,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "its time to live is over",
            Self::Revoked => "it was revoked",
            Self::NotRenewed => "it could not be renewed in time",
            Self::Closed => "it was given up",
        })
    }
}

/// Until when a lease surely lives, or why it does no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Lives {
        /// Until when it surely does.
        surely: Moment,
        /// When the server may end it.
        end: Moment,
    },
    Ended(Ended),
}

impl Life {
    /// How long it surely lives yet. Whoever looks late finds that it has ended, and then so does
    /// everybody after.
    pub(super) fn look(&mut self, now: Moment) -> Result<Duration, Ended> {
        match *self {
            Self::Lives { surely, .. } if now < surely => Ok(surely.since(now)),
            Self::Lives { end, .. } => {
                Err(self.ended(if now < end { Ended::NotRenewed } else { Ended::Expired }))
            }
            Self::Ended(why) => Err(why),
        }
    }

    /// It was renewed, which counts only while nobody could have found that it had ended.
    pub(super) fn renew(&mut self, surely: Moment, end: Moment, now: Moment) -> Result<(), Ended> {
        self.look(now)?;
        *self = Self::Lives { surely, end };
        Ok(())
    }

    /// It ends for this reason, unless it had ended before.
    pub(super) fn end(&mut self, why: Ended, now: Moment) -> Ended {
        match self.look(now) {
            Ok(_) => self.ended(why),
            Err(before) => before,
        }
    }

    fn ended(&mut self, why: Ended) -> Ended {
        *self = Self::Ended(why);
        why
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::at(Duration::from_millis(millis))
    }

    fn life() -> Life {
        Life::Lives { surely: at(1500), end: at(2000) }
    }

    #[test]
    fn it_ends_by_itself_for_the_reason_that_the_first_look_finds() {
        for (now, found) in [
            (0, Ok(Duration::from_millis(1500))),
            (1499, Ok(Duration::from_millis(1))),
            (1500, Err(Ended::NotRenewed)),
            (1999, Err(Ended::NotRenewed)),
            (2000, Err(Ended::Expired)),
            (9000, Err(Ended::Expired)),
        ] {
            let mut life = life();
            assert_eq!(life.look(at(now)), found, "{now}");
            if let Err(why) = found {
                assert_eq!(life.look(at(9999)), Err(why), "the reason stays");
            }
        }
    }

    #[test]
    fn a_renewal_that_is_heard_of_too_late_counts_no_more() {
        let mut late = life();
        assert_eq!(late.renew(at(2900), at(3400), at(1500)), Err(Ended::NotRenewed));
        assert_eq!(late.look(at(1500)), Err(Ended::NotRenewed));
        let mut renewed = life();
        assert_eq!(renewed.renew(at(2900), at(3400), at(1499)), Ok(()));
        assert_eq!(renewed.look(at(2800)), Ok(Duration::from_millis(100)));
    }

    #[test]
    fn the_first_reason_is_the_reason() {
        let mut life = life();
        assert_eq!(life.end(Ended::Revoked, at(10)), Ended::Revoked);
        assert_eq!(life.end(Ended::Closed, at(20)), Ended::Revoked);
        let mut late = self::life();
        assert_eq!(late.end(Ended::Closed, at(1600)), Ended::NotRenewed);
    }

    proptest! {
        /// Whatever happens, nobody finds it alive after somebody found it ended.
        #[test]
        fn an_end_is_for_good(steps in proptest::collection::vec((0u64..800, 0u8..4), 0..60)) {
            let (mut life, mut now, mut ended) = (life(), 0, None);
            for (passed, what) in steps {
                now += passed;
                let found = match what {
                    0 => life.renew(at(now + 1500), at(now + 2000), at(now)).err(),
                    1 if passed == 0 => Some(life.end(Ended::Revoked, at(now))),
                    _ => life.look(at(now)).err(),
                };
                prop_assert!(ended.is_none() || found == ended, "{ended:?}, then {found:?}");
                ended = found;
            }
        }
    }
}
