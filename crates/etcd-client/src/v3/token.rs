//! The token that calls bear: fetched for a user and a password, or given.

use std::time::Instant;

use etcd_proto::v3::error::message;
use etcd_proto::v3::{AuthenticateRequest, Error as Refusal};
use etcd_transport::wait::before;
use etcd_transport::{CallError, CallOptions, Channel, Credentials, Error as Failure, Secret};
use http::HeaderValue;
use tokio::sync::{Mutex, MutexGuard};
use zeroize::Zeroize as _;

type Refused = CallError<Refusal>;

/// A token for all who call with the same user; whoever needs it first fetches it.
#[derive(Debug)]
pub(crate) struct Tokens {
    credentials: Credentials,
    state: Mutex<State>,
}

/// What there is for one whose token was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Renewed {
    /// Another one, or none where authentication is off by now.
    Another(Option<HeaderValue>),
    /// Nothing: the token was given, and nobody has given another since; or there was none, and
    /// authentication is off.
    Same,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum State {
    #[default]
    Unknown,
    /// What the server gave; nothing where authentication is off.
    Known(Option<HeaderValue>),
}

impl Tokens {
    pub(crate) fn new(credentials: Credentials) -> Self {
        Self { credentials, state: Mutex::default() }
    }

    /// The token, fetched where there is none yet.
    pub(crate) async fn current(
        &self,
        channel: &Channel,
        until: Instant,
    ) -> Result<Option<HeaderValue>, Refused> {
        let mut state = self.state(until).await?;
        match &*state {
            State::Known(token) => Ok(token.clone()),
            State::Unknown => self.obtain(&mut state, channel, until).await,
        }
    }

    /// Another token than the one that was refused; fetched once for all whose was.
    pub(crate) async fn renew(
        &self,
        channel: &Channel,
        refused: Option<&HeaderValue>,
        until: Instant,
    ) -> Result<Renewed, Refused> {
        let mut state = self.state(until).await?;
        let token = match &*state {
            State::Known(token) if token.as_ref() != refused => token.clone(),
            _ if self.are_given() => return Ok(Renewed::Same),
            _ => self.obtain(&mut state, channel, until).await?,
        };
        let same = token.is_none() && refused.is_none();
        Ok(if same { Renewed::Same } else { Renewed::Another(token) })
    }

    /// Waits while another call fetches a token.
    async fn state(&self, until: Instant) -> Result<MutexGuard<'_, State>, Refused> {
        let state = before(until, self.state.lock()).await;
        state.ok_or_else(|| CallError::Failed(Failure::never_sent()))
    }

    /// Puts another token in place of the one that was given; false where they are fetched.
    pub(crate) async fn give(&self, token: HeaderValue) -> bool {
        if self.are_given() {
            *self.state.lock().await = State::Known(Some(token));
        }
        self.are_given()
    }

    fn are_given(&self) -> bool {
        self.credentials.user().is_none()
    }

    /// Forgets a token that was fetched, so that the next call fetches another.
    pub(crate) async fn forget(&self) {
        if !self.are_given() {
            *self.state.lock().await = State::Unknown;
        }
    }

    async fn obtain(
        &self,
        state: &mut MutexGuard<'_, State>,
        channel: &Channel,
        until: Instant,
    ) -> Result<Option<HeaderValue>, Refused> {
        let Some((user, password)) = self.credentials.user() else {
            let token = self.credentials.token_header()?;
            **state = State::Known(token.clone());
            return Ok(token);
        };
        let mut request = AuthenticateRequest::new(user, password);
        let left = until.saturating_duration_since(Instant::now());
        let answer = channel.call_with(&request, &CallOptions::default().deadline(left)).await;
        request.password.zeroize();
        let token = match answer {
            // A token with a byte that no header can hold is none.
            Ok(reply) => Secret::new(reply.token).header(),
            Err(CallError::Refused { refusal, .. }) if refusal.says(message::AUTH_NOT_ENABLED) => {
                None
            }
            Err(error) => {
                **state = State::Unknown;
                return Err(error);
            }
        };
        **state = State::Known(token.clone());
        Ok(token)
    }
}
