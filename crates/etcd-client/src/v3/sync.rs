//! Learning endpoints from the members of the cluster.

use std::time::Duration;

use etcd_proto::v3::{Member, MemberListRequest};
use etcd_transport::endpoint::Endpoint;
use tokio::task::AbortHandle;

use super::client::Client;
use crate::error::Error;
use crate::learnt::merged;

/// How long there is between two looks at the members, at least.
const SHORTEST: Duration = Duration::from_secs(1);

impl Client {
    /// Learns the endpoints of the cluster from its members, and uses them beside those that were
    /// configured. Answers with all that are used from now on, by every clone of this client.
    ///
    /// Learners and members that were not started yet are left out. A server is not believed
    /// blindly: advertised addresses of this machine are taken only when an endpoint configured is
    /// one, those that cannot be used are left out, and there are at most 64. Endpoints of members
    /// that are gone go away, unless they were configured.
    ///
    /// # Errors
    ///
    /// When no server answered or the user may not list members; the endpoints then stay as they
    /// are.
    pub async fn sync(&self) -> Result<Vec<Endpoint>, Error> {
        let members = self.core().call(&MemberListRequest::new()).await?.members;
        let endpoints = merged(self.configured(), &addresses(&members));
        self.core().channel().set_endpoints(endpoints.clone());
        Ok(endpoints)
    }

    /// Does so at once and then again and again, in the background, until the answer is dropped.
    ///
    /// After a failure the endpoints stay as they are until the next time. There is at least a
    /// second between two times.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn sync_every(&self, period: Duration) -> Syncing {
        let (client, period) = (self.clone(), period.max(SHORTEST));
        let task = tokio::spawn(async move {
            loop {
                if let Err(error) = client.sync().await {
                    tracing::debug!(%error, "the members could not be listed");
                }
                tokio::time::sleep(period).await;
            }
        });
        Syncing(task.abort_handle())
    }
}

/// Endpoints are learnt from the members of the cluster as long as this is there.
#[derive(Debug)]
#[must_use = "dropping it ends it"]
pub struct Syncing(AbortHandle);

impl Drop for Syncing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Where clients are served, by members that serve them.
fn addresses(members: &[Member]) -> Vec<String> {
    // A member that was added and not started has no name.
    let serving = members.iter().filter(|member| !member.is_learner && !member.name.is_empty());
    serving.flat_map(|member| member.client_urls.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learners_and_members_that_were_not_started_are_left_out() {
        let member = |name: &str, is_learner| Member {
            name: name.to_owned(),
            client_urls: vec![format!("http://{name}:2379")],
            is_learner,
            ..Member::default()
        };
        let members = [member("a", false), member("b", true), member("", false)];
        assert_eq!(addresses(&members), ["http://a:2379"]);
    }
}
