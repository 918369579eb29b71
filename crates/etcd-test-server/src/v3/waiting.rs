//! Calls that wait for their turn: locks and elections.

use etcd_proto::grpc::Status;
use etcd_proto::v3::{
    CampaignRequest, CampaignResponse, DeleteRangeRequest, KeyValue, LeaderRequest, LockRequest,
    LockResponse,
};

use super::shared::Server;
use crate::store::v3::{Place, campaign, enter, observe};

/// Leaves the queue when its caller has gone before its turn came.
struct Waiting<'a> {
    server: &'a Server,
    token: Option<&'a str>,
    place: Place,
    is_over: bool,
}

impl Waiting<'_> {
    async fn turn(mut self) -> Result<Place, Status> {
        let mut changes = self.server.changes();
        loop {
            changes.borrow_and_update();
            let first = self.server.with(|store| {
                store.expire(self.server.clock().now());
                self.place.is_first(store)
            });
            if !matches!(first, Ok(false)) {
                self.is_over = true;
                return first.map(|_| self.place.clone());
            }
            // The sender lives as long as the server.
            let _ = changes.changed().await;
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            let context = self.server.context(self.token);
            let delete = DeleteRangeRequest::new(self.place.key.clone());
            let _ = self.server.with(|store| store.apply(&delete, &context));
        }
    }
}

pub(super) async fn lock(
    server: &Server,
    token: Option<&str>,
    request: &LockRequest,
) -> Result<LockResponse, Status> {
    let context = server.context(token);
    let place = server.with(|store| enter(store, &context, request))?;
    let place = Waiting { server, token, place, is_over: false }.turn().await?;
    let header = Some(server.with(|store| store.header(&context)));
    Ok(LockResponse { header, key: place.key })
}

pub(super) async fn lead(
    server: &Server,
    token: Option<&str>,
    request: &CampaignRequest,
) -> Result<CampaignResponse, Status> {
    let context = server.context(token);
    let (place, leader) = server.with(|store| campaign(store, &context, request))?;
    Waiting { server, token, place, is_over: false }.turn().await?;
    let header = Some(server.with(|store| store.header(&context)));
    Ok(CampaignResponse { header, leader: Some(leader) })
}

/// The next leader of an election, or the next value of the same one.
pub(super) async fn next_leader(
    server: &Server,
    token: Option<&str>,
    request: &LeaderRequest,
    told: (i64, i64),
) -> Result<etcd_proto::v3::LeaderResponse, Status> {
    let mut changes = server.changes();
    loop {
        changes.borrow_and_update();
        let context = server.context(token);
        let leader = server.with(|store| observe(store, &context, request))?;
        let is_new = |kv: &KeyValue| standing(kv) > told;
        if let Some(leader) = leader.filter(|leader| leader.kv.as_ref().is_some_and(is_new)) {
            return Ok(leader);
        }
        let _ = changes.changed().await;
    }
}

/// Where a leader's value stands in the history of an election.
///
/// Who leads next may have entered before the one who led said something last.
pub(super) fn standing(leader: &KeyValue) -> (i64, i64) {
    (leader.create_revision, leader.mod_revision)
}
