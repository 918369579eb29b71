//! The election service of the server, as it is.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use etcd_proto::key::IntoBytes;
use etcd_proto::v3::{
    CampaignRequest, CampaignResponse, LeaderKey, LeaderRequest, LeaderResponse, ObserveStream,
    ProclaimRequest, ProclaimResponse, ResignRequest, ResignResponse,
};
use etcd_transport::CallOptions;
use futures_core::Stream;

use super::core::Core;
use super::namespace::Namespace;
use super::opened::{Needs, Opened};
use super::raw_lock::with_lease;
use super::steps::{Steps, Work};
use crate::error::Error;

/// The server's own election calls. Cloning is cheap.
///
/// They keep no lease alive, and their streams do not resume.
#[derive(Debug, Clone)]
pub struct RawElection {
    core: Core,
    namespace: Namespace,
    options: CallOptions,
}

impl RawElection {
    pub(super) fn new(core: Core, namespace: Namespace) -> Self {
        Self { core, namespace, options: CallOptions::default() }
    }

    /// The same, with options for each call: a deadline is how long to campaign at most.
    pub fn with_options(&self, options: CallOptions) -> Self {
        Self { options, ..self.clone() }
    }

    /// Waits to lead until the deadline, 5 s unless told otherwise. The leadership lasts until it
    /// is [resigned](Self::resign) or the lease ends.
    ///
    /// When the wait is given up, whether by the deadline, an error or by dropping the call, the
    /// leadership may be had all the same: revoke the lease.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) without a lease, as the server would make
    /// one of 60 s that nobody knows; a refusal for a lease that is not there, or that no answer
    /// came in time.
    pub async fn campaign(&self, mut request: CampaignRequest) -> Result<CampaignResponse, Error> {
        with_lease(request.lease)?;
        request.name = self.namespace.key(request.name);
        let mut reply = self.core.call_with(&request, &self.options.clone().waits()).await?;
        if let Some(leader) = &mut reply.leader {
            self.namespace.strip_key(&mut leader.name);
            self.namespace.strip_key(&mut leader.key);
        }
        Ok(reply)
    }

    /// Proclaims another value under a leadership that lasts.
    ///
    /// # Errors
    ///
    /// A refusal when it has ended, or that no server answered.
    pub async fn proclaim(
        &self,
        leader: LeaderKey,
        value: impl IntoBytes,
    ) -> Result<ProclaimResponse, Error> {
        let request = ProclaimRequest::new(self.whole(leader), value);
        self.core.call_with(&request, &self.options).await
    }

    /// Who leads, and what was proclaimed last.
    ///
    /// # Errors
    ///
    /// A refusal while nobody leads, or that no server answered.
    pub async fn leader(&self, name: impl IntoBytes) -> Result<LeaderResponse, Error> {
        let mut reply = self.core.call_with(&self.named(name), &self.options).await?;
        reply.kv.iter_mut().for_each(|entry| self.namespace.strip(entry));
        Ok(reply)
    }

    /// Whoever leads, one after another, with each value that is proclaimed; some may be left out.
    ///
    /// # Errors
    ///
    /// When no server could be reached.
    pub async fn observe(&self, name: impl IntoBytes) -> Result<Observe, Error> {
        let request = ObserveStream(self.named(name));
        let opened = Opened::open(self.core.clone(), request, &self.options, Needs::Leader);
        let (stream, namespace) = (opened.await?, self.namespace.clone());
        Ok(Observe(Steps::new(Observed { namespace, stream }, step)))
    }

    /// Ends a leadership; one that has ended is no error.
    ///
    /// # Errors
    ///
    /// When no server answered.
    pub async fn resign(&self, leader: LeaderKey) -> Result<ResignResponse, Error> {
        self.core.call_with(&ResignRequest::new(self.whole(leader)), &self.options).await
    }

    fn named(&self, name: impl IntoBytes) -> LeaderRequest {
        LeaderRequest::new(self.namespace.key(name.into_bytes()))
    }

    /// A leadership as the server has it.
    fn whole(&self, leader: LeaderKey) -> LeaderKey {
        let LeaderKey { name, key, rev, lease } = leader;
        LeaderKey { name: self.namespace.key(name), key: self.namespace.key(key), rev, lease }
    }
}

/// The leaders of an election, one after another. Dropping it ends it at the server too.
#[derive(Debug)]
pub struct Observe(Steps<Observed, LeaderResponse>);

impl Observe {
    /// The next leader, or value; nothing when the server ended the stream.
    ///
    /// It waits as long as nothing changes. It may be dropped and called again.
    ///
    /// # Errors
    ///
    /// When the stream broke, the member lost its leader, or the user may not read this. Nothing
    /// follows an error.
    pub async fn next(&mut self) -> Option<Result<LeaderResponse, Error>> {
        poll_fn(|cx| self.0.poll_next(cx)).await
    }
}

impl Stream for Observe {
    type Item = Result<LeaderResponse, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next(cx)
    }
}

struct Observed {
    namespace: Namespace,
    stream: Opened<ObserveStream>,
}

fn step(mut observed: Observed) -> Work<Observed, LeaderResponse> {
    Box::pin(async move {
        match observed.stream.next().await {
            Ok(Some(mut item)) => {
                item.kv.iter_mut().for_each(|entry| observed.namespace.strip(entry));
                (Some(observed), Some(Ok(item)))
            }
            Ok(None) => (None, None),
            Err(error) => (None, Some(Err(error))),
        }
    })
}
