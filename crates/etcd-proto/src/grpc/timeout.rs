//! How long a caller waits, as `grpc-timeout` says it.

use std::time::Duration;

use http::{HeaderName, HeaderValue};

/// The header that tells a server how long its caller waits.
pub const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The most digits that the value may have.
const MOST: u64 = 99_999_999;

/// A duration as the header's value: at most eight digits and a unit, never less than the duration.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(etcd_proto::grpc::timeout(Duration::from_millis(2500)), "2500000u");
/// assert_eq!(etcd_proto::grpc::timeout(Duration::from_secs(3600)), "3600000m");
/// ```
pub fn timeout(duration: Duration) -> HeaderValue {
    // What does not fit, 584 years, is more minutes than may be told.
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let units = [(1, 'n'), (1_000, 'u'), (1_000_000, 'm'), (1_000_000_000, 'S')];
    let minutes = (60_000_000_000, 'M');
    let fits = |&(unit, _): &(u64, char)| nanos.div_ceil(unit) <= MOST;
    let (unit, letter) = units.into_iter().find(fits).unwrap_or(minutes);
    let text = format!("{}{letter}", nanos.div_ceil(unit).min(MOST));
    // Digits and a letter are a header's value.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("99999999M"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_at_most_eight_digits_and_is_never_shorter() {
        for (duration, value) in [
            (Duration::ZERO, "0n"),
            (Duration::from_nanos(99_999_999), "99999999n"),
            (Duration::from_nanos(100_000_001), "100001u"),
            (Duration::from_secs(5), "5000000u"),
            (Duration::from_secs(100_000_000), "1666667M"),
            (Duration::MAX, "99999999M"),
        ] {
            assert_eq!(timeout(duration), value, "{duration:?}");
        }
    }
}
