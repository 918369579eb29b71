//! Leases: keys that go when nobody renews them.

mod keep_alive;
mod kept;
mod life;
mod machine;

use std::sync::Arc;
use std::time::Duration;

use etcd_proto::call::Outcome;
use etcd_proto::ids::{LeaseId, Ttl};
use etcd_proto::v3::error::message;
use etcd_proto::v3::{
    Error as Refusal, KeepAliveStream, LeaseGrantRequest, LeaseGrantResponse,
    LeaseKeepAliveRequest, LeaseKeepAliveResponse, LeaseLeasesRequest, LeaseLeasesResponse,
    LeaseRevokeRequest, LeaseRevokeResponse, LeaseTimeToLiveRequest, LeaseTimeToLiveResponse,
    Rpc as _,
};
use etcd_transport::wait::{after, before};
use etcd_transport::{CallError, CallOptions, Lane};

use super::core::Core;
use super::pauses::Pauses;
use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::moment::Moment;

pub(crate) use keep_alive::Renewals;
pub use kept::KeptLease;
pub use life::Ended;

/// Leases of a cluster. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Lease {
    core: Core,
    renewals: Arc<Renewals>,
}

impl Lease {
    pub(super) fn new(core: Core, renewals: Arc<Renewals>) -> Self {
        Self { core, renewals }
    }

    /// Makes a lease, under an id that is chosen here.
    ///
    /// The server raises a time to live below its own minimum, which the reply tells: two seconds
    /// by default. It counts from before the reply came. Nobody renews the lease:
    /// [`grant_and_keep`](Self::grant_and_keep) does.
    ///
    /// # Errors
    ///
    /// When no member answers in time; a lease that was made all the same has no keys, and goes
    /// when its time is over.
    pub async fn grant(&self, ttl: Ttl) -> Result<LeaseGrantResponse, Error> {
        self.grant_with(LeaseGrantRequest::new(ttl).id(random_id()?)).await
    }

    /// Like [`grant`](Self::grant), under an id of the caller's choice.
    ///
    /// With an id the request is repeated until a member answers, and a lease that an earlier
    /// attempt had made is recognised. Without one the server chooses, and it is sent once.
    ///
    /// # Errors
    ///
    /// As for [`grant`](Self::grant), and when there is such a lease already.
    pub async fn grant_with(
        &self,
        request: LeaseGrantRequest,
    ) -> Result<LeaseGrantResponse, Error> {
        match self.core.send(&request, &CallOptions::default()).await {
            Ok(reply) => Ok(reply),
            // An attempt of ours may have made it, whose answer was lost.
            Err(error) if unclear(&error, message::LEASE_EXISTS) => {
                match self.time_to_live(request.id).await? {
                    Some(found) => Ok(granted(&found)),
                    None => Err(error.into()),
                }
            }
            Err(error) => {
                let (path, since) = (LeaseGrantRequest::PATH, LeaseGrantRequest::SINCE);
                Err(self.core.explain(error, path, since).await)
            }
        }
    }

    /// Ends a lease, and removes all its keys.
    ///
    /// # Errors
    ///
    /// [`LeaseNotFound`](ErrorKind::LeaseNotFound) when there is no such lease, and when no member
    /// answers in time.
    pub async fn revoke(&self, id: impl Into<LeaseId>) -> Result<LeaseRevokeResponse, Error> {
        let request = LeaseRevokeRequest::new(id);
        match self.core.send(&request, &CallOptions::default()).await {
            Ok(reply) => Ok(reply),
            // An attempt of ours may have ended it, and it is gone in any case.
            Err(error) if unclear(&error, message::LEASE_NOT_FOUND) => {
                Ok(LeaseRevokeResponse::default())
            }
            Err(error) => {
                let (path, since) = (LeaseRevokeRequest::PATH, LeaseRevokeRequest::SINCE);
                Err(self.core.explain(error, path, since).await)
            }
        }
    }

    /// How long a lease has to live; nothing when there is no such lease.
    ///
    /// # Errors
    ///
    /// When no member answers in time.
    pub async fn time_to_live(
        &self,
        id: impl Into<LeaseId>,
    ) -> Result<Option<LeaseTimeToLiveResponse>, Error> {
        self.ask(LeaseTimeToLiveRequest::new(id)).await
    }

    /// Like [`time_to_live`](Self::time_to_live), with the keys that go with the lease.
    ///
    /// They are whole keys, with the prefix of a [namespace](super::Client::namespace).
    ///
    /// # Errors
    ///
    /// When no member answers in time.
    pub async fn time_to_live_with_keys(
        &self,
        id: impl Into<LeaseId>,
    ) -> Result<Option<LeaseTimeToLiveResponse>, Error> {
        self.ask(LeaseTimeToLiveRequest::new(id).keys()).await
    }

