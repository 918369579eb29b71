//! Short names for what the tables expect.

use etcd_proto::ids::ClusterId;
use etcd_proto::v2::{Action, Error, ErrorCode, Headers, KeyError, KeyReply, Node};
use http::StatusCode;

/// A key with its value.
pub(crate) fn file(key: &str, value: &str, modified_index: u64, created_index: u64) -> Node {
    Node { value: Some(value.to_owned()), ..gone(key, modified_index, created_index) }
}

/// A key that a change took away: no value any more.
pub(crate) fn gone(key: &str, modified_index: u64, created_index: u64) -> Node {
    Node { key: key.to_owned(), modified_index, created_index, ..Node::default() }
}

/// A directory with what it holds.
pub(crate) fn dir<const N: usize>(
    key: &str,
    modified_index: u64,
    created_index: u64,
    nodes: [Node; N],
) -> Node {
    Node { dir: true, nodes: nodes.into(), ..gone(key, modified_index, created_index) }
}

/// The same with an end of its life.
pub(crate) fn until(expiration: &str, ttl: impl Into<Option<i64>>, node: Node) -> Node {
    Node { expiration: Some(expiration.to_owned()), ttl: ttl.into(), ..node }
}

/// The headers of 3.4.23.
pub(crate) fn at(etcd_index: u64, raft_index: u64) -> Headers {
    Headers {
        raft_term: Some(2),
        cluster_id: Some(ClusterId(0xcdf8_1819_4e3a_8c32)),
        ..at_v0(etcd_index, raft_index)
    }
}

/// The headers of 0.3.0, which knows no terms and no cluster id.
pub(crate) fn at_v0(etcd_index: u64, raft_index: u64) -> Headers {
    Headers {
        etcd_index: Some(etcd_index),
        raft_index: Some(raft_index),
        raft_term: Some(0),
        cluster_id: None,
    }
}

/// A reply about a place where nothing was, or where the reply does not say what was.
pub(crate) fn done(action: Action, node: Node, headers: Headers) -> Result<KeyReply, Error> {
    Ok(KeyReply { action, node: Some(node), previous: None, headers })
}

/// A reply about a place where something was.
pub(crate) fn changed(
    action: Action,
    node: Node,
    previous: Node,
    headers: Headers,
) -> Result<KeyReply, Error> {
    Ok(KeyReply { action, node: Some(node), previous: Some(previous), headers })
}

/// The key API's own error.
pub(crate) fn refused<T>(status: u16, code: u32, cause: &str, index: u64) -> Result<T, Error> {
    let (status, code) = (StatusCode::from_u16(status).unwrap(), ErrorCode(code));
    let (message, cause) = (message(code).to_owned(), cause.to_owned());
    Err(Error::Key(KeyError { status, code, message, cause, index }))
}

/// A reply in none of etcd's shapes.
pub(crate) fn other<T>(status: StatusCode, excerpt: &str) -> Result<T, Error> {
    Err(Error::Other { status, excerpt: excerpt.to_owned() })
}

fn message(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::KEY_NOT_FOUND => "Key not found",
        ErrorCode::COMPARE_FAILED => "Compare failed",
        ErrorCode::NOT_A_FILE => "Not a file",
        ErrorCode::NOT_A_DIRECTORY => "Not a directory",
        ErrorCode::KEY_EXISTS => "Key already exists",
        ErrorCode::ROOT_READ_ONLY => "Root is read only",
        ErrorCode::DIRECTORY_NOT_EMPTY => "Directory not empty",
        ErrorCode::TTL_NOT_A_NUMBER => "The given TTL in POST form is not a number",
        ErrorCode::INDEX_NOT_A_NUMBER => "The given index in POST form is not a number",
        ErrorCode::INDEX_OR_VALUE_REQUIRED => "Index or value is required",
        ErrorCode::INVALID_FIELD => "Invalid field",
        ErrorCode::EVENT_INDEX_CLEARED => "The event in requested index is outdated and cleared",
        _ => panic!("no message is known for {code}"),
    }
}
