//! What a v3 server says when it does not do what it was asked, and what that proves.

use crate::call::{Outcome, Refusal, Remedy};
use crate::error::DecodeError;
use crate::grpc::{Code, NO_GRPC, Status};
use crate::plain::Plain;

/// A v3 server's refusal, or a reply that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A status other than OK.
    #[error("{} ({})", Plain(text(.0)), .0.code)]
    Status(Status),
    /// A reply that ended without a status: it was cut.
    #[error("the reply ended without a status")]
    Cut,
    /// A reply that says success and cannot be read.
    #[error("{0}")]
    Unreadable(DecodeError),
}

fn text(status: &Status) -> &str {
    match status.message.strip_prefix("etcdserver: ").unwrap_or(&status.message) {
        "" => "no reason given",
        text => text,
    }
}

/// What a known message of etcd proves about the request that it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The message, whole.
    pub message: &'static str,
    /// The code that it comes with.
    pub code: Code,
    /// Whether the operation took effect.
    pub outcome: Outcome,
    /// What may well lead to another answer.
    pub remedy: Remedy,
}

macro_rules! known {
    ($($(#[$doc:meta])* $name:ident: $code:ident $text:literal $outcome:ident $($remedy:ident)?;)*) => {
        /// The messages that this client tells apart.
        pub mod message {
            $($(#[$doc])* pub const $name: &str = $text;)*
        }

        /// Every message that etcd is known to answer with, and what it proves.
        ///
        /// From etcd's `api/v3rpc/rpctypes` and the places in its server that return each.
        pub const KNOWN: &[Known] = &[$(Known {
            message: $text,
            code: Code::$code,
            outcome: Outcome::$outcome,
            remedy: known!(@remedy $($remedy)?),
        },)*];
    };
    (@remedy $remedy:ident) => { Remedy::$remedy };
    (@remedy) => { Remedy::Nothing };
}

known! {
    /// A request without a key.
    EMPTY_KEY: INVALID_ARGUMENT "etcdserver: key is not provided" NotApplied;
    /// No such key, where the request needs one.
    KEY_NOT_FOUND: INVALID_ARGUMENT "etcdserver: key not found" NotApplied;
    /// A value with `ignore_value`.
    VALUE_PROVIDED: INVALID_ARGUMENT "etcdserver: value is provided" NotApplied;
    /// A lease with `ignore_lease`.
    LEASE_PROVIDED: INVALID_ARGUMENT "etcdserver: lease is provided" NotApplied;
    /// A transaction with more operations than the server takes.
    TOO_MANY_OPERATIONS: INVALID_ARGUMENT "etcdserver: too many operations in txn request" NotApplied;
    /// A transaction that writes a key twice.
    DUPLICATE_KEY: INVALID_ARGUMENT "etcdserver: duplicate key given in txn request" NotApplied;
    /// A client that names a version of the API that is none.
    INVALID_CLIENT_VERSION: INVALID_ARGUMENT "etcdserver: invalid client api version" NotApplied;
    /// A sort order or target that is none.
    INVALID_SORT: INVALID_ARGUMENT "etcdserver: invalid sort option" NotApplied;
    /// The revision is no longer kept.
    COMPACTED: OUT_OF_RANGE "etcdserver: mvcc: required revision has been compacted" NotApplied;
    /// The revision is not there yet.
    FUTURE_REVISION: OUT_OF_RANGE "etcdserver: mvcc: required revision is a future revision" NotApplied;
    /// The store is full. The server applies the write that meets the limit, and then says this.
    NO_SPACE: RESOURCE_EXHAUSTED "etcdserver: mvcc: database space exceeded" Unknown;
    /// There is no such lease.
    LEASE_NOT_FOUND: NOT_FOUND "etcdserver: requested lease not found" NotApplied;
    /// There is a lease of that id.
    LEASE_EXISTS: FAILED_PRECONDITION "etcdserver: lease already exists" NotApplied;
    /// A time to live beyond 9,000,000,000 s.
    LEASE_TTL_TOO_LARGE: OUT_OF_RANGE "etcdserver: too large lease TTL" NotApplied;
    /// The server let go of a watch.
    WATCH_CANCELED: CANCELED "etcdserver: watch canceled" Unknown;
    /// There is a member of that id.
    MEMBER_EXISTS: FAILED_PRECONDITION "etcdserver: member ID already exist" NotApplied;
    /// There is a member with these peer URLs.
    PEER_URLS_EXIST: FAILED_PRECONDITION "etcdserver: Peer URLs already exists" NotApplied;
    /// Too few members run for the change.
    UNHEALTHY_CHANGE: FAILED_PRECONDITION "etcdserver: re-configuration failed due to not enough started members" NotApplied;
    /// URLs that are none.
    INVALID_MEMBER_URLS: INVALID_ARGUMENT "etcdserver: given member URLs are invalid" NotApplied;
    /// There is no such member.
    MEMBER_NOT_FOUND: NOT_FOUND "etcdserver: member not found" NotApplied;
    /// The member votes already.
    NOT_A_LEARNER: FAILED_PRECONDITION "etcdserver: can only promote a learner member" NotApplied;
    /// The learner has not caught up.
    LEARNER_NOT_READY: FAILED_PRECONDITION "etcdserver: can only promote a learner member which is in sync with leader" NotApplied;
    /// One learner more than the cluster takes.
    TOO_MANY_LEARNERS: FAILED_PRECONDITION "etcdserver: too many learner members in cluster" NotApplied;
    /// A member of another cluster.
    CLUSTER_ID_MISMATCH: FAILED_PRECONDITION "etcdserver: cluster ID mismatch" NotApplied;
    /// A request over the server's limit, 1.5 MiB unless told otherwise.
    REQUEST_TOO_LARGE: INVALID_ARGUMENT "etcdserver: request is too large" NotApplied;
    /// Too many requests are under way.
    TOO_MANY_REQUESTS: RESOURCE_EXHAUSTED "etcdserver: too many requests" NotApplied Later;
    /// Authentication cannot be enabled without a user `root`.
    ROOT_USER_NOT_FOUND: FAILED_PRECONDITION "etcdserver: root user does not exist" NotApplied;
    /// Authentication cannot be enabled while `root` lacks its role.
    ROOT_ROLE_NOT_FOUND: FAILED_PRECONDITION "etcdserver: root user does not have root role" NotApplied;
    /// There is such a user.
    USER_EXISTS: FAILED_PRECONDITION "etcdserver: user name already exists" NotApplied;
    /// No user is named: where authentication is on, the call came without a token.
    USER_EMPTY: INVALID_ARGUMENT "etcdserver: user name is empty" NotApplied;
    /// There is no such user.
    USER_NOT_FOUND: FAILED_PRECONDITION "etcdserver: user name not found" NotApplied;
    /// There is such a role.
    ROLE_EXISTS: FAILED_PRECONDITION "etcdserver: role name already exists" NotApplied;
    /// There is no such role.
    ROLE_NOT_FOUND: FAILED_PRECONDITION "etcdserver: role name not found" NotApplied;
    /// A role without a name.
    ROLE_EMPTY: INVALID_ARGUMENT "etcdserver: role name is empty" NotApplied;
    /// A wrong user or password.
    AUTH_FAILED: INVALID_ARGUMENT "etcdserver: authentication failed, invalid user ID or password" NotApplied;
    /// A permission is missing in the request.
    PERMISSION_NOT_GIVEN: INVALID_ARGUMENT "etcdserver: permission not given" NotApplied;
    /// The user may not do this.
    PERMISSION_DENIED: PERMISSION_DENIED "etcdserver: permission denied" NotApplied;
    /// The user does not have the role.
    ROLE_NOT_GRANTED: FAILED_PRECONDITION "etcdserver: role is not granted to the user" NotApplied;
    /// The role does not have the permission.
    PERMISSION_NOT_GRANTED: FAILED_PRECONDITION "etcdserver: permission is not granted to the role" NotApplied;
    /// Authentication is off.
    AUTH_NOT_ENABLED: FAILED_PRECONDITION "etcdserver: authentication is not enabled" NotApplied;
    /// The token is unknown or has expired.
    INVALID_TOKEN: UNAUTHENTICATED "etcdserver: invalid auth token" NotApplied;
    /// This cannot be done to authentication.
    INVALID_AUTH_MANAGEMENT: INVALID_ARGUMENT "etcdserver: invalid auth management" NotApplied;
    /// The token is older than a change of users or roles.
    AUTH_REVISION_OLD: INVALID_ARGUMENT "etcdserver: revision of auth store is old" NotApplied;
    /// The member knows of no leader.
    NO_LEADER: UNAVAILABLE "etcdserver: no leader" NotApplied Later;
    /// The member does not lead.
    NOT_LEADER: FAILED_PRECONDITION "etcdserver: not leader" NotApplied Elsewhere;
    /// Another member became the leader in the meantime.
    LEADER_CHANGED: UNAVAILABLE "etcdserver: leader changed" Unknown Later;
    /// The member does not know yet what the cluster can do.
    NOT_CAPABLE: FAILED_PRECONDITION "etcdserver: not capable" NotApplied Later;
    /// The member is stopping.
    SERVER_STOPPED: UNAVAILABLE "etcdserver: server stopped" Unknown Later;
    /// The cluster did not agree in time.
    TIMED_OUT: UNAVAILABLE "etcdserver: request timed out" Unknown Later;
    /// The cluster did not agree in time, as its leader went.
    TIMED_OUT_LEADER: UNAVAILABLE "etcdserver: request timed out, possibly due to previous leader failure" Unknown Later;
    /// The cluster did not agree in time, as members do not hear each other.
    TIMED_OUT_CONNECTION: UNAVAILABLE "etcdserver: request timed out, possibly due to connection lost" Unknown Later;
    /// The member lags behind.
    TIMED_OUT_APPLYING: UNAVAILABLE "etcdserver: request timed out, waiting for the applied index took too long" Unknown Later;
    /// Too few members are well.
    UNHEALTHY: UNAVAILABLE "etcdserver: unhealthy cluster" Unknown Later;
    /// Members hold different data.
    CORRUPT: DATA_LOSS "etcdserver: corrupt cluster" NotApplied;
    /// A learner answers only a few calls.
    NOT_FOR_LEARNERS: FAILED_PRECONDITION "etcdserver: rpc not supported for learner" NotApplied Elsewhere;
    /// The member cannot take the lead.
    BAD_TRANSFEREE: FAILED_PRECONDITION "etcdserver: bad leader transferee" NotApplied;
    /// A version to downgrade to that is none.
    DOWNGRADE_VERSION_FORMAT: INVALID_ARGUMENT "etcdserver: wrong downgrade target version format" NotApplied;
    /// A version that the cluster cannot be downgraded to.
    DOWNGRADE_VERSION: INVALID_ARGUMENT "etcdserver: invalid downgrade target version" NotApplied;
    /// The cluster has no version yet.
    NO_CLUSTER_VERSION: FAILED_PRECONDITION "etcdserver: cluster version not found during downgrade" NotApplied;
    /// A downgrade is under way.
    DOWNGRADE_IN_PROGRESS: FAILED_PRECONDITION "etcdserver: cluster has a downgrade job in progress" NotApplied;
    /// No downgrade is under way.
    NO_DOWNGRADE: FAILED_PRECONDITION "etcdserver: no inflight downgrade job" NotApplied;
    /// The caller cancelled the request.
    REQUEST_CANCELED: CANCELED "etcdserver: request canceled" Unknown;
    /// The caller's time was over, at the server.
    DEADLINE_EXCEEDED: DEADLINE_EXCEEDED "etcdserver: context deadline exceeded" Unknown;
    /// [`USER_EMPTY`], as servers before 3.6 put it in calls that concern one member.
    BARE_USER_EMPTY: UNKNOWN "auth: user name is empty" NotApplied;
    /// [`PERMISSION_DENIED`], as servers before 3.6 put it in calls that concern one member.
    BARE_PERMISSION_DENIED: UNKNOWN "auth: permission denied" NotApplied;
    /// [`USER_NOT_FOUND`], as servers before 3.6 put it in calls that concern one member: the name in
    /// the certificate of a caller without a token is no user's.
    BARE_USER_NOT_FOUND: UNKNOWN "auth: user not found" NotApplied;
    /// [`INVALID_TOKEN`], as servers before 3.6 put it in calls that concern one member.
    BARE_INVALID_TOKEN: UNKNOWN "auth: invalid auth token" NotApplied;
    /// [`AUTH_REVISION_OLD`], as servers before 3.6 put it in calls that concern one member.
    BARE_AUTH_REVISION_OLD: UNKNOWN "auth: revision in header is old" NotApplied;
    /// The consensus did not take the request.
    PROPOSAL_DROPPED: UNKNOWN "raft proposal dropped" NotApplied Later;
}

/// A request longer than a gRPC server takes; it is not looked at.
const GRPC_TOO_LONG: &str = "grpc: received message larger than max";

impl Error {
    /// The status, where the server gave one.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Status(status) => Some(status),
            _ => None,
        }
    }

    /// Whether the server said exactly this, one of [`message`].
    ///
    /// By the text alone: the Lock and Election services send the same with another code.
    pub fn says(&self, message: &str) -> bool {
        self.status().is_some_and(|status| status.message == message)
    }

    /// Whether the server does not know the call.
    pub fn is_unimplemented(&self) -> bool {
        self.status().is_some_and(|status| status.code == Code::UNIMPLEMENTED)
    }

    /// Whether a new token may let the same call through; the refused one had no effect.
    pub fn wants_new_token(&self) -> bool {
        [
            message::INVALID_TOKEN,
            message::AUTH_REVISION_OLD,
            message::USER_EMPTY,
            message::BARE_INVALID_TOKEN,
            message::BARE_AUTH_REVISION_OLD,
            message::BARE_USER_EMPTY,
        ]
        .iter()
        .any(|message| self.says(message))
    }
}

impl Refusal for Error {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Status(status) => proves(status),
            Self::Cut => Outcome::Unknown,
            Self::Unreadable(_) => Outcome::Applied,
        }
    }

    fn remedy(&self) -> Remedy {
        match self {
            Self::Status(status) => match known(status) {
                Some(known) => known.remedy,
                None if status.code == Code::UNAVAILABLE => Remedy::Later,
                None if status.message.starts_with(NO_GRPC) => Remedy::Elsewhere,
                None => Remedy::Nothing,
            },
            Self::Cut => Remedy::Elsewhere,
            Self::Unreadable(_) => Remedy::Nothing,
        }
    }
}

