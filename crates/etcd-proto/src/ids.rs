//! Small numbers with a meaning: time to live, revision, lease, member, cluster.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A time to live in whole seconds, at least one.
///
/// etcd counts in seconds. Zero is not a time to live: v2 servers expire such a key at their next
/// tick, and v3 servers read it as "no lease".
///
/// ```
/// use etcd_proto::ids::Ttl;
///
/// assert_eq!("30".parse::<Ttl>()?.seconds(), 30);
/// assert!("0".parse::<Ttl>().is_err());
/// # Ok::<(), etcd_proto::ids::InvalidTtl>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ttl(NonZeroU64);

impl Ttl {
    /// The longest time to live: etcd refuses more than 9,000,000,000 s on v3, and v2 servers
    /// overflow their clock's nanoseconds soon after.
    pub const MAX_SECONDS: u64 = 9_000_000_000;

    /// A time to live of so many seconds; nothing outside 1 to [`Self::MAX_SECONDS`].
    pub const fn from_seconds(seconds: u64) -> Option<Self> {
        match NonZeroU64::new(seconds) {
            Some(nonzero) if seconds <= Self::MAX_SECONDS => Some(Self(nonzero)),
            _ => None,
        }
    }

    /// The whole seconds.
    pub const fn seconds(self) -> u64 {
        self.0.get()
    }

    /// The same as a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0.get())
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Ttl {
    type Err = InvalidTtl;

    fn from_str(text: &str) -> Result<Self, InvalidTtl> {
        text.parse().ok().and_then(Self::from_seconds).ok_or_else(|| InvalidTtl(text.to_owned()))
    }
}

/// A text that is no time to live.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time to live: it is whole seconds, from 1 to {max}", max = Ttl::MAX_SECONDS)]
pub struct InvalidTtl(pub String);

macro_rules! id {
    ($(#[$meta:meta])* $name:ident($inner:ty)) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl From<$inner> for $name {
            fn from(value: $inner) -> Self {
                Self(value)
            }
        }
    };
}

id! {
    /// A state of the whole v3 store; each change makes the next one.
    Revision(i64)
}
id! {
    /// A v3 lease; zero means none.
    LeaseId(i64)
}
id! {
    /// A member of a cluster, written in hexadecimal.
    MemberId(u64)
}
id! {
    /// A cluster, written in hexadecimal.
    ClusterId(u64)
}

macro_rules! hexadecimal {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::LowerHex::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let digits = text.bytes().all(|b| b.is_ascii_hexdigit());
                match u64::from_str_radix(text, 16) {
                    Ok(id) if digits => Ok(Self(id)),
                    _ => Err(InvalidId(text.to_owned())),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

hexadecimal!(MemberId);
hexadecimal!(ClusterId);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}

/// A text that is no member or cluster id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an id: it is 1 to 16 hexadecimal digits, such as 8e9e05c52164694d")]
pub struct InvalidId(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_is_whole_seconds_from_one() {
        for good in ["1", "5", "9000000000"] {
            assert_eq!(good.parse::<Ttl>().unwrap().to_string(), good);
        }
        for bad in ["", "0", "-1", "abc", "1.5", " 5", "9000000001", "99999999999999999999"] {
            let error = bad.parse::<Ttl>().unwrap_err().to_string();
            assert!(error.contains(&format!("{bad:?}")), "{error}");
        }
    }

    #[test]
    fn member_ids_are_hexadecimal() {
        let id: MemberId = "8e9e05c52164694d".parse().unwrap();
        assert_eq!(id, MemberId(0x8e9e_05c5_2164_694d));
        assert_eq!(id.to_string(), "8e9e05c52164694d");
        for bad in ["", "+1", "xyz", "8e9e05c52164694d0"] {
            assert!(bad.parse::<MemberId>().is_err(), "{bad}");
        }
    }
}
