//! Members, machines, the leader and statistics.

use etcd_proto::v3::Member;
use http::{Response, StatusCode};

use super::json::{string, strings};
use crate::api::{Api, reply, text};
use crate::v3::Body;
use crate::version::Version;

pub(super) fn answer(api: &Api, path: &str) -> Option<Response<Body>> {
    let (members, leader) =
        api.v3.with(|store| (store.cluster.members.clone(), store.cluster.leader));
    let old = api.version() == Version::V0_3;
    let leading = members.iter().find(|member| member.id == leader);
    let myself = members.iter().find(|member| member.id == api.v3.id());
    let json = |body: String| reply(StatusCode::OK, "application/json", body);
    Some(match path {
        "/v2/machines" | "/v2/peers" if old || path == "/v2/machines" => {
            let urls: Vec<_> =
                members.iter().flat_map(|member| member.client_urls.clone()).collect();
            text(StatusCode::OK, urls.join(", "))
        }
        "/v2/leader" if old => match leading {
            Some(member) => text(StatusCode::OK, member.peer_urls.join(",")),
            None => text(StatusCode::INTERNAL_SERVER_ERROR, "There is no leader"),
        },
        "/v2/members" if !old => {
            let members: Vec<_> = members.iter().map(shown).collect();
            json(format!("{{\"members\":[{}]}}", members.join(",")))
        }
        "/v2/members/leader" if !old => match leading {
            Some(member) => json(shown(member)),
            None => {
                let body = r#"{"message":"During election"}"#;
                reply(StatusCode::SERVICE_UNAVAILABLE, "application/json", body)
            }
        },
        "/v2/stats/leader" if leader == api.v3.id() => {
            let id = leading.map(id).unwrap_or_default();
            json(format!("{{\"leader\":{},\"followers\":{{}}}}", string(&id)))
        }
        "/v2/stats/leader" => {
            let body = r#"{"message":"not current leader"}"#;
            reply(StatusCode::FORBIDDEN, "application/json", body)
        }
        "/v2/stats/self" => {
            let state = if leader == api.v3.id() { "StateLeader" } else { "StateFollower" };
            let member = myself?;
            json(format!(
                "{{\"name\":{},\"id\":{},\"state\":\"{state}\",\"startTime\":\"1970-01-01T00:00:00Z\",\
                 \"leaderInfo\":{{\"leader\":{},\"uptime\":\"0s\",\"startTime\":\"1970-01-01T00:00:00Z\"}},\
                 \"recvAppendRequestCnt\":0,\"sendAppendRequestCnt\":0}}",
                string(&member.name),
                string(&id(member)),
                string(&leading.map(id).unwrap_or_default()),
            ))
        }
        _ => return None,
    })
}

fn id(member: &Member) -> String {
    format!("{:x}", member.id)
}

fn shown(member: &Member) -> String {
    format!(
        "{{\"id\":{},\"name\":{},\"peerURLs\":{},\"clientURLs\":{}}}",
        string(&id(member)),
        string(&member.name),
        strings(&member.peer_urls),
        strings(&member.client_urls)
    )
}
