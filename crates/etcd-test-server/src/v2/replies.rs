//! Heads of replies, and refusals in the words of each part of the API.

use http::header::ALLOW;
use http::{HeaderValue, Response, StatusCode};

use super::json;
use crate::api::{Api, reply, text};
use crate::store::v2::{Error, Refusal};
use crate::v3::Body;
use crate::version::Version;

pub(super) fn not_found() -> Response<Body> {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

pub(super) fn method_not_allowed(allowed: &'static str) -> Response<Body> {
    let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n");
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}

/// What is answered where etcd has no words of its own.
pub(super) fn internal() -> Refusal {
    Refusal::new(500, "Internal Server Error")
}

/// A refusal of what is not about keys.
pub(super) fn refuse(refusal: &Refusal) -> Response<Body> {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    let message = json::string(&refusal.message);
    reply(status, "application/json", format!("{{\"message\":{message}}}"))
}

pub(super) fn mark(api: &Api, reply: &mut Response<Body>, index: u64) {
    let headers = reply.headers_mut();
    headers.insert("x-etcd-index", HeaderValue::from(index));
    let old = api.version() == Version::V0_3;
    // Of what etcd has written, the first is about itself.
    headers.insert("x-raft-index", HeaderValue::from(if old { index } else { index + 1 }));
    let term = api.v3.with(|store| store.cluster.term);
    headers.insert("x-raft-term", HeaderValue::from(if old { 0 } else { term }));
    if !old {
        mark_cluster(api, reply);
    }
}

pub(super) fn mark_cluster(api: &Api, reply: &mut Response<Body>) {
    let id = api.v3.with(|store| store.cluster.id);
    if let Ok(id) = HeaderValue::from_str(&format!("{id:x}")) {
        reply.headers_mut().insert("x-etcd-cluster-id", id);
    }
}

/// What a member answers that knows of no leader.
pub(crate) fn no_leader(api: &Api, path: &str) -> Response<Body> {
    if ["/v2/auth/", "/v2/members"].iter().any(|prefix| path.starts_with(prefix)) {
        return refuse(&internal());
    }
    let index = api.v2.with(|store| store.index());
    let (cause, index) = match api.version() {
        Version::V0_3 => ("", index),
        _ => ("etcdserver: no leader", 0),
    };
    refusal(api, &Error::new(300, cause, index))
}

pub(super) fn refusal(api: &Api, error: &Error) -> Response<Body> {
    let old = api.version() == Version::V0_3;
    let kind = if old { "text/plain; charset=utf-8" } else { "application/json" };
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut reply = reply(status, kind, json::error(error) + "\n");
    mark(api, &mut reply, error.index);
    for name in ["x-raft-index", "x-raft-term"] {
        reply.headers_mut().remove(name);
    }
    reply
}
