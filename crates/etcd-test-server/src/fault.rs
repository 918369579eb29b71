//! Scripted faults: what goes wrong, for which requests, how often.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use etcd_proto::grpc::Status;

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// It is not acted on, and its connection ends; requests beside it on that connection end too.
    ResetBefore,
    /// It is acted on, and its connection ends in place of a reply.
    ResetAfter,
    /// It is acted on, and its connection ends after so many bytes of the reply's body.
    ResetAfterBytes(usize),
    /// It is not acted on, and there is no reply.
    Silence,
    /// It waits for so long before it is acted on; by real time, not by the server's clock.
    Delay(Duration),
    /// It is not acted on, and refused with a gRPC status.
    Grpc(Status),
    /// It is not acted on, and answered with an HTTP status and a body of JSON.
    Http(u16, String),
    /// It is not acted on, and refused as by a member that knows of no leader, in the words of the
    /// API that was called. See [`TestCluster::lead`](crate::TestCluster::lead) for a cluster that
    /// has none.
    NoLeader,
    /// It is not acted on, and its stream is refused (`REFUSED_STREAM`), which proves as much; over
    /// HTTP/1 its connection ends.
    RefuseStream,
    /// It is answered, and its connection takes no more: `GOAWAY` over HTTP/2, after which streams
    /// that are open go on; `connection: close` over HTTP/1.
    GoAway,
    /// It is answered, with so many bytes of the reply's body at a time and a pause after each
    /// piece; by real time, not by the server's clock.
    Drip {
        /// How many bytes come at a time, one at least.
        bytes: usize,
        /// The pause after them.
        every: Duration,
    },
    /// It is answered, and its connection ends within the first reply of a watch that says that
    /// another piece of it follows.
    ///
    /// Only watches that asked for fragments have such replies, where one would be over 2 MiB.
    CutInFragment,
    /// It is acted on, and each message of the reply has an unknown field of so many bytes.
    Oversize(usize),
    /// It is acted on, and each message of the reply is none: bytes that are no protobuf in a frame
    /// of gRPC, half a text of JSON otherwise.
    Malformed,
    /// It is acted on, and each message of the reply has fields that nobody knows, of every wire
    /// type that protobuf has; JSON has a member that nobody knows.
    UnknownFields,
    /// Something happens to the store just before it is acted on.
    First(Incident),
}

/// What can happen to the store of v3: at once by
/// [`TestCluster::befall`](crate::TestCluster::befall), or before a request by [`Fault::First`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Incident {
    /// Everything before the present revision is compacted.
    Compaction,
    /// The lease of an id ends, as if its time were over; its keys go with it.
    LeaseExpiry(i64),
    /// Every watch is canceled by the server, for a reason.
    WatchCancel(String),
}

/// A fault, and which requests it befalls.
#[derive(Clone, Debug)]
pub struct Rule {
    fault: Fault,
    path: String,
    skip: u64,
    times: u64,
}

impl Rule {
    /// Befalls every request until it is cleared.
    pub fn new(fault: Fault) -> Self {
        Self { fault, path: String::new(), skip: 0, times: u64::MAX }
    }

    /// Befalls only requests whose path begins so: `/v2/keys`, `/etcdserverpb.KV/Put`.
    pub fn path(mut self, prefix: impl Into<String>) -> Self {
        self.path = prefix.into();
        self
    }

    /// Lets so many matching requests pass first.
    pub fn skip(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    /// Befalls so many requests, then no more.
    pub fn times(mut self, requests: u64) -> Self {
        self.times = requests;
        self
    }
}

/// The faults of one member; clones are the same list.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Vec<Rule>>>);

impl Faults {
    /// Adds a rule; the first that matches a request befalls it.
    pub fn add(&self, rule: Rule) {
        self.rules().push(rule);
    }

    /// Forgets every rule.
    pub fn clear(&self) {
        self.rules().clear();
    }

    /// What befalls a request of that path.
    pub(crate) fn of(&self, path: &str) -> Option<Fault> {
        let mut rules = self.rules();
        for rule in rules.iter_mut().filter(|rule| path.starts_with(&rule.path)) {
            if rule.skip > 0 {
                rule.skip -= 1;
            } else if rule.times > 0 {
                rule.times -= 1;
                return Some(rule.fault.clone());
            }
        }
        None
    }

    fn rules(&self) -> std::sync::MutexGuard<'_, Vec<Rule>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_skips_and_then_counts_the_requests_of_its_path() {
        let faults = Faults::default();
        faults.add(Rule::new(Fault::Silence).path("/a").skip(1).times(2));
        let befallen = |path| faults.of(path).is_some();
        assert!(!befallen("/b"));
        assert_eq!([(); 4].map(|()| befallen("/a/x")), [false, true, true, false]);
    }
}
