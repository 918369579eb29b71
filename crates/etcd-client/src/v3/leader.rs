//! Finding the member that leads.

use etcd_proto::call::Outcome;
use etcd_proto::ids::MemberId;
use etcd_proto::v3::{Member, MemberListRequest, StatusRequest, StatusResponse};
use etcd_transport::CallOptions;
use etcd_transport::endpoint::Endpoint;
use tokio::task::JoinSet;

use super::core::Core;
use crate::error::{Error, ErrorKind};

/// Where the leader is reached: at one of our own endpoints, or where the cluster says.
pub(super) async fn find(core: &Core, options: &CallOptions) -> Result<Endpoint, Error> {
    let ours = core.channel().endpoints().into_iter().map(|status| status.endpoint);
    let followed = match ask(core, options, ours).await {
        Found::Leader(endpoint) => return Ok(endpoint),
        Found::Follower(leader) => leader,
        Found::Nobody(error) => return Err(error),
    };
    let request = MemberListRequest::new().serializable();
    let members = core.call_with(&request, options).await?.members;
    let advertised = members.iter().filter(|member| Some(MemberId(member.id)) == followed);
    match ask(core, options, advertised.flat_map(addresses)).await {
        Found::Leader(endpoint) => Ok(endpoint),
        Found::Nobody(error) => Err(error),
        Found::Follower(_) => Err(no_leader()),
    }
}

enum Found {
    Leader(Endpoint),
    /// None of those who were asked leads; whom they follow.
    Follower(Option<MemberId>),
    Nobody(Error),
}

/// Asks all of them at once, and is done when one says that it leads.
async fn ask(
    core: &Core,
    options: &CallOptions,
    endpoints: impl Iterator<Item = Endpoint>,
) -> Found {
    let mut asked = JoinSet::new();
    for endpoint in endpoints {
        let (core, options) = (core.only(&endpoint), options.clone());
        asked.spawn(async move {
            (core.call_with(&StatusRequest::default(), &options).await, endpoint)
        });
    }
    let mut found = Found::Nobody(no_leader());
    while let Some(Ok((status, endpoint))) = asked.join_next().await {
        match status {
            Ok(status) if status.is_leader() => return Found::Leader(endpoint),
            Ok(StatusResponse { leader, .. }) => {
                let known = matches!(found, Found::Follower(Some(_)));
                if !known {
                    found = Found::Follower((leader != 0).then_some(MemberId(leader)));
                }
            }
            Err(error) if matches!(found, Found::Nobody(_)) => found = Found::Nobody(error),
            Err(_) => {}
        }
    }
    found
}

fn addresses(member: &Member) -> Vec<Endpoint> {
    member.client_urls.iter().filter_map(|url| url.parse().ok()).collect()
}

fn no_leader() -> Error {
    Error::new(ErrorKind::Refused, Outcome::NotApplied, "no member was found that leads")
}
