//! The lock and leader modules of the first etcds: `/mod/v2/lock` and `/mod/v2/leader`.
//!
//! In one thing they are better than the real ones, which take any sign of the holder for its end:
//! a lock is granted to the first in the line alone.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;

use super::form::Form;
use super::replies::{not_found, refusal};
use super::service::form;
use super::shared::Server;
use crate::api::{Api, text};
use crate::store::v2::{Error, Line, Place};
use crate::v3::Body;

/// Why there is no answer.
enum Failure {
    /// The request lacks something: said as JSON.
    Request(Error),
    /// The store refused: said as text, with a status that does not tell.
    Store(Error),
    /// There is no such call.
    Unknown,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

fn lacks(code: u32, cause: &str) -> Failure {
    Failure::Request(Error::new(code, cause, 0))
}

/// Answers a request to a module.
pub(crate) async fn serve<B>(api: &Api, request: Request<B>) -> Response<Body>
where
    B: hyper::body::Body<Data = Bytes>,
{
    let (head, body) = request.into_parts();
    let said = match form(api, &head, body).await {
        Ok(form) => answer(api, &head, &form).await,
        Err(error) => Err(Failure::Request(error)),
    };
    match said {
        Ok(said) => {
            let mut reply = text(StatusCode::OK, said.clone());
            if said.is_empty() {
                reply.headers_mut().remove(CONTENT_TYPE);
            }
            reply
        }
        Err(Failure::Request(error)) => refusal(api, &error),
        Err(Failure::Store(Error { code, ref cause, index })) => {
            let words = Error::new(code, "", 0).message();
            let said = format!("{code}: {words} ({cause}) [{index}]\n");
            text(StatusCode::INTERNAL_SERVER_ERROR, said)
        }
        Err(Failure::Unknown) => not_found(),
    }
}

async fn answer(api: &Api, head: &Parts, form: &Form) -> Result<String, Failure> {
    let path = percent_decode_str(head.uri.path()).decode_utf8_lossy();
    let given = |name| form.text(name).unwrap_or_default();
    if let Some(key) = path.strip_prefix("/mod/v2/lock/") {
        let line = Line::new(key);
        return match head.method {
            Method::POST => acquire(api, &line, given("value"), form).await,
            Method::GET => holder(&api.v2, &line, given("field")),
            Method::PUT => renew(api, &line, given("index"), given("value"), given("ttl")),
            Method::DELETE => release(api, &line, given("index"), given("value")),
            _ => Err(Failure::Unknown),
        };
    }
    // A leader is who holds the lock of that key, by a value that is the name.
    let line = Line::new(path.strip_prefix("/mod/v2/leader/").ok_or(Failure::Unknown)?);
    let name = given("name");
    match head.method {
        Method::PUT if name.is_empty() => Err(lacks(206, "Set")),
        Method::PUT => acquire(api, &line, name, form).await,
        Method::GET => holder(&api.v2, &line, "value"),
        Method::DELETE if name.is_empty() => Err(lacks(206, "Delete")),
        Method::DELETE => release(api, &line, "", name),
        _ => Err(Failure::Unknown),
    }
}

async fn acquire(api: &Api, line: &Line, value: &str, form: &Form) -> Result<String, Failure> {
    // It is read and then ignored, as etcd does.
    let timeout = form.text("timeout").filter(|text| !text.is_empty());
    if timeout.is_some_and(|timeout| timeout.parse::<i64>().is_err()) {
        return Err(lacks(205, "Acquire"));
    }
    let ttl = seconds(form.text("ttl").unwrap_or_default(), "Acquire")?;
    check_leader(api)?;
    let (server, now) = (&api.v2, api.v2.clock.now());
    let held = server.with(|store| line.places(store, now)).unwrap_or_default();
    let index = match named(&held, value) {
        Some(place) => turn(server, line, place.index, ttl).await?,
        None => {
            let value = if value.is_empty() { "-" } else { value };
            let index = server.with(|store| line.enter(store, value, now))?;
            let mut waiting = Waiting { server, line, index, is_over: false };
            let granted = turn(server, line, index, ttl).await;
            waiting.is_over = true;
            granted?
        }
    };
    Ok(index.to_string())
}

fn holder(server: &Server, line: &Line, field: &str) -> Result<String, Failure> {
    let places = server.with(|store| line.places(store, server.clock.now()))?;
    let Some(first) = places.first() else { return Ok(String::new()) };
    match field {
        "" | "value" => Ok(first.value.clone()),
        "index" => Ok(first.index.to_string()),
        _ => Err(lacks(209, "Get")),
    }
}

fn renew(api: &Api, line: &Line, index: &str, value: &str, ttl: &str) -> Result<String, Failure> {
    let ttl = seconds(ttl, "Renew")?;
    check_leader(api)?;
    let index = meant(&api.v2, line, index, value, "Renew")?;
    api.v2.with(|store| line.renew(store, &index, ttl, api.v2.clock.now()))?;
    Ok(String::new())
}

fn release(api: &Api, line: &Line, index: &str, value: &str) -> Result<String, Failure> {
    if !index.is_empty() && !value.is_empty() {
        return Err(lacks(208, "Release"));
    }
    check_leader(api)?;
    let index = meant(&api.v2, line, index, value, "Release")?;
    api.v2.with(|store| line.leave(store, &index, api.v2.clock.now()))?;
    Ok(String::new())
}

/// The index that is meant, where a value may be given in its place.
fn meant(
    server: &Server,
    line: &Line,
    index: &str,
    value: &str,
    cause: &str,
) -> Result<String, Failure> {
    if !index.is_empty() {
        return Ok(index.to_owned());
    }
    if value.is_empty() {
        return Err(lacks(207, cause));
    }
    let places = server.with(|store| line.places(store, server.clock.now()))?;
    let place = named(&places, value).ok_or_else(|| lacks(100, cause))?;
    Ok(place.index.to_string())
}

fn named<'a>(places: &'a [Place], value: &str) -> Option<&'a Place> {
    places.iter().find(|place| !value.is_empty() && place.value == value)
}

fn seconds(text: &str, cause: &str) -> Result<u64, Failure> {
    text.parse().map_err(|_| lacks(202, cause))
}

fn check_leader(api: &Api) -> Result<(), Failure> {
    if api.v3.with(|store| store.cluster.leader) != 0 {
        return Ok(());
    }
    let index = api.v2.with(|store| store.index());
    Err(Failure::Store(Error::new(300, "", index)))
}

/// Waits until a place is the first, and has it last from then on.
async fn turn(server: &Server, line: &Line, index: u64, ttl: u64) -> Result<u64, Error> {
    let mut changes = server.changes();
    loop {
        changes.borrow_and_update();
        if server.with(|store| line.grant(store, index, ttl, server.clock.now()))? {
            return Ok(index);
        }
        // The sender lives as long as the server.
        let _ = changes.changed().await;
    }
}

/// Leaves the line when its caller has gone before its turn came.
struct Waiting<'a> {
    server: &'a Server,
    line: &'a Line,
    index: u64,
    is_over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            let (index, now) = (self.index.to_string(), self.server.clock.now());
            let _ = self.server.with(|store| self.line.leave(store, &index, now));
        }
    }
}
