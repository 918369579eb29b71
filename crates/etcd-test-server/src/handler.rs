//! One member without connections.

use bytes::Bytes;
use etcd_proto::v3::Member;
use http::{Request, Response};

use crate::api::Api;
use crate::clock::Clock;
use crate::store::v3::Store;
use crate::v2;
use crate::v3;
use crate::version::Version;

/// One member without connections, for whoever has requests by other ways; clones share their store.
///
/// Watches are served by tasks of their own, so that there has to be a runtime of tokio. TTLs and
/// leases end when a request is made that finds them over.
#[derive(Clone, Debug)]
pub struct Handler(Api);

impl Handler {
    /// The only member of a cluster, which leads.
    pub fn new(version: Version, clock: Clock) -> Self {
        let member = Member { id: 1, name: "m1".to_owned(), ..Member::default() };
        let v3 = v3::Server::new(Store::new(version, vec![member]), clock.clone(), 1);
        Self(Api::new(version, v2::Server::new(version, clock), v3))
    }

    /// Answers a request.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<v3::Body>
    where
        B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
    {
        self.0.answer(request).await
    }
}
