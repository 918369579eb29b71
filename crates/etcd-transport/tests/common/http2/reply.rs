//! Replies of a gRPC server as bytes on the wire.

use etcd_proto::grpc;
use etcd_proto::v3::{PutResponse, ResponseHeader};

use super::frame::{DATA, END_HEADERS, END_STREAM, HEADERS, field, frame};
use super::script::Request;

/// `:status: 200`, from HPACK's static table.
pub(crate) const STATUS_200: u8 = 0x88;

/// The head of a reply that is gRPC's.
pub(crate) fn head(stream: u32) -> Vec<u8> {
    let block = [&[STATUS_200][..], &field("content-type", "application/grpc")].concat();
    frame(HEADERS, END_HEADERS, stream, &block)
}

/// The head of any reply.
pub(crate) fn any_head(stream: u32, status: &str, fields: &[(&str, &str)], ends: bool) -> Vec<u8> {
    let mut block = field(":status", status);
    block.extend(fields.iter().flat_map(|(name, value)| field(name, value)));
    let end = if ends { END_STREAM } else { 0 };
    frame(HEADERS, END_HEADERS | end, stream, &block)
}

pub(crate) fn data(stream: u32, bytes: &[u8]) -> Vec<u8> {
    frame(DATA, 0, stream, bytes)
}

/// A body that ends the stream.
pub(crate) fn last_data(stream: u32, bytes: &[u8]) -> Vec<u8> {
    frame(DATA, END_STREAM, stream, bytes)
}

pub(crate) fn trailers(stream: u32, code: u32, message: &str) -> Vec<u8> {
    any_trailers(stream, &[("grpc-status", &code.to_string()), ("grpc-message", message)])
}

pub(crate) fn any_trailers(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    let block: Vec<_> = fields.iter().flat_map(|(name, value)| field(name, value)).collect();
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)
}

/// A status without a body.
pub(crate) fn refused(stream: u32, code: u32, message: &str) -> Vec<u8> {
    let code = code.to_string();
    let fields = [
        ("content-type", "application/grpc"),
        ("grpc-status", code.as_str()),
        ("grpc-message", message),
    ];
    any_head(stream, "200", &fields, true)
}

/// A message in its frame: a header, which every reply has as its first field.
pub(crate) fn message() -> Vec<u8> {
    let header = ResponseHeader { cluster_id: 1, member_id: 2, revision: 7, raft_term: 3 };
    grpc::encode(&PutResponse { header: Some(header), prev_kv: None }).unwrap().to_vec()
}

/// Five bytes that announce a message of this length.
pub(crate) fn announced(length: u32) -> Vec<u8> {
    [&[0][..], &length.to_be_bytes()].concat()
}

/// A whole reply with this body.
pub(crate) fn with_body(stream: u32, body: &[u8]) -> Vec<u8> {
    [head(stream), data(stream, body), trailers(stream, 0, "")].concat()
}

/// A call that was done.
pub(crate) fn done(stream: u32) -> Vec<u8> {
    with_body(stream, &message())
}

/// What a server in good health answers.
pub(crate) fn healthy(request: &Request) -> Vec<u8> {
    match request.is_sign_of_life() {
        true => sign_of_life(request.stream),
        false => done(request.stream),
    }
}

/// What an etcd answers that has no health service.
pub(crate) fn sign_of_life(stream: u32) -> Vec<u8> {
    refused(stream, 12, "unknown service grpc.health.v1.Health")
}

/// A message with this revision.
pub(crate) fn numbered(revision: i64) -> Vec<u8> {
    let header = ResponseHeader { revision, ..ResponseHeader::default() };
    grpc::encode(&PutResponse { header: Some(header), prev_kv: None }).unwrap().to_vec()
}
