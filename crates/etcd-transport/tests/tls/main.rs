//! TLS with servers that are who they should be, and with those that are not.

#![allow(clippy::unwrap_used)]

mod authority;
mod chains;
mod plain;
mod rotation;
mod server;

use etcd_proto::call::Outcome;
use etcd_proto::v2::{GetVersion, ServerVersion};
use etcd_transport::endpoint::parse_list;
use etcd_transport::error::{CallError, Cause, Error};
use etcd_transport::{Channel, Config, Tls};

/// A channel that gives up at once.
fn channel(servers: &str, tls: Tls) -> Channel {
    Channel::new(parse_list(servers).unwrap(), Config::default().rounds(1).tls(tls))
}

async fn version(channel: &Channel) -> Result<ServerVersion, Error> {
    match channel.call(&GetVersion).await {
        Ok(version) => Ok(version),
        Err(CallError::Failed(error)) => Err(error),
        Err(other) => panic!("{other:?}"),
    }
}

/// Why there was no secure connection; nothing was sent.
fn why(error: &Error) -> String {
    assert_eq!(error.outcome(), Outcome::NotApplied);
    match &error.attempts()[0].cause {
        Cause::Tls(why) => why.clone(),
        other => panic!("{other:?}"),
    }
}
