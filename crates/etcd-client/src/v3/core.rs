//! What every service stands on: a channel, and a token for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use etcd_proto::call::{Duplex, Exchange, Outcome, Refusal as _, Streaming};
use etcd_proto::grpc::{HAS_LEADER, TOKEN};
use etcd_proto::v2::GetVersion;
use etcd_proto::v3::{self as wire, Rpc};
use etcd_transport::endpoint::Endpoint;
use etcd_transport::wait::after;
use etcd_transport::{CallError, CallOptions, Channel, OpenStream, Upstream};
use http::HeaderValue;

use super::identity::{Remedy, Shown, remedy};
use super::token::{Renewed, Tokens};
use crate::error::Error;

type Refused = CallError<wire::Error>;

/// How often a call is refused for its token before that is believed.
const MOST_TOKENS: usize = 4;

/// A channel, and the token that its calls bear. Cloning is cheap.
#[derive(Debug, Clone)]
pub(crate) struct Core {
    channel: Channel,
    tokens: Option<Arc<Tokens>>,
    /// A member did not know the call that streams a range.
    no_range_streams: Arc<AtomicBool>,
}

impl Core {
    pub(crate) fn new(channel: Channel) -> Self {
        let credentials = channel.config().credentials.clone();
        let tokens = credentials.map(|credentials| Arc::new(Tokens::new(credentials)));
        Self { channel, tokens, no_range_streams: Arc::default() }
    }

    /// The same for one endpoint alone.
    pub(crate) fn only(&self, endpoint: &Endpoint) -> Self {
        Self { channel: self.channel.only(endpoint), ..self.clone() }
    }

    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Carries a request to a member and brings back its reply.
    pub(crate) async fn call<M: Rpc>(&self, request: &M) -> Result<M::Reply, Error> {
        self.call_with(request, &CallOptions::default()).await
    }

    /// Like [`call`](Self::call), with options for this one.
    pub(crate) async fn call_with<M: Rpc>(
        &self,
        request: &M,
        options: &CallOptions,
    ) -> Result<M::Reply, Error> {
        match self.send(request, options).await {
            Ok(reply) => Ok(reply),
            Err(error) => Err(Box::pin(self.explain(error, M::PATH, M::SINCE)).await),
        }
    }

    /// Sends any exchange of the v3 API; with new tokens, where the server wants them.
    pub(crate) async fn send<E>(
        &self,
        exchange: &E,
        options: &CallOptions,
    ) -> Result<E::Reply, Refused>
    where
        E: Exchange<Refusal = wire::Error>,
    {
        match &self.tokens {
            None => self.channel.call_with(exchange, options).await,
            // Boxed, so that calls without a token do not carry room for this about.
            Some(tokens) => {
                Box::pin(async {
                    let mut open = false;
                    let answer = self.send_with_token(tokens, exchange, options, &mut open).await;
                    answer.map_err(|error| if open { error.left_open() } else { error })
                })
                .await
            }
        }
    }

    /// Sets `open` where what was refused last may have been done by an attempt before.
    async fn send_with_token<E>(
        &self,
        tokens: &Tokens,
        exchange: &E,
        options: &CallOptions,
        open: &mut bool,
    ) -> Result<E::Reply, Refused>
    where
        E: Exchange<Refusal = wire::Error>,
    {
        let until = after(self.deadline(options));
        let mut token = tokens.current(&self.channel, until).await?;
        let mut again = false;
        // Each change of a user or a role makes all signed tokens old, and changes come in rows.
        for _ in 0..MOST_TOKENS {
            let bearing = bearing(options, token.clone(), until);
            let answer = self.channel.call_with(exchange, &bearing).await;
            let Err(CallError::Refused { refusal, outcome, .. }) = &answer else { return answer };
            *open |= *outcome == Outcome::Unknown;
            match remedy(refusal, self.shown(token.as_ref(), again)) {
                Remedy::Nothing => return answer,
                Remedy::Repetition => again = true,
                Remedy::Token => match tokens.renew(&self.channel, token.as_ref(), until).await? {
                    Renewed::Another(another) => (token, again) = (another, false),
                    Renewed::Same => return answer,
                },
            }
        }
        self.channel.call_with(exchange, &bearing(options, token, until)).await
    }

    /// Opens a stream of items from a member that knows of a leader.
    pub(crate) async fn stream<S>(
        &self,
        streaming: &S,
        options: &CallOptions,
    ) -> Result<OpenStream<S>, Refused>
    where
        S: Streaming<Refusal = wire::Error>,
    {
        self.channel.stream(streaming, &self.with_leader(options).await?).await
    }

