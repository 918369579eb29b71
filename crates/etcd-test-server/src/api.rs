//! Which generation of the API a request is for.

use bytes::Bytes;
use etcd_proto::v3::error::message;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::sync::watch;

use crate::fault::Faults;
use crate::store::v3::refusal;
use crate::v2;
use crate::v3::{self, Body};
use crate::version::Version;

/// What one member answers; clones share their store.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    version: Version,
    pub(crate) faults: Faults,
    /// Told of when the connections that there are have to end.
    pub(crate) cuts: watch::Sender<()>,
    pub(crate) v2: v2::Server,
    pub(crate) v3: v3::Server,
}

impl Api {
    pub(crate) fn new(version: Version, v2: v2::Server, v3: v3::Server) -> Self {
        Self { version, faults: Faults::default(), cuts: watch::Sender::default(), v2, v3 }
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// Whether a request is a call of v3.
    pub(crate) fn is_grpc<B>(&self, request: &Request<B>) -> bool {
        let kind = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        self.version.has_v3() && kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
    }

    /// Refuses as where there is no leader.
    pub(crate) fn no_leader<B>(&self, request: &Request<B>) -> Response<Body> {
        if self.is_grpc(request) {
            return v3::refused(&refusal(message::NO_LEADER));
        }
        v2::no_leader(self, request.uri().path())
    }

    pub(crate) async fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
    {
        if self.is_grpc(&request) {
            return v3::serve(self.v3.clone(), request).await;
        }
        if let Some(path) = v2::elsewhere(request.uri().path()) {
            return moved(&path, &request);
        }
        match request.uri().path() {
            "/version" => self.version_reply(),
            "/health" if self.version > Version::V0_3 => self.health(),
            path if self.version.has_v2() && path.starts_with("/v2/") => {
                v2::serve(self, request).await
            }
            path if self.version.has_modules() && path.starts_with("/mod/v2/") => {
                v2::serve_module(self, request).await
            }
            _ => text(StatusCode::NOT_FOUND, "404 page not found\n"),
        }
    }

    fn version_reply(&self) -> Response<Body> {
        let number = self.version.number();
        if self.version == Version::V0_3 {
            return text(StatusCode::OK, format!("etcd v{number}"));
        }
        let minor = number.rsplit_once('.').map_or(number, |(minor, _)| minor);
        let storage = match self.version > Version::V3_5 {
            true => format!(r#","storage":"{minor}.0""#),
            false => String::new(),
        };
        let body = format!(r#"{{"etcdserver":"{number}","etcdcluster":"{minor}.0"{storage}}}"#);
        reply(StatusCode::OK, "application/json", body)
    }

    fn health(&self) -> Response<Body> {
        if self.v3.with(|store| store.cluster.leader) == 0 {
            let body = r#"{"health":"false"}"#;
            return reply(StatusCode::SERVICE_UNAVAILABLE, "application/json", body);
        }
        let body = if self.version >= Version::V3_5 {
            r#"{"health":"true","reason":""}"#
        } else {
            r#"{"health":"true"}"#
        };
        reply(StatusCode::OK, "application/json", body)
    }
}

/// What Go's server answers for a path that is not clean.
fn moved<B>(path: &str, request: &Request<B>) -> Response<Body> {
    let query = request.uri().query().filter(|query| !query.is_empty());
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let to = format!("{path}{query}");
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let body = format!("<a href=\"{to}\">Moved Permanently</a>.\n\n").replace('&', "&amp;");
    let body = if reads { body } else { String::new() };
    let mut reply = reply(StatusCode::MOVED_PERMANENTLY, "text/html; charset=utf-8", body);
    if !reads {
        reply.headers_mut().remove(CONTENT_TYPE);
    }
    if let Ok(to) = HeaderValue::from_str(&to) {
        reply.headers_mut().insert(LOCATION, to);
    }
    reply
}

/// A reply of plain text.
pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    reply(status, "text/plain; charset=utf-8", body)
}

pub(crate) fn reply(
    status: StatusCode,
    kind: &'static str,
    body: impl Into<Bytes>,
) -> Response<Body> {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
