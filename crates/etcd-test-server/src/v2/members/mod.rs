//! Members, machines and the leader: who they are, and who comes and goes.

mod read;

use bytes::Bytes;
use etcd_proto::v3::Member;
use etcd_proto::v3::error::message;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};

use super::auth::{is_root, no_access};
use super::json::{string, strings};
use super::replies::{internal, mark_cluster, method_not_allowed, refuse};
use super::service::body_of;
use crate::api::{Api, reply, text};
use crate::store::v2::Refusal;
use crate::store::v3::refusal;
use crate::v3::Body;
use crate::version::Version;

/// Answers a request for `/v2/members`, or what is below it.
pub(super) async fn serve<B>(api: &Api, rest: &str, request: Request<B>) -> Response<Body>
where
    B: hyper::body::Body<Data = Bytes>,
{
    let (head, body) = request.into_parts();
    let (reads, writes) = ([Method::GET], [Method::POST, Method::PUT, Method::DELETE]);
    if !reads.contains(&head.method) && !writes.contains(&head.method) {
        return method_not_allowed("GET,POST,DELETE,PUT");
    }
    if writes.contains(&head.method) && !is_root(api, &head.headers) {
        return no_access();
    }
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    let mut reply = if head.method == Method::GET {
        shown(api, rest)
    } else {
        let body = body_of(body).await.unwrap_or_default();
        change(api, &head, rest, &body).unwrap_or_else(|refusal| refuse(&refusal))
    };
    mark_cluster(api, &mut reply);
    reply
}

fn shown(api: &Api, rest: &str) -> Response<Body> {
    let (mut members, leader) =
        api.v3.with(|store| (store.cluster.members.clone(), store.cluster.leader));
    members.sort_by_key(|member| member.id);
    match rest {
        "" => {
            let members: Vec<_> = members.iter().map(written).collect();
            json(StatusCode::OK, format!("{{\"members\":[{}]}}\n", members.join(",")))
        }
        "leader" => match members.iter().find(|member| member.id == leader) {
            Some(member) => json(StatusCode::OK, written(member) + "\n"),
            None => refuse(&Refusal::new(503, "During election")),
        },
        _ => refuse(&Refusal::new(404, "Not found")),
    }
}

fn change(api: &Api, head: &Parts, rest: &str, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let kind = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let kind = String::from_utf8_lossy(kind);
    if head.method == Method::POST {
        let member = add(api, read::urls(&kind, body)?)?;
        return Ok(json(StatusCode::CREATED, written(&member) + "\n"));
    }
    if rest.is_empty() {
        return Ok(text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n"));
    }
    let id = read::id(rest)?;
    if head.method == Method::DELETE {
        remove(api, id)?;
    } else {
        update(api, id, read::urls(&kind, body)?)?;
    }
    let mut done = text(StatusCode::NO_CONTENT, "");
    done.headers_mut().remove(CONTENT_TYPE);
    Ok(done)
}

fn in_v2_words(status: &etcd_proto::grpc::Status) -> Refusal {
    if *status == refusal(message::PEER_URLS_EXIST) {
        return Refusal::new(409, "membership: peerURL exists");
    }
    internal()
}

fn add(api: &Api, peer_urls: Vec<String>) -> Result<Member, Refusal> {
    check_leader(api)?;
    let added = api.v3.with(|store| store.cluster.add(peer_urls, false));
    let member = added.map_err(|status| in_v2_words(&status))?;
    api.v2.with(|store| store.skip(1));
    Ok(member)
}

fn remove(api: &Api, id: u64) -> Result<(), Refusal> {
    check_leader(api)?;
    if api.v3.with(|store| store.cluster.was_removed(id)) {
        return Err(Refusal::new(410, format!("Member permanently removed: {id:x}")));
    }
    api.v3.with(|store| store.cluster.remove(id)).map_err(|_| stranger(id))?;
    // That it is gone for good is kept too.
    api.v2.with(|store| store.skip(2));
    Ok(())
}

fn update(api: &Api, id: u64, peer_urls: Vec<String>) -> Result<(), Refusal> {
    check_leader(api)?;
    if api.v3.with(|store| store.cluster.was_removed(id)) {
        return Err(internal());
    }
    if api.v3.with(|store| store.cluster.member(id).is_none()) {
        return Err(stranger(id));
    }
    let updated = api.v3.with(|store| store.cluster.update(id, peer_urls));
    updated.map_err(|status| in_v2_words(&status))?;
    api.v2.with(|store| store.skip(1));
    Ok(())
}

fn stranger(id: u64) -> Refusal {
    Refusal::new(404, format!("No such member: {id:x}"))
}

fn check_leader(api: &Api) -> Result<(), Refusal> {
    match api.v3.with(|store| store.cluster.leader) {
        0 => Err(internal()),
        _ => Ok(()),
    }
}

/// Answers a request for the URLs of all members, or for those of the leader's peers.
pub(super) fn machines(api: &Api, path: &str, method: &Method) -> Option<Response<Body>> {
    let (members, leader) =
        api.v3.with(|store| (store.cluster.members.clone(), store.cluster.leader));
    let old = api.version() == Version::V0_3;
    match path {
        "/v2/machines" if !(old || [Method::GET, Method::HEAD].contains(method)) => {
            Some(method_not_allowed("GET,HEAD"))
        }
        "/v2/machines" | "/v2/peers" if old || path == "/v2/machines" => {
            let mut urls: Vec<_> =
                members.into_iter().flat_map(|member| member.client_urls).collect();
            urls.sort();
            Some(text(StatusCode::OK, urls.join(", ")))
        }
        "/v2/leader" if old => Some(match members.iter().find(|member| member.id == leader) {
            Some(member) => text(StatusCode::OK, member.peer_urls.join(",")),
            None => text(StatusCode::INTERNAL_SERVER_ERROR, "There is no leader"),
        }),
        _ => None,
    }
}

/// The id of a member as v2 writes it.
pub(super) fn id(member: &Member) -> String {
    format!("{:x}", member.id)
}

fn written(member: &Member) -> String {
    format!(
        "{{\"id\":{},\"name\":{},\"peerURLs\":{},\"clientURLs\":{}}}",
        string(&id(member)),
        string(&member.name),
        strings(&member.peer_urls),
        strings(&member.client_urls)
    )
}

fn json(status: StatusCode, body: String) -> Response<Body> {
    reply(status, "application/json", body)
}
