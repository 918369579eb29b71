//! Which call a request is, and its answer.

use std::io;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Frame;
use percent_encoding::percent_decode_str;
use tokio::sync::mpsc;

use super::auth;
use super::form::Form;
use super::json::{self, Style};
use super::keys::{self, Asked};
use super::members;
use super::replies::{mark, method_not_allowed, no_leader, not_found, refusal};
use super::shared::Server;
use super::stats;
use crate::api::{Api, reply, text};
use crate::store::v2::{Error, Event, Operation};
use crate::v3::{Body, Stream};
use crate::version::Version;

/// The longest body that is read.
const LONGEST_BODY: usize = 10 << 20;

/// Answers a request of the v2 API.
pub(crate) async fn serve<B>(api: &Api, request: Request<B>) -> Response<Body>
where
    B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
{
    let path = request.uri().path().to_owned();
    let Some(key) =
        path.strip_prefix("/v2/keys").filter(|key| matches!(key.chars().next(), None | Some('/')))
    else {
        return beside_keys(api, &path, request).await;
    };
    let allowed = [Method::HEAD, Method::GET, Method::PUT, Method::POST, Method::DELETE];
    if !allowed.contains(request.method()) {
        return method_not_allowed("HEAD,GET,PUT,POST,DELETE");
    }
    let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
    match keys_reply(api, &key, request).await {
        Ok(reply) => reply,
        Err(error) => refusal(api, &error),
    }
}

/// Answers what is not about keys.
async fn beside_keys<B>(api: &Api, path: &str, request: Request<B>) -> Response<Body>
where
    B: hyper::body::Body<Data = Bytes>,
{
    let old = api.version() == Version::V0_3;
    if path.starts_with("/v2/auth/") && !old {
        return auth::serve(api, request).await;
    }
    let members = path.strip_prefix("/v2/members").filter(|_| !old);
    if let Some(rest) = members.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        return members::serve(api, rest, request).await;
    }
    match redirected(api, &request) {
        Some(reply) if path == "/v2/stats/leader" => reply,
        _ => stats::answer(api, path, request.method())
            .or_else(|| members::machines(api, path, request.method()))
            .unwrap_or_else(not_found),
    }
}

/// What a follower of 0.x answers.
fn redirected<B>(api: &Api, request: &Request<B>) -> Option<Response<Body>> {
    if api.version() > Version::V0_3 {
        return None;
    }
    let leader = api.v3.with(|store| store.cluster.member(store.cluster.leader).cloned())?;
    let url = leader.client_urls.first().filter(|_| leader.id != api.v3.id())?;
    let rest = request.uri().path_and_query()?;
    let mut reply = text(StatusCode::TEMPORARY_REDIRECT, "");
    reply.headers_mut().insert(LOCATION, HeaderValue::from_str(&format!("{url}{rest}")).ok()?);
    Some(reply)
}

async fn keys_reply<B>(api: &Api, key: &str, request: Request<B>) -> Result<Response<Body>, Error>
where
    B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
{
    let server = &api.v2;
    let follower = redirected(api, &request);
    let (head, body) = request.into_parts();
    let form = form(api, &head, body).await?;
    let reads = matches!(head.method, Method::GET | Method::HEAD);
    if let Some(reply) = follower.filter(|_| !reads || form.text("consistent") == Some("true")) {
        return Ok(reply);
    }
    let now = server.clock.now();
    let asked = keys::asked(&head.method, &form, now)?;
    let (who, recursive) = (auth::identity(&head.headers), form.is("recursive")?);
    if api.version() > Version::V0_3
        && !server.with(|store| store.may(&who, key, !reads, recursive))
    {
        return Err(Error::new(110, "Insufficient credentials", 0));
    }
    let (operation, silent) = match asked {
        Asked::Watch { recursive, stream, since } => {
            return watch(api, key.to_owned(), recursive, stream, since);
        }
        Asked::Once { operation, silent } => (operation, silent),
    };
    if !matches!(operation, Operation::Get { .. }) && api.v3.with(|store| store.cluster.leader) == 0
    {
        return Ok(no_leader(api, head.uri.path()));
    }
    let (event, index) = server.with(|store| (store.apply(key, &operation, now), store.index()));
    let event = event?;
    let status = if event.is_created() { StatusCode::CREATED } else { StatusCode::OK };
    let with_nodes =
        !(silent && api.version() >= Version::V3_4) || head.method == Method::DELETE || reads;
    let mut reply = reply(status, "application/json", line(server, &event, with_nodes));
    mark(api, &mut reply, index);
    Ok(reply)
}

/// The body of a request, where it is not too long.
pub(super) async fn body_of<B>(body: B) -> io::Result<Bytes>
where
    B: hyper::body::Body<Data = Bytes>,
{
    let limited = Limited::new(body.map_err(|_| io::Error::other("unreadable")), LONGEST_BODY);
    Ok(limited.collect().await.map_err(io::Error::other)?.to_bytes())
}

/// The parameters of a request.
pub(super) async fn form<B>(api: &Api, head: &Parts, body: B) -> Result<Form, Error>
where
    B: hyper::body::Body<Data = Bytes>,
{
    let kind = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let is_form = kind.starts_with(b"application/x-www-form-urlencoded");
    let body = if is_form && matches!(head.method, Method::PUT | Method::POST) {
        let read = body_of(body).await;
        read.map_err(|_| Error::new(210, "http: request body too large", 0))?
    } else {
        Bytes::new()
    };
    let lenient = api.version() == Version::V0_3;
    Form::read(&body, head.uri.query().unwrap_or_default(), lenient)
}

fn line(server: &Server, event: &Event, with_nodes: bool) -> String {
    let old = server.version == Version::V0_3;
    let end = if old { "" } else { "\n" };
    json::event(event, Style { old }, with_nodes) + end
}

fn watch(
    api: &Api,
    key: String,
    recursive: bool,
    stream: bool,
    since: u64,
) -> Result<Response<Body>, Error> {
    let server = api.v2.clone();
    let index = server.with(|store| {
        store.expire(server.clock.now());
        // Refused before it begins, where it cannot begin.
        let since = if since == 0 { store.index() + 1 } else { since };
        store.watch(&key, recursive, since, store.index()).map(|_| store.index())
    })?;
    let since = if since == 0 { index + 1 } else { since };
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(tell(server, sender, (key, recursive, stream), since, index));
    let mut reply = Response::new(Stream(receiver).boxed_unsync());
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    mark(api, &mut reply, index);
    Ok(reply)
}

/// Sends events until the reader has gone, or the first one was all that was asked for.
async fn tell(
    server: Server,
    sender: mpsc::Sender<Frame<Bytes>>,
    (key, recursive, stream): (String, bool, bool),
    mut since: u64,
    stood: u64,
) {
    let _watching = server.watching();
    let mut changed = server.changes();
    loop {
        changed.borrow_and_update();
        let found = server
            .with(|store| store.watch(&key, recursive, since, stood).map(|found| found.cloned()));
        let event = match found {
            Ok(Some(event)) => event,
            Ok(None) => {
                tokio::select! {
                    _ = changed.changed() => continue,
                    () = sender.closed() => return,
                }
            }
            // It fell behind by all that is kept: etcd ends it without a word.
            Err(_) => return,
        };
        since = event.node.modified + 1;
        let sent = sender.send(Frame::data(Bytes::from(line(&server, &event, true)))).await;
        if sent.is_err() || !stream {
            return;
        }
    }
}
