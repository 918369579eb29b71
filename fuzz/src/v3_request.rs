//! Whatever a client sends to the test server, its store answers and stays whole.

use std::time::Duration;

use bytes::Bytes;
use etcd_proto::grpc::{Status, encode};
use etcd_proto::key::KeyRange;
use etcd_proto::v3::{
    Compare, DeleteRangeRequest, PutRequest, RangeRequest, TxnRequest, WatchCreateRequest,
    WatchRequest,
};
use etcd_test_server::Version;
use etcd_test_server::store::v3::{Context, Store, Watches};
use etcd_test_server::v3::Requests;

const CONTEXT: Context<'static> = Context { member: 1, token: None, now: Duration::ZERO };

/// What was read, and how it ended.
fn read(pieces: impl IntoIterator<Item = Bytes>) -> (Vec<TxnRequest>, Result<(), Status>) {
    let (mut requests, mut found) = (Requests::default(), Vec::new());
    for piece in pieces {
        requests.push(&piece);
        loop {
            match requests.message() {
                Ok(Some(request)) => found.push(request),
                Ok(None) => break,
                Err(status) => return (found, Err(status)),
            }
        }
    }
    (found, requests.end())
}

/// The same in one piece and in many; what is refused changes nothing.
pub fn run(data: &[u8]) {
    let (pieces, whole) = crate::pieces(data);
    let whole = Bytes::copy_from_slice(whole);
    let (transactions, end) = read([whole.clone()]);
    assert_eq!(read(pieces), (transactions.clone(), end));
    let mut store = Store::new(Version::V3_7, Vec::new());
    for transaction in &transactions {
        let before = store.kv.revision();
        let done = store.apply(transaction, &CONTEXT);
        let steps = store.kv.revision() - before;
        assert!(steps == 0 || (steps == 1 && done.is_ok()));
    }
    let mut requests = Requests::default();
    requests.push(&whole);
    let mut watches = Watches::default();
    while let Ok(Some(request)) = requests.message::<WatchRequest>() {
        watches.apply(&mut store, &CONTEXT, request);
    }
}

/// Transactions, watches, and what is neither.
pub fn seeds() -> Vec<Vec<u8>> {
    let txn = TxnRequest::new()
        .when([Compare::absent("a")])
        .then([PutRequest::new("a", "1")])
        .then([TxnRequest::new().then([DeleteRangeRequest::new(KeyRange::prefix("b"))])])
        .or_else([RangeRequest::new(KeyRange::all())]);
    let watch = WatchRequest::from(WatchCreateRequest::new(KeyRange::all()).start_revision(1));
    let (txn, watch) = (encode(&txn).unwrap(), encode(&watch).unwrap());
    vec![
        Vec::new(),
        crate::in_pieces(&[], &txn),
        crate::in_pieces(&[1, 3, 200], &[&txn[..], &txn[..]].concat()),
        crate::in_pieces(&[], &watch),
        crate::in_pieces(&[2], &[&txn[..], &watch[..]].concat()),
        crate::in_pieces(&[], &txn[..txn.len() - 1]),
        crate::in_pieces(&[], b"\x01\0\0\0\0"),
    ]
}