fn known(status: &Status) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.message == status.message)
}

/// What a status proves: by its message where that is known, since one code stands for certain and
/// for uncertain ends; else by its code.
fn proves(status: &Status) -> Outcome {
    if let Some(known) = known(status) {
        return known.outcome;
    }
    match status.code {
        Code::OK => Outcome::Applied,
        Code::INVALID_ARGUMENT
        | Code::NOT_FOUND
        | Code::PERMISSION_DENIED
        | Code::FAILED_PRECONDITION
        | Code::UNIMPLEMENTED
        | Code::UNAUTHENTICATED => Outcome::NotApplied,
        Code::RESOURCE_EXHAUSTED if status.message.starts_with(GRPC_TOO_LONG) => {
            Outcome::NotApplied
        }
        _ => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: Code, message: &str) -> Error {
        Error::Status(Status::new(code, message))
    }

    #[test]
    fn one_code_stands_for_certain_and_for_uncertain_ends() {
        use Outcome::{Applied, NotApplied, Unknown};
        for (code, text, outcome, may_pass) in [
            (Code::UNAVAILABLE, message::NO_LEADER, NotApplied, true),
            (Code::UNAVAILABLE, message::TIMED_OUT, Unknown, true),
            (Code::UNAVAILABLE, "connection refused by a proxy", Unknown, true),
            (Code::RESOURCE_EXHAUSTED, message::TOO_MANY_REQUESTS, NotApplied, true),
            (Code::RESOURCE_EXHAUSTED, message::NO_SPACE, Unknown, false),
            (
                Code::RESOURCE_EXHAUSTED,
                "grpc: received message larger than max (9 vs. 8)",
                NotApplied,
                false,
            ),
            (
                Code::RESOURCE_EXHAUSTED,
                "grpc: trying to send message larger than max",
                Unknown,
                false,
            ),
            (Code::UNKNOWN, message::PROPOSAL_DROPPED, NotApplied, true),
            (Code::UNKNOWN, "something else", Unknown, false),
            // The Lock service gives messages another code.
            (Code::UNKNOWN, message::LEASE_NOT_FOUND, NotApplied, false),
            (Code::INVALID_ARGUMENT, "a message of tomorrow", NotApplied, false),
            (Code::INTERNAL, "", Unknown, false),
            (Code(77), "", Unknown, false),
            (Code::OK, "", Applied, false),
        ] {
            let error = said(code, text);
            assert_eq!((error.outcome(), error.may_pass()), (outcome, may_pass), "{error}");
        }
    }

    #[test]
    fn no_message_is_listed_twice() {
        for (at, known) in KNOWN.iter().enumerate() {
            assert!(KNOWN[..at].iter().all(|other| other.message != known.message), "{known:?}");
        }
    }

    #[test]
    fn three_messages_ask_for_a_new_token_each_in_two_forms() {
        let asking = KNOWN.iter().filter(|known| said(known.code, known.message).wants_new_token());
        assert_eq!(asking.count(), 6);
    }

    #[test]
    fn a_message_cannot_forge_lines() {
        let error = said(Code::UNKNOWN, "etcdserver: a\nb\u{1b}[2J\u{202e}");
        assert_eq!(error.to_string(), "a\\nb\\x1b[2J\\u{202e} (Unknown)");
    }
}
