//! The key in etcd: sends the machine's requests, and reads replies as its inputs.

use std::time::Duration;

use anyhow::{Context as _, Result};
use etcd_client::session::{Api, SessionOptions, SetOptions};
use etcd_client::{Config, Session, Ttl};
use leader_demo::machine::{Expect, Input, Request};
use leader_demo::vote::Vote;
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// How long a reply is waited for; the machine never needs one to be safe.
const PATIENCE: Duration = Duration::from_secs(1);

/// One key of one cluster; it connects at the first request.
pub(crate) struct Store {
    servers: String,
    key: String,
    ttl: Ttl,
    api: Api,
    session: OnceCell<Session>,
}

impl Store {
    pub(crate) fn new(servers: String, key: String, ttl: Ttl, api: Api) -> Self {
        Self { servers, key, ttl, api, session: OnceCell::new() }
    }

    /// Sends a request; after an error nobody knows what became of it.
    pub(crate) async fn ask(&self, request: Request) -> Result<Input> {
        timeout(PATIENCE, self.answer(request))
            .await
            .with_context(|| format!("no reply within {PATIENCE:?}"))?
    }

    async fn answer(&self, request: Request) -> Result<Input> {
        let session = self.session.get_or_try_init(|| self.open()).await?;
        match request {
            Request::Get => self.get(session).await,
            Request::Set { expect, vote, sent } => {
                let accepted = self.set(session, expect, &vote).await?;
                Ok(if accepted { Input::Wrote { vote, sent } } else { Input::Rejected })
            }
        }
    }

    async fn open(&self) -> Result<Session, etcd_client::Error> {
        // A session that gives up just before we do says which server did not answer.
        let config = Config::default().deadline(PATIENCE.mul_f32(0.9)).rounds(2);
        Session::open_with(&self.servers, SessionOptions::new().api(self.api).config(config)).await
    }

    async fn get(&self, session: &Session) -> Result<Input> {
        let Some(entry) = session.get_opt(&self.key).await? else {
            return Ok(Input::Read(None));
        };
        let vote = read(&entry.value).with_context(|| format!("key {:?}", self.key))?;
        Ok(Input::Read(Some(vote)))
    }

    async fn set(&self, session: &Session, expect: Expect, vote: &Vote) -> Result<bool> {
        let options = SetOptions::new().ttl(self.ttl);
        let options = match expect {
            Expect::Absent => options.absent(),
            Expect::Vote(previous) => options.previous(previous.to_string()),
            Expect::Anything => options,
        };
        match session.set_with(&self.key, vote.to_string(), &options).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_precondition_failed() || error.is_key_not_found() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn read(value: &[u8]) -> Result<Vote> {
    Ok(String::from_utf8_lossy(value).parse()?)
}
