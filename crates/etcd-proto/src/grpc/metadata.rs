//! What goes before the message: gRPC's own headers, and etcd's.

use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The header with the token that `Authenticate` returned.
pub const TOKEN: HeaderName = HeaderName::from_static("token");

/// The header by which a member refuses a call, or ends a stream, while it knows of no leader.
pub const HAS_LEADER: HeaderName = HeaderName::from_static("hasleader");

/// The headers of every request.
pub fn headers() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers
}
