//! Replies as they are compared: without what no two servers have in common.

use std::fmt::Debug;

use etcd_client::v3::api::*;
use etcd_transport::error::CallError;

/// A lease's time that is left, where seconds may have passed since.
const PASSED: i64 = 60;

/// A reply without ids of members, terms and passing time.
pub(crate) trait Bare: Debug {
    fn header(&mut self) -> &mut Option<ResponseHeader>;

    fn settle(&mut self) {}

    fn bare(&mut self) {
        if let Some(header) = self.header() {
            for id in [&mut header.cluster_id, &mut header.member_id, &mut header.raft_term] {
                *id = (*id).min(1);
            }
        }
        self.settle();
    }
}

macro_rules! bare {
    ($($reply:ident)*) => {$(
        impl Bare for $reply {
            fn header(&mut self) -> &mut Option<ResponseHeader> {
                &mut self.header
            }
        }
    )*};
}

bare! {
    RangeResponse PutResponse DeleteRangeResponse TxnResponse CompactionResponse LeaseRevokeResponse
    LeaseGrantResponse LeaseLeasesResponse LeaseKeepAliveResponse WatchResponse
}

impl Bare for LeaseTimeToLiveResponse {
    fn header(&mut self) -> &mut Option<ResponseHeader> {
        &mut self.header
    }

    fn settle(&mut self) {
        if (0..PASSED).contains(&(self.granted_ttl - self.ttl)) {
            self.ttl = self.granted_ttl;
        }
        // etcd has them from a hash table.
        self.keys.sort();
    }
}

/// A reply or a refusal in words.
pub(crate) fn shown<R: Bare>(result: Result<R, CallError<Error>>) -> String {
    match result {
        Ok(mut reply) => {
            reply.bare();
            format!("{reply:?}")
        }
        Err(error) => refusal(&error),
    }
}

/// The code and the text of a refusal.
pub(crate) fn refusal(error: &CallError<Error>) -> String {
    match error {
        CallError::Refused { refusal: Error::Status(status), .. } => format!("{status:?}"),
        other => format!("{other:?}"),
    }
}
