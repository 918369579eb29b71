//! Taking a key away, whatever it takes.

use std::time::Duration;

use bytes::Bytes;
use etcd_proto::ids::Revision;
use etcd_proto::v3::{DeleteRangeRequest, TxnRequest};
use etcd_transport::CallOptions;

use super::entry::{Entry, TRY};
use super::fence::{FencingToken, still_there};
use crate::clock;
use crate::error::Error;
use crate::moment::Moment;
use crate::v3::Client;
use crate::v3::pauses::Pauses;

/// When a key is removed once more whose making may yet be under way to a server.
const LATE: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(20)];

impl Entry {
    /// Takes the key away, and with it a lease that is its own.
    ///
    /// # Errors
    ///
    /// [`LockLost`](ErrorKind::LockLost) when it was gone before. After any other error it is
    /// tried again in the background.
    pub(crate) async fn remove(mut self, token: FencingToken) -> Result<(), Error> {
        let over = clock::now() + self.client.core().channel().config().deadline;
        let mut pauses = Pauses::new();
        let mut unclear = false;
        let removed = loop {
            match remove_once(&self.client, &self.key, token.revision).await {
                Ok(removed) => break removed || unclear,
                Err(error) => {
                    unclear |= error.is_outcome_unknown();
                    if !error.is_transient() || clock::now() >= over {
                        return Err(error);
                    }
                }
            }
            pauses.pause().await;
        };
        self.gone = !self.unclear;
        if self.basis.own {
            self.gone = true;
            // It has no keys any more: when this fails it goes by itself, or in the background.
            let _ = self.basis.lease.clone().revoke().await;
        }
        match removed {
            true => Ok(()),
            false => Err(Error::lost("it was held no longer when it was given up")),
        }
    }

    /// Leaves the key where it is; a lease that is its own is renewed no longer by this.
    pub(crate) fn leave(mut self) {
        self.gone = true;
        if self.basis.own {
            self.basis.lease.clone().leave();
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.gone {
            return;
        }
        if self.basis.own {
            // The key goes with it, and whatever is under way to make it comes to nothing.
            return self.basis.lease.give_up();
        }
        let (client, key) = (self.client.clone(), self.key.clone());
        // What is under way may come through later than the removal.
        let unclear = self.unclear || self.made.is_none();
        let over = clock::now() + self.basis.lease.ttl();
        self.basis.lease.spawn(async move {
            remove_until(&client, &key, over).await;
            for late in LATE.iter().filter(|_| unclear) {
                tokio::time::sleep(*late).await;
                remove_until(&client, &key, clock::now()).await;
            }
        });
    }
}

/// Removes a key that was made at this revision; whether it was there.
async fn remove_once(client: &Client, key: &Bytes, made: Revision) -> Result<bool, Error> {
    let kv = client.kv().with_options(CallOptions::default().waits().deadline(TRY));
    let delete = DeleteRangeRequest::new(key);
    let request = TxnRequest::new().when([still_there(key, made)]).then([delete]);
    Ok(kv.txn(request).await?.succeeded)
}

/// Removes a key that nobody else ever has, until that is confirmed or there is no sense in it.
async fn remove_until(client: &Client, key: &Bytes, over: Moment) {
    let mut pauses = Pauses::new();
    while let Err(error) = client.kv().delete(key).await {
        if clock::now() >= over {
            break;
        }
        tracing::debug!(%error, "a key in a line is not removed yet");
        pauses.pause().await;
    }
}
