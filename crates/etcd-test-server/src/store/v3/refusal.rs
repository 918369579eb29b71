//! Statuses in etcd's own words.

use etcd_proto::grpc::{Code, Status};
use etcd_proto::v3::error::KNOWN;

/// The status that etcd gives with one of the messages of `etcd_proto::v3::error::message`.
pub fn refusal(message: &str) -> Status {
    let known = KNOWN.iter().find(|known| known.message == message);
    Status::new(known.map_or(Code::UNKNOWN, |known| known.code), message)
}