    async fn ask(
        &self,
        request: LeaseTimeToLiveRequest,
    ) -> Result<Option<LeaseTimeToLiveResponse>, Error> {
        match self.core.call(&request).await {
            Ok(reply) => Ok((reply.ttl >= 0).then_some(reply)),
            Err(error) if *error.kind() == ErrorKind::LeaseNotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists all leases. Since 3.3.
    ///
    /// # Errors
    ///
    /// When no member answers in time.
    pub async fn list(&self) -> Result<LeaseLeasesResponse, Error> {
        self.core.call(&LeaseLeasesRequest {}).await
    }

    /// Gives a lease its whole time to live again, once.
    ///
    /// # Errors
    ///
    /// [`LeaseNotFound`](ErrorKind::LeaseNotFound) when there is no such lease, and when no member
    /// answers in time.
    pub async fn keep_alive_once(
        &self,
        id: impl Into<LeaseId>,
    ) -> Result<LeaseKeepAliveResponse, Error> {
        Ok(self.renew(id.into()).await?.0)
    }

    /// Renews a lease that is there, at once and then in the background for as long as a handle
    /// of it is kept.
    ///
    /// All leases that a client and its clones keep are renewed on one stream, which moves to
    /// another member when its member does not do its work.
    ///
    /// # Errors
    ///
    /// As for [`keep_alive_once`](Self::keep_alive_once).
    pub async fn keep_alive(&self, id: impl Into<LeaseId>) -> Result<KeptLease, Error> {
        let id = id.into();
        let (reply, sent) = self.renew(id).await?;
        let ttl = keep_alive::ttl(reply.ttl).unwrap_or_default();
        Ok(KeptLease::new(self.clone(), id, ttl, sent, false))
    }

    /// Makes a lease and renews it in the background for as long as a handle of it is kept; it is
    /// revoked with the last one.
    ///
    /// ```no_run
    /// use etcd_client::v3::api::PutRequest;
    /// use etcd_client::{Client, Ttl};
    ///
    /// # async fn example(client: Client, ttl: Ttl) -> Result<(), etcd_client::Error> {
    /// let lease = client.lease().grant_and_keep(ttl).await?;
    /// let here = PutRequest::new("/service/a", "10.0.0.1:80").lease(lease.id());
    /// client.kv().put_with(here).await?;
    /// tokio::select! {
    ///     () = serve() => lease.revoke().await?,
    ///     why = lease.lost() => eprintln!("others may not see us any more: {why}"),
    /// }
    /// # Ok(())
    /// # }
    /// # async fn serve() {}
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`grant`](Self::grant).
    pub async fn grant_and_keep(&self, ttl: Ttl) -> Result<KeptLease, Error> {
        let sent = clock::now();
        let reply = self.grant(ttl).await?;
        let ttl = keep_alive::ttl(reply.ttl).unwrap_or_else(|| ttl.duration());
        Ok(KeptLease::new(self.clone(), reply.lease_id(), ttl, sent, true))
    }

    /// Renews a lease, with when the request was sent that did it.
    async fn renew(&self, id: LeaseId) -> Result<(LeaseKeepAliveResponse, Moment), Error> {
        let over = clock::now() + self.core.channel().config().deadline;
        let mut pauses = Pauses::new();
        let mut renewed_token = false;
        loop {
            let sent = clock::now();
            let error = match self.renew_on_a_stream(id, over.since(sent)).await {
                Ok(reply) if reply.ttl > 0 => return Ok((reply, sent)),
                Ok(_) => return Err(not_found(id)),
                Err(error) => error,
            };
            let wants_new_token = matches!(
                &error,
                CallError::Refused { refusal, .. } if refusal.wants_new_token()
            );
            let error = Error::from(error);
            if wants_new_token && !std::mem::replace(&mut renewed_token, true) {
                self.core.forget_token().await;
            } else if !error.is_transient() || clock::now() >= over {
                return Err(error);
            } else {
                pauses.pause().await;
            }
        }
    }

    async fn renew_on_a_stream(
        &self,
        id: LeaseId,
        within: Duration,
    ) -> Result<LeaseKeepAliveResponse, CallError<Refusal>> {
        let request = KeepAliveStream(LeaseKeepAliveRequest::new(id));
        let options = CallOptions::default().deadline(within).lane(Lane::Calls);
        let channel = self.core.channel();
        // Held until the answer: the server takes its end for the end of the stream.
        let (_up, mut down) = self.core.duplex(&request, &options).await?;
        let endpoint = down.endpoint().clone();
        let patience = after(channel.config().attempt.min(within));
        match before(patience, down.next()).await {
            Some(Ok(Some(reply))) => return Ok(reply),
            Some(Ok(None)) => {}
            Some(Err(error)) => return Err(error),
            None => channel.suspect(&endpoint, "a lease was not renewed there"),
        }
        Err(CallError::Refused { refusal: Refusal::Cut, endpoint, outcome: Outcome::Unknown })
    }
}

/// Whether a refusal says this, and an earlier attempt may have been carried out.
fn unclear(error: &CallError<Refusal>, message: &str) -> bool {
    match error {
        CallError::Refused { refusal, outcome, .. } => {
            *outcome == Outcome::Unknown && refusal.says(message)
        }
        _ => false,
    }
}

/// What a grant would have answered that made this lease.
fn granted(found: &LeaseTimeToLiveResponse) -> LeaseGrantResponse {
    let LeaseTimeToLiveResponse { header, id, granted_ttl, .. } = *found;
    LeaseGrantResponse { header, id, ttl: granted_ttl, error: String::new() }
}

fn not_found(id: LeaseId) -> Error {
    let message = format!("there is no lease {id}, or no longer");
    Error::new(ErrorKind::LeaseNotFound, Outcome::NotApplied, message)
}

/// An id that nobody else chooses: 63 random bits, and not zero, which means none.
fn random_id() -> Result<LeaseId, Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::unsupported(format!("no random numbers: {error}")))?;
    Ok(LeaseId((i64::from_ne_bytes(bytes) & i64::MAX).max(1)))
}