    /// Like [`stream`](Self::stream), from a member that may be without a leader.
    pub(crate) async fn stream_without_leader<S>(
        &self,
        streaming: &S,
        options: &CallOptions,
    ) -> Result<OpenStream<S>, Refused>
    where
        S: Streaming<Refusal = wire::Error>,
    {
        self.channel.stream(streaming, &self.with_token(options).await?).await
    }

    /// Opens a stream in both directions to a member that knows of a leader.
    pub(crate) async fn duplex<D>(
        &self,
        duplex: &D,
        options: &CallOptions,
    ) -> Result<(Upstream<D>, OpenStream<D>), Refused>
    where
        D: Duplex<Refusal = wire::Error>,
    {
        self.channel.duplex(duplex, &self.with_leader(options).await?).await
    }

    /// Has the next call or stream fetch a new token, because one was refused within a stream.
    pub(crate) async fn forget_token(&self) {
        if let Some(tokens) = &self.tokens {
            tokens.forget().await;
        }
    }

    /// Whether a stream that was refused with these options may be let through when it is opened once
    /// more; with a new token by then, where it needs one.
    pub(crate) async fn may_open_again(
        &self,
        refusal: &wire::Error,
        refused: &CallOptions,
    ) -> Result<bool, Refused> {
        let Some(tokens) = &self.tokens else { return Ok(false) };
        let token = refused.headers.get(TOKEN);
        match remedy(refusal, self.shown(token, false)) {
            Remedy::Nothing => Ok(false),
            Remedy::Repetition => Ok(true),
            Remedy::Token => {
                let until = after(self.deadline(refused));
                let renewed = tokens.renew(&self.channel, token, until).await?;
                Ok(matches!(renewed, Renewed::Another(Some(_))))
            }
        }
    }

    /// Puts another token in place of the one that was given; false where there was none.
    pub(crate) async fn give_token(&self, token: HeaderValue) -> bool {
        match &self.tokens {
            Some(tokens) => tokens.give(token).await,
            None => false,
        }
    }

    /// How long a call with these options may take.
    pub(crate) fn deadline(&self, options: &CallOptions) -> Duration {
        options.deadline.unwrap_or_else(|| self.channel.config().deadline)
    }

    /// Whether members may know the call that streams a range; they do from 3.7 on.
    pub(crate) fn may_stream_ranges(&self) -> bool {
        !self.no_range_streams.load(Ordering::Relaxed)
    }

    /// One does not, so none is asked for it any more.
    pub(crate) fn cannot_stream_ranges(&self) {
        self.no_range_streams.store(true, Ordering::Relaxed);
    }

    pub(crate) async fn with_leader(&self, options: &CallOptions) -> Result<CallOptions, Refused> {
        let options = self.with_token(options).await?;
        Ok(options.header(HAS_LEADER, HeaderValue::from_static("true")))
    }

    pub(crate) async fn with_token(&self, options: &CallOptions) -> Result<CallOptions, Refused> {
        match &self.tokens {
            Some(tokens) => {
                let until = after(self.deadline(options));
                Ok(bearing(options, tokens.current(&self.channel, until).await?, until))
            }
            None => Ok(options.clone()),
        }
    }

    /// Whether calls bear a token, and so may bear another where one is refused.
    pub(crate) fn has_credentials(&self) -> bool {
        self.tokens.is_some()
    }

    /// Whether servers may take the name in a certificate for the caller's.
    pub(crate) fn has_certificate(&self) -> bool {
        self.channel.config().tls.shows_certificate()
    }

    fn shown(&self, token: Option<&HeaderValue>, again: bool) -> Shown {
        Shown { token: token.is_some(), certificate: self.has_certificate(), again }
    }

    /// The error that a refusal is; where the server does not know a call, with the version that it
    /// has and the one that is needed.
    pub(crate) async fn explain(&self, error: Refused, path: &str, since: (u64, u64)) -> Error {
        let CallError::Refused { refusal, endpoint, .. } = &error else { return error.into() };
        if !refusal.is_unimplemented() {
            return error.into();
        }
        let version = self.channel.only(endpoint).call(&GetVersion).await;
        let found = version
            .map_or_else(|_| "another version".to_owned(), |version| version.server.to_string());
        let (major, minor) = since;
        let name = path.rsplit('/').next().unwrap_or(path);
        let outcome = refusal.outcome();
        Error::unsupported(format!(
            "{name} needs etcd {major}.{minor} or later, and {endpoint} has {found}"
        ))
        .with_outcome(outcome)
    }
}

/// The options of a call that bears this token, in the time that is left of what all of it may take.
fn bearing(options: &CallOptions, token: Option<HeaderValue>, until: Instant) -> CallOptions {
    let left = until.saturating_duration_since(Instant::now());
    let options = options.clone().deadline(left);
    match token {
        Some(token) => options.header(TOKEN, token),
        None => options,
    }
}
