//! What stands at a path, and the index of the store at that moment.

use etcd_proto::v2::{self as wire, ErrorCode, Get, KeyReply, Node};

use super::Client;
use crate::CallOptions;
use crate::error::Error;

/// What stood at a path, when the store was at an index: a watch from the next one misses nothing.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) index: u64,
    /// Nothing where nothing stood.
    pub(super) node: Option<Node>,
    /// Whether the server is 2.0 or later, where the reply tells: since then it names its cluster.
    pub(super) since_2: Option<bool>,
}

impl Client {
    pub(super) async fn snapshot(
        &self,
        get: Get,
        options: &CallOptions,
    ) -> Result<Snapshot, Error> {
        let get = self.latest(get);
        let first = self.send_with(&get, options).await;
        let reply = match first {
            // 0.4 gives a linearizable read the index of the node, not of the store; a read at the
            // leader that is not linearizable has the store's.
            Ok(reply) if reply.headers.cluster_id.is_none() => {
                self.send_with(&get.serializable().consistent(), options).await
            }
            first => first,
        };
        match reply {
            Ok(KeyReply { headers, node, .. }) => Ok(Snapshot {
                index: headers.etcd_index.unwrap_or_default(),
                node,
                since_2: Some(headers.cluster_id.is_some()),
            }),
            Err(error) => match error.v2() {
                Some(wire::Error::Key(key)) if key.code == ErrorCode::KEY_NOT_FOUND => {
                    Ok(Snapshot { index: key.index, node: None, since_2: None })
                }
                _ => Err(error),
            },
        }
    }

    /// Three times as long as a call may take otherwise, for what is worth waiting for.
    pub(super) fn patiently(&self) -> CallOptions {
        CallOptions::default().deadline(self.channel.config().deadline.saturating_mul(3))
    }
}
