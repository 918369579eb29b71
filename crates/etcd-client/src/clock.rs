//! The clock that leases count by: it never goes back, and goes on while the machine is suspended
//! where the system has such a clock.

use std::time::Duration;

use crate::moment::Moment;

/// How long to sleep at most before looking at the clock again: timers stand still while the
/// machine is suspended.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The present.
pub(crate) fn now() -> Moment {
    Moment::at(read())
}

/// Waits until the clock shows this, and a second longer at most after a suspension.
pub(crate) async fn sleep_until(until: Moment) {
    loop {
        let left = until.since(now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK_AGAIN)).await;
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn read() -> Duration {
    use nix::time::{ClockId, clock_gettime};
    // Every Linux since 2.6.39 has it: where it fails it always does.
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or_else(|_| since_first_asked(), Duration::from)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn read() -> Duration {
    since_first_asked()
}

fn since_first_asked() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;

    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    FIRST.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_as_other_clocks_do_or_faster() {
        let (other, ours) = (std::time::Instant::now(), now());
        std::thread::sleep(Duration::from_millis(20));
        let later = now();
        let passed = later.since(ours);
        assert!(passed >= Duration::from_millis(20) && ours.since(later).is_zero());
        assert!(other.elapsed() + Duration::from_secs(60) > passed, "{passed:?}");
    }
}
