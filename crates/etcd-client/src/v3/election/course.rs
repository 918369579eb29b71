//! What of an election is news, and never goes back: pure.

use etcd_proto::ids::ClusterId;
use etcd_proto::v3::{Event, KeyValue};

/// How far an observer is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Course {
    cluster: Option<ClusterId>,
    /// When the last leader that was told had made its key, and proclaimed its value.
    told: Option<(i64, i64)>,
}

impl Course {
    /// Whether a leader is to be told: another one than before, or with another value. Who led
    /// before the last one that was told is not, whatever a member answers.
    pub(super) fn is_news(&mut self, leader: &KeyValue) -> bool {
        let now = Some((leader.create_revision, leader.mod_revision));
        let news = now > self.told;
        if news {
            self.told = now;
        }
        news
    }

    /// Whether this is the cluster that answered before. The revisions of another mean nothing.
    pub(super) fn is_same(&mut self, cluster: ClusterId) -> bool {
        *self.cluster.get_or_insert(cluster) == cluster
    }
}

/// What a leader proclaimed last by these changes to its key, and whether it leads no longer.
pub(super) fn latest(events: Vec<Event>, leader: &KeyValue) -> (Option<KeyValue>, bool) {
    let mut last = None;
    for event in events {
        let is_put = event.is_put();
        match event.kv {
            Some(key) if is_put && key.create_revision == leader.create_revision => {
                last = Some(key);
            }
            _ => return (last, true),
        }
    }
    (last, false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leader(made: i64, proclaimed: i64) -> KeyValue {
        KeyValue { create_revision: made, mod_revision: proclaimed, ..KeyValue::default() }
    }

    #[test]
    fn a_leader_is_told_once_for_each_value() {
        let mut course = Course::default();
        for (made, proclaimed, news) in [
            (5, 5, true),
            (5, 5, false),
            (5, 8, true),
            // Stale: an earlier value, and an earlier leader.
            (5, 5, false),
            (3, 9, false),
            (7, 7, true),
            (5, 8, false),
            (7, 7, false),
        ] {
            assert_eq!(course.is_news(&leader(made, proclaimed)), news, "{made} {proclaimed}");
        }
    }

    #[test]
    fn a_leader_leads_until_its_key_is_removed_or_made_anew() {
        let put =
            |made, proclaimed| Event { kv: Some(leader(made, proclaimed)), ..Event::default() };
        let removal = Event { event_type: 1, kv: Some(leader(0, 9)), ..Event::default() };
        let five = leader(5, 5);
        assert_eq!(latest(vec![], &five), (None, false));
        assert_eq!(latest(vec![put(5, 6), put(5, 8)], &five), (Some(leader(5, 8)), false));
        assert_eq!(latest(vec![put(5, 8), removal], &five), (Some(leader(5, 8)), true));
        assert_eq!(latest(vec![put(9, 9)], &five), (None, true));
        assert_eq!(latest(vec![Event { event_type: 7, ..Event::default() }], &five), (None, true));
    }

    #[test]
    fn another_cluster_is_noticed() {
        let mut course = Course::default();
        assert!(course.is_same(ClusterId(1)) && course.is_same(ClusterId(1)));
        assert!(!course.is_same(ClusterId(2)));
    }

    proptest! {
        /// Whatever is read, in whatever order: what is told goes forward, and ends with the
        /// latest of all that was read.
        #[test]
        fn it_goes_forward_to_the_latest(read in proptest::collection::vec((1i64..20, 0i64..20), 1..60)) {
            let mut course = Course::default();
            let mut told = Vec::new();
            for &(made, later) in &read {
                if course.is_news(&leader(made, made + later)) {
                    told.push((made, made + later));
                }
            }
            prop_assert!(told.is_sorted_by(|a, b| a < b), "{told:?}");
            let latest = read.iter().map(|&(made, later)| (made, made + later)).max();
            prop_assert_eq!(told.last().copied(), latest);
        }
    }
}
