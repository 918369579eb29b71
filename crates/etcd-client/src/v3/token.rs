//! The token that stands for a user and a password.

use etcd_proto::v3::error::message;
use etcd_proto::v3::{AuthenticateRequest, Error as Refusal};
use etcd_transport::{CallError, Channel, Credentials, Secret};
use http::HeaderValue;
use tokio::sync::{Mutex, MutexGuard};
use zeroize::Zeroize as _;

/// A token for all who call with the same user; whoever needs it first fetches it.
#[derive(Debug)]
pub(crate) struct Tokens {
    credentials: Credentials,
    state: Mutex<State>,
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
    ) -> Result<Option<HeaderValue>, CallError<Refusal>> {
        let mut state = self.state.lock().await;
        match &*state {
            State::Known(token) => Ok(token.clone()),
            State::Unknown => self.fetch(&mut state, channel).await,
        }
    }

    /// Another token than the one that was refused; fetched once for all whose was.
    pub(crate) async fn renew(
        &self,
        channel: &Channel,
        refused: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, CallError<Refusal>> {
        let mut state = self.state.lock().await;
        match &*state {
            State::Known(token) if token.as_ref() != refused => Ok(token.clone()),
            _ => self.fetch(&mut state, channel).await,
        }
    }

    /// Forgets the token, so that the next call fetches another.
    pub(crate) async fn forget(&self) {
        *self.state.lock().await = State::Unknown;
    }

    async fn fetch(
        &self,
        state: &mut MutexGuard<'_, State>,
        channel: &Channel,
    ) -> Result<Option<HeaderValue>, CallError<Refusal>> {
        let (user, password) = (self.credentials.user(), self.credentials.password());
        let mut request = AuthenticateRequest::new(user, password);
        let answer = channel.call(&request).await;
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
