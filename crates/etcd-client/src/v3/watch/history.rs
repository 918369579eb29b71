//! Whether the cluster is still the one that it was: pure.

use etcd_proto::ids::ClusterId;
use etcd_proto::v3::ResponseHeader;

/// How far a cluster is known to have been; zeros where nothing is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct History {
    cluster: u64,
    revision: i64,
    term: u64,
}

/// What the header of a reply says about the history that is known.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It goes on.
    Same,
    /// The member is behind it, or has lost it.
    Behind,
    /// It is another cluster's.
    Another(String),
}

impl History {
    /// Takes a header that came on a stream, from a member that may lag behind.
    pub(super) fn hear(&mut self, header: &ResponseHeader) -> Heard {
        if let Some(why) = self.other_cluster(header) {
            return Heard::Another(why);
        }
        let behind = (1..self.revision).contains(&header.revision)
            || (1..self.term).contains(&header.raft_term);
        self.cluster = self.cluster.max(header.cluster_id);
        self.revision = self.revision.max(header.revision);
        self.term = self.term.max(header.raft_term);
        if behind { Heard::Behind } else { Heard::Same }
    }

    /// Why this is not the history that is known; `header` is of a read that all members agreed to,
    /// so it is not behind anything that any of them has said before.
    pub(super) fn contradiction(&self, header: &ResponseHeader) -> Option<String> {
        let gone_back = |what, from: u64, to: u64| {
            let back = (1..from).contains(&to);
            back.then(|| format!("the history went back, from {what} {from} to {to}"))
        };
        let revisions = [self.revision, header.revision].map(|revision| revision.max(0) as u64);
        self.other_cluster(header)
            .or_else(|| gone_back("revision", revisions[0], revisions[1]))
            .or_else(|| gone_back("term", self.term, header.raft_term))
    }

    /// Proxies leave the cluster out of some replies.
    fn other_cluster(&self, header: &ResponseHeader) -> Option<String> {
        let differs = self.cluster != 0 && header.cluster_id != 0;
        (differs && self.cluster != header.cluster_id).then(|| {
            let known = ClusterId(self.cluster);
            format!("cluster {} answers, where {known} did before", header.cluster())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(cluster_id: u64, revision: i64, raft_term: u64) -> ResponseHeader {
        ResponseHeader { cluster_id, revision, raft_term, ..ResponseHeader::default() }
    }

    #[test]
    fn a_member_may_be_behind_and_a_cluster_may_not() {
        let mut history = History::default();
        for (header, heard, contradicts) in [
            (header(7, 10, 2), Heard::Same, false),
            (header(7, 12, 2), Heard::Same, false),
            (header(7, 11, 2), Heard::Behind, true),
            (header(7, 13, 1), Heard::Behind, true),
            // What has no place is a proxy's.
            (header(0, 13, 3), Heard::Same, false),
        ] {
            assert_eq!(history.contradiction(&header).is_some(), contradicts, "{header:?}");
            assert_eq!(history.hear(&header), heard, "{header:?}");
        }
        assert!(matches!(history.hear(&header(8, 20, 9)), Heard::Another(_)));
        assert!(history.contradiction(&header(8, 20, 9)).is_some());
        assert_eq!(history, History { cluster: 7, revision: 13, term: 3 });
    }
}
