//! Which call a request is, and its answer.

use std::time::Duration;

use bytes::Bytes;
use etcd_proto::grpc::{Code, GRPC_TIMEOUT, HAS_LEADER, Status, TOKEN, encode};
use etcd_proto::v3::error::message;
use etcd_proto::v3::rpc::{
    KeepAliveStream, ObserveStream, RangeStream, Rpc, SnapshotStream, StreamRpc, WatchStream,
};
use etcd_proto::v3::*;
use http::{HeaderMap, Request, Response};

use super::body::{Body, one, refused, stream};
use super::duplex::Call;
use super::message::{Incoming, timeout};
use super::shared::Server;
use super::waiting;
use crate::store::v3::{LONGEST_REQUEST, Operation, refusal};

/// Answers a request of the v3 API, whatever it is.
///
/// Streams go on in a task of their own, which ends when the reader drops the body.
pub async fn serve<B>(server: Server, request: Request<B>) -> Response<Body>
where
    B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
{
    let (head, body) = request.into_parts();
    let deadline = match head.headers.get(&GRPC_TIMEOUT).map(|value| timeout(value.as_bytes())) {
        Some(None) => {
            return refused(&Status::new(Code::INTERNAL, "malformed grpc-timeout"));
        }
        Some(Some(after)) => after,
        None => Duration::MAX,
    };
    let call = Call {
        token: text(&head.headers, TOKEN.as_str()).or_else(|| text(&head.headers, "authorization")),
        wants_leader: text(&head.headers, HAS_LEADER.as_str()).as_deref() == Some("true"),
        requests: Incoming::new(body),
        server,
    };
    let path = head.uri.path().to_owned();
    if let Err(status) = check(&call, &head.headers, &path) {
        return refused(&status);
    }
    dispatch(call, path, deadline).await
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn check<B>(call: &Call<B>, headers: &HeaderMap, path: &str) -> Result<(), Status> {
    if let Some(encoding) = text(headers, "grpc-encoding").filter(|name| name != "identity") {
        let text = format!("grpc: Decompressor is not installed for grpc-encoding {encoding:?}");
        return Err(Status::new(Code::UNIMPLEMENTED, text));
    }
    let leader = call.server.with(|store| store.cluster.leader);
    let needs_leader = path.starts_with("/etcdserverpb.") && call.wants_leader;
    if needs_leader && leader == 0 { Err(refusal(message::NO_LEADER)) } else { Ok(()) }
}

macro_rules! dispatch {
    (
        operations { $($operation:ident)* }
        waiting { $($waiter:ident => $wait:path;)* }
        streams { $($stream:ident => $run:ident;)* }
    ) => {
        const CALLS: &[(&str, (u64, u64))] = &[
            $((<$operation as Rpc>::PATH, <$operation as Rpc>::SINCE),)*
            $((<$waiter as Rpc>::PATH, <$waiter as Rpc>::SINCE),)*
            $((<$stream as StreamRpc>::PATH, <$stream as StreamRpc>::SINCE),)*
        ];

        async fn dispatch<B>(call: Call<B>, path: String, deadline: Duration) -> Response<Body>
        where
            B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
        {
            match path.as_str() {
                _ if !is_offered(&call, &path) => refused(&unknown(&path)),
                $(<$operation as Rpc>::PATH => {
                    unary(within(deadline, operation::<$operation, B>(call)).await)
                })*
                $(<$waiter as Rpc>::PATH => {
                    unary(within(deadline, async move {
                        let mut call = call;
                        let request: $waiter = call.requests.only().await?;
                        $wait(&call.server, call.token.as_deref(), &request).await
                    }).await)
                })*
                $(<$stream as StreamRpc>::PATH => {
                    let (sender, response) = stream();
                    tokio::spawn(async move {
                        let done = within(deadline, call.$run(&sender)).await;
                        let status = done.err().unwrap_or(Status::new(Code::OK, ""));
                        sender.end(&status).await;
                    });
                    response
                })*
                _ => refused(&unknown(&path)),
            }
        }
    };
}

dispatch! {
    operations {
        RangeRequest PutRequest DeleteRangeRequest TxnRequest CompactionRequest
        LeaseGrantRequest LeaseRevokeRequest LeaseTimeToLiveRequest LeaseLeasesRequest
        MemberAddRequest MemberRemoveRequest MemberUpdateRequest MemberListRequest
        MemberPromoteRequest
        AlarmRequest StatusRequest DefragmentRequest HashRequest HashKvRequest
        MoveLeaderRequest DowngradeRequest
        AuthEnableRequest AuthDisableRequest AuthStatusRequest AuthenticateRequest
        AuthUserAddRequest AuthUserGetRequest AuthUserListRequest AuthUserDeleteRequest
        AuthUserChangePasswordRequest AuthUserGrantRoleRequest AuthUserRevokeRoleRequest
        AuthRoleAddRequest AuthRoleGetRequest AuthRoleListRequest AuthRoleDeleteRequest
        AuthRoleGrantPermissionRequest AuthRoleRevokePermissionRequest
        UnlockRequest LeaderRequest ProclaimRequest ResignRequest
    }
    waiting {
        LockRequest => waiting::lock;
        CampaignRequest => waiting::lead;
    }
    streams {
        RangeStream => range;
        WatchStream => watch;
        KeepAliveStream => keep_alive;
        SnapshotStream => snapshot;
        ObserveStream => observe;
    }
}

fn is_offered<B>(call: &Call<B>, path: &str) -> bool {
    let version = call.server.with(|store| store.version);
    let mut numbers = version.number().split('.').map(|number| number.parse().unwrap_or(0));
    let own = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    CALLS.iter().any(|(known, since)| *known == path && *since <= own)
}

/// What grpc-go says of a call that there is not.
fn unknown(path: &str) -> Status {
    let split = path.strip_prefix('/').and_then(|path| path.rsplit_once('/'));
    let Some((service, method)) = split else {
        return Status::new(Code::UNIMPLEMENTED, format!("malformed method name: {path:?}"));
    };
    let is_service = |(known, _): &(&str, _)| {
        known
            .strip_prefix('/')
            .is_some_and(|known| known.rsplit_once('/').is_some_and(|(name, _)| name == service))
    };
    let text = if CALLS.iter().any(is_service) {
        format!("unknown method {method} for service {service}")
    } else {
        format!("unknown service {service}")
    };
    Status::new(Code::UNIMPLEMENTED, text)
}

async fn within<T>(
    deadline: Duration,
    done: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let late = |_| Status::new(Code::DEADLINE_EXCEEDED, "context deadline exceeded");
    tokio::time::timeout(deadline, done).await.map_err(late)?
}

fn unary(done: Result<impl Message, Status>) -> Response<Body> {
    let framed = done.and_then(|reply| {
        encode(&reply).map_err(|error| Status::new(Code::INTERNAL, error.to_string()))
    });
    framed.map_or_else(|status| refused(&status), one)
}

async fn operation<O: Operation, B>(mut call: Call<B>) -> Result<O::Reply, Status>
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
{
    let request: O = call.requests.only().await?;
    // Requests for keys are looked at before their size is.
    if !O::PATH.starts_with("/etcdserverpb.KV/") && request.encoded_len() > LONGEST_REQUEST {
        return Err(refusal(message::REQUEST_TOO_LARGE));
    }
    let context = call.server.context(call.token.as_deref());
    call.server.with(|store| store.apply(&request, &context))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_of_the_api_is_there() {
        assert_eq!(CALLS.len(), 49);
    }

    #[test]
    fn unknown_calls_get_the_words_of_grpc_go() {
        let said = |path| unknown(path).message;
        assert_eq!(
            said("/etcdserverpb.KV/Nope"),
            "unknown method Nope for service etcdserverpb.KV"
        );
        assert_eq!(said("/nope.Nope/Nope"), "unknown service nope.Nope");
        assert_eq!(said("nope"), "malformed method name: \"nope\"");
    }
}
