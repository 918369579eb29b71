//! A stream that is opened once more where the server did not take the caller for who it is.

use etcd_proto::call::Streaming;
use etcd_proto::v3::{Error as Refusal, StreamRpc};
use etcd_transport::endpoint::Endpoint;
use etcd_transport::{CallError, CallOptions, OpenStream};

use super::core::Core;
use crate::error::Error;

/// A stream, and what it takes to open it.
pub(super) struct Opened<S: Streaming> {
    core: Core,
    request: S,
    options: CallOptions,
    /// Those with which it was opened, with a token.
    shown: CallOptions,
    needs: Needs,
    stream: OpenStream<S>,
    /// An item has come, or the stream was opened twice.
    settled: bool,
}

/// Whether a member has to know of a leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Leader,
    Nothing,
}

impl<S> Opened<S>
where
    S: Streaming<Refusal = Refusal> + StreamRpc,
{
    pub(super) async fn open(
        core: Core,
        request: S,
        options: &CallOptions,
        needs: Needs,
    ) -> Result<Self, Error> {
        match opened(&core, &request, options, needs).await {
            Ok((stream, shown)) => {
                let options = options.clone();
                Ok(Self { core, request, options, shown, needs, stream, settled: false })
            }
            Err(error) => Err(core.explain(error, S::PATH, S::SINCE).await),
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        self.stream.endpoint()
    }

    /// The next item. When it is dropped, an error may be lost that comes meanwhile.
    pub(super) async fn next(&mut self) -> Result<Option<<S as Streaming>::Item>, Error> {
        match self.try_next().await {
            Ok(item) => Ok(item),
            Err(error) => Err(self.core.explain(error, S::PATH, S::SINCE).await),
        }
    }

    async fn try_next(&mut self) -> Result<Option<<S as Streaming>::Item>, CallError<Refusal>> {
        let answer = self.stream.next().await;
        let settled = std::mem::replace(&mut self.settled, true);
        match answer {
            Err(CallError::Refused { refusal, .. })
                if !settled && self.core.may_open_again(&refusal, &self.shown).await? =>
            {
                let Self { core, request, options, needs, .. } = self;
                (self.stream, self.shown) = opened(core, request, options, *needs).await?;
                self.stream.next().await
            }
            answer => answer,
        }
    }
}

async fn opened<S>(
    core: &Core,
    request: &S,
    options: &CallOptions,
    needs: Needs,
) -> Result<(OpenStream<S>, CallOptions), CallError<Refusal>>
where
    S: Streaming<Refusal = Refusal>,
{
    let options = match needs {
        Needs::Leader => core.with_leader(options).await?,
        Needs::Nothing => core.with_token(options).await?,
    };
    Ok((core.channel().stream(request, &options).await?, options))
}
