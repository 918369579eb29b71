//! Leases, and the keys that go with them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use etcd_proto::grpc::Status;
use etcd_proto::v3::error::message;

use super::refusal::refusal;

/// What a lease is at least granted, at etcd's default election timeout.
const LEAST_SECONDS: i64 = 2;
const MOST_SECONDS: i64 = 9_000_000_000;

/// A lease, and the keys that go with it.
#[derive(Clone, Debug)]
pub struct Lease {
    /// What was granted, in seconds.
    pub ttl: i64,
    /// When it runs out.
    pub end: Duration,
    /// The keys that it holds.
    pub keys: BTreeSet<Bytes>,
}

/// All leases.
#[derive(Clone, Debug, Default)]
pub struct Leases {
    leases: BTreeMap<i64, Lease>,
    /// Those of all leases, the earliest first.
    ends: BTreeSet<(Duration, i64)>,
    next: u64,
}

impl Leases {
    /// Grants a lease; an id of 0 has one chosen. Returns the id and the seconds granted.
    pub fn grant(&mut self, id: i64, ttl: i64, now: Duration) -> Result<(i64, i64), Status> {
        if ttl > MOST_SECONDS {
            return Err(refusal(message::LEASE_TTL_TOO_LARGE));
        }
        let id = if id == 0 { self.choose() } else { id };
        if self.exists(id) {
            return Err(refusal(message::LEASE_EXISTS));
        }
        let ttl = ttl.max(LEAST_SECONDS);
        let end = end(ttl, now);
        self.leases.insert(id, Lease { ttl, end, keys: BTreeSet::new() });
        self.ends.insert((end, id));
        Ok((id, ttl))
    }

    fn choose(&mut self) -> i64 {
        loop {
            self.next += 1;
            // An odd factor, so that ids differ in all their digits and come back after 2^63.
            let id = (self.next.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1) as i64;
            if id != 0 && !self.exists(id) {
                return id;
            }
        }
    }

    /// Whether there is such a lease.
    pub fn exists(&self, id: i64) -> bool {
        self.leases.contains_key(&id)
    }

    /// A lease.
    pub fn get(&self, id: i64) -> Option<&Lease> {
        self.leases.get(&id)
    }

    /// Begins a lease anew; returns its seconds, or `None` where there is none.
    pub fn keep_alive(&mut self, id: i64, now: Duration) -> Option<i64> {
        let lease = self.leases.get_mut(&id)?;
        self.ends.remove(&(lease.end, id));
        lease.end = end(lease.ttl, now);
        self.ends.insert((lease.end, id));
        Some(lease.ttl)
    }

    /// Removes a lease; its keys are the caller's to delete.
    pub fn remove(&mut self, id: i64) -> Option<Lease> {
        let lease = self.leases.remove(&id)?;
        self.ends.remove(&(lease.end, id));
        Some(lease)
    }

    /// The ids, those that end first first.
    pub fn ids(&self) -> Vec<i64> {
        self.ends.iter().map(|(_, id)| *id).collect()
    }

    /// The leases that have run out.
    pub fn expired(&self, now: Duration) -> Vec<i64> {
        self.ends.iter().take_while(|(end, _)| *end <= now).map(|(_, id)| *id).collect()
    }

    /// When the next one runs out.
    pub fn next_end(&self) -> Option<Duration> {
        self.ends.first().map(|(end, _)| *end)
    }

    /// Has a key go with a lease; 0 is none.
    pub fn attach(&mut self, id: i64, key: Bytes) {
        if let Some(lease) = self.leases.get_mut(&id) {
            lease.keys.insert(key);
        }
    }

    /// Has a key no longer go with a lease.
    pub fn detach(&mut self, id: i64, key: &Bytes) {
        if let Some(lease) = self.leases.get_mut(&id) {
            lease.keys.remove(key);
        }
    }
}

fn end(ttl: i64, now: Duration) -> Duration {
    now.saturating_add(Duration::from_secs(ttl.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_ends_by_the_clock_and_not_before() {
        let mut leases = Leases::default();
        let start = Duration::from_secs(1000);
        assert_eq!(leases.grant(7, 1, start), Ok((7, 2)), "two seconds are the least");
        assert_eq!(leases.grant(7, 5, start), Err(refusal(message::LEASE_EXISTS)));
        let too_long = leases.grant(8, MOST_SECONDS + 1, start);
        assert_eq!(too_long, Err(refusal(message::LEASE_TTL_TOO_LARGE)));
        assert!(leases.expired(start + Duration::from_millis(1999)).is_empty());
        assert_eq!(leases.expired(start + Duration::from_secs(2)), [7]);
        assert_eq!(leases.keep_alive(7, start + Duration::from_secs(1)), Some(2));
        assert!(leases.expired(start + Duration::from_secs(2)).is_empty());
        assert_eq!(leases.next_end(), Some(start + Duration::from_secs(3)));
        assert_eq!(leases.keep_alive(8, start), None);
    }

    #[test]
    fn a_lease_that_went_ends_no_more() {
        let mut leases = Leases::default();
        let start = Duration::from_secs(1000);
        for (id, ttl) in [(7, 9), (8, 5), (9, 7)] {
            assert_eq!(leases.grant(id, ttl, start), Ok((id, ttl)));
        }
        assert_eq!(leases.ids(), [8, 9, 7]);
        assert_eq!(leases.keep_alive(8, start + Duration::from_secs(4)), Some(5));
        assert!(leases.remove(7).is_some() && leases.remove(7).is_none());
        assert_eq!(leases.ids(), [9, 8]);
        assert_eq!(leases.expired(start + Duration::from_secs(60)), [9, 8]);
        assert_eq!(leases.next_end(), Some(start + Duration::from_secs(7)));
    }

    #[test]
    fn chosen_ids_are_positive_and_differ() {
        let mut leases = Leases::default();
        let grant = |_| leases.grant(0, 60, Duration::ZERO).map(|(id, _)| id).unwrap_or(0);
        let ids: BTreeSet<i64> = (0..1000).map(grant).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| *id > 0));
    }
}
