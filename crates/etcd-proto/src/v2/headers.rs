//! What the headers of a reply tell about the store.

use std::str::FromStr;

use http::{HeaderMap, HeaderName};

use crate::ids::ClusterId;

static ETCD_INDEX: HeaderName = HeaderName::from_static("x-etcd-index");
static RAFT_INDEX: HeaderName = HeaderName::from_static("x-raft-index");
static RAFT_TERM: HeaderName = HeaderName::from_static("x-raft-term");
static CLUSTER_ID: HeaderName = HeaderName::from_static("x-etcd-cluster-id");

/// What the headers of a key reply tell about the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Headers {
    /// `X-Etcd-Index`: the store's index when the request was read; nothing without the header.
    pub etcd_index: Option<u64>,
    /// `X-Raft-Index`.
    pub raft_index: Option<u64>,
    /// `X-Raft-Term`; 0.x sends 0.
    pub raft_term: Option<u64>,
    /// `X-Etcd-Cluster-Id`, sent since 2.0.
    pub cluster_id: Option<ClusterId>,
}

impl Headers {
    /// Reads the headers; those that are missing or no numbers are nothing.
    pub fn read(headers: &HeaderMap) -> Self {
        Self {
            etcd_index: number(headers, &ETCD_INDEX),
            raft_index: number(headers, &RAFT_INDEX),
            raft_term: number(headers, &RAFT_TERM),
            cluster_id: number(headers, &CLUSTER_ID),
        }
    }
}

fn number<T: FromStr>(headers: &HeaderMap, name: &HeaderName) -> Option<T> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}
