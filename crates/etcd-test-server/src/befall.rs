//! Requests answered as the script of faults has it.

use std::sync::Arc;

use bytes::Bytes;
use h2::Reason;
use http::{Request, Response, StatusCode};

use crate::api::{Api, reply};
use crate::fault::{Fault, Incident};
use crate::spoil::{Change, Ends, changed, cut, cut_in_fragment, drip};
use crate::v3::{self, Body, refused};

/// Answers a request, unless a fault has another end for it.
///
/// # Errors
///
/// With the reason for which its stream is refused.
pub(crate) async fn answer<B>(
    api: &Api,
    request: Request<B>,
    ends: Arc<Ends>,
) -> Result<Response<Body>, h2::Error>
where
    B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
{
    let Some(fault) = api.faults.of(request.uri().path()) else {
        return Ok(api.answer(request).await);
    };
    let is_grpc = api.is_grpc(&request);
    Ok(match fault {
        Fault::Grpc(status) => refused(&status),
        Fault::Http(status, body) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            reply(status, "application/json", body)
        }
        Fault::NoLeader => api.no_leader(&request),
        Fault::RefuseStream => return Err(Reason::REFUSED_STREAM.into()),
        Fault::Silence => std::future::pending().await,
        Fault::ResetBefore => ends.cut().await,
        Fault::ResetAfter => {
            let _ = api.answer(request).await;
            ends.cut().await
        }
        Fault::Delay(time) => {
            tokio::time::sleep(time).await;
            api.answer(request).await
        }
        Fault::GoAway => {
            ends.leave.notify_one();
            // The connection is told before there is a reply to write.
            tokio::task::yield_now().await;
            api.answer(request).await
        }
        Fault::First(incident) => {
            happen(&api.v3, &incident);
            api.answer(request).await
        }
        Fault::ResetAfterBytes(left) => api.answer(request).await.map(|body| cut(body, left, ends)),
        Fault::CutInFragment => api.answer(request).await.map(|body| cut_in_fragment(body, ends)),
        Fault::Drip { bytes, every } => {
            api.answer(request).await.map(|body| drip(body, bytes, every))
        }
        Fault::Oversize(bytes) => spoilt(api, request, Change::Oversize(bytes), is_grpc).await,
        Fault::Malformed => spoilt(api, request, Change::Malformed, is_grpc).await,
        Fault::UnknownFields => spoilt(api, request, Change::UnknownFields, is_grpc).await,
    })
}

async fn spoilt<B>(api: &Api, request: Request<B>, change: Change, is_grpc: bool) -> Response<Body>
where
    B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
{
    api.answer(request).await.map(|body| changed(body, change, is_grpc))
}

/// Has something happen to the store; returns whether it did.
pub(crate) fn happen(server: &v3::Server, incident: &Incident) -> bool {
    match incident {
        Incident::Compaction => server.with(|store| {
            let revision = store.kv.revision();
            store.kv.compact(revision).is_ok()
        }),
        Incident::LeaseExpiry(id) => server.with(|store| {
            let is_there = store.leases.exists(*id);
            store.end_lease(*id);
            is_there
        }),
        Incident::WatchCancel(reason) => {
            server.cancel_watches(reason);
            true
        }
    }
}
