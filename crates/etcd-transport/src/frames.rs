//! What the frames of an HTTP/2 connection are for, as far as their heads tell.

use std::time::{Duration, Instant};

/// What frames in a row may cost of which none brings anything of a reply: pings, settings, resets,
/// interim heads and the like, which cost the sender less than the receiver.
const MOST: u32 = 100_000;
/// Unless the second half of it took this long to come.
const WITHIN: Duration = Duration::from_secs(10);
/// What each costs: 2,000 of them are a flood.
const COST: u32 = 50;
/// But for those that follow from what we send, such as for each 16 KiB of a large value.
const WINDOW_COST: u32 = 1;

/// The length of a frame's head.
const HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;

/// The frames that a connection brings.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    head: [u8; HEAD],
    held: usize,
    /// How much of the present frame is still to come.
    left: usize,
    /// What those cost that brought nothing, since one did.
    idle: u32,
    half: Option<Instant>,
    /// How many frames came since somebody asked.
    fresh: usize,
}

impl Frames {
    /// Takes the bytes that come next; whether the other side is still worth listening to.
    pub(crate) fn take(&mut self, mut bytes: &[u8], now: impl Fn() -> Instant) -> bool {
        while !bytes.is_empty() {
            if self.left > 0 {
                let skipped = self.left.min(bytes.len());
                self.left -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            let more = (HEAD - self.held).min(bytes.len());
            self.head[self.held..self.held + more].copy_from_slice(&bytes[..more]);
            self.held += more;
            bytes = &bytes[more..];
            if self.held == HEAD && !self.frame(&now) {
                return false;
            }
        }
        true
    }

    /// Whether so many frames came since this last said so.
    pub(crate) fn are_many(&mut self, many: usize) -> bool {
        let are = self.fresh >= many;
        if are {
            self.fresh = 0;
        }
        are
    }

    fn frame(&mut self, now: &impl Fn() -> Instant) -> bool {
        self.fresh += 1;
        let [a, b, c, kind, flags, ..] = self.head;
        self.held = 0;
        self.left = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        let ends = matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0;
        if ends || (kind == DATA && self.left > 0) {
            self.idle = 0;
            return true;
        }
        let before = self.idle;
        self.idle += if kind == WINDOW_UPDATE { WINDOW_COST } else { COST };
        if before < MOST / 2 && self.idle >= MOST / 2 {
            self.half = Some(now());
        }
        if self.idle < MOST {
            return true;
        }
        self.idle = 0;
        self.half.is_some_and(|half| now().duration_since(half) > WITHIN)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FLOOD: usize = (MOST / COST) as usize;
    const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    const ITEM: [u8; 11] = [0, 0, 2, DATA, 0, 0, 0, 0, 1, 7, 7];
    const EMPTY: [u8; 9] = [0, 0, 0, DATA, 0, 0, 0, 0, 1];
    const INTERIM: [u8; 10] = [0, 0, 1, HEADERS, 4, 0, 0, 0, 1, 0x88];
    const LAST: [u8; 10] = [0, 0, 1, HEADERS, 5, 0, 0, 0, 1, 0x88];

    #[test]
    fn a_flood_ends_and_what_brings_something_does_not() {
        let now = Instant::now();
        for idle in [&PING[..], &EMPTY, &INTERIM] {
            let mut frames = Frames::default();
            let taken = (0..).take_while(|_| frames.take(idle, || now)).count();
            assert_eq!(taken, FLOOD - 1);
        }
        for some in [&ITEM[..], &LAST] {
            let mut frames = Frames::default();
            for _ in 0..10 {
                assert!(frames.take(&PING.repeat(FLOOD - 1), || now));
                assert!(frames.take(some, || now));
            }
        }
    }

    #[test]
    fn what_takes_its_time_is_no_flood() {
        let (began, count) = (Instant::now(), std::cell::Cell::new(0));
        let mut frames = Frames::default();
        for ping in 0..10 * FLOOD as u32 {
            count.set(ping);
            assert!(frames.take(&PING, || began + Duration::from_millis(11) * count.get()));
        }
    }

    proptest! {
        /// However bytes are cut, the same frames are seen in them.
        #[test]
        fn pieces_do_not_matter(
            kinds in proptest::collection::vec(0usize..5, 0..60),
            cuts in proptest::collection::vec(1usize..30, 1..20),
        ) {
            let all = [&PING[..], &ITEM, &EMPTY, &INTERIM, &LAST];
            let bytes: Vec<u8> = kinds.iter().flat_map(|&kind| all[kind]).copied().collect();
            let brings = |kind: &&usize| [1, 4].contains(*kind);
            let idle = kinds.iter().rev().take_while(|kind| !brings(kind)).count();
            let (mut frames, mut rest) = (Frames::default(), &bytes[..]);
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                prop_assert!(frames.take(piece, Instant::now));
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!((frames.idle as usize / COST as usize, frames.held, frames.left), (idle, 0, 0));
        }
    }
}
