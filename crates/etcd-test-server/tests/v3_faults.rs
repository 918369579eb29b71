//! Scripted faults, as a client sees them that knows nothing but HTTP/2.

mod common;

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use common::{BROKEN, Client, Replies, dial};
use etcd_proto::grpc::{Code, encode};
use etcd_proto::key::KeyRange;
use etcd_proto::v3::error::message;
use etcd_proto::v3::rpc::{Rpc, StreamRpc, WatchStream};
use etcd_proto::v3::*;
use etcd_test_server::TestServer;
use etcd_test_server::fault::{Fault, Incident, Rule};
use tokio::sync::mpsc::UnboundedSender;

async fn server() -> (TestServer, Client) {
    let server = TestServer::start().await.expect("a port");
    let client = dial(server.pipe()).await;
    (server, client)
}

/// A server that fails once.
async fn with(fault: Fault) -> (TestServer, Client) {
    let (server, client) = server().await;
    server.faults().add(Rule::new(fault).times(1));
    (server, client)
}

fn put() -> PutRequest {
    PutRequest::new("k", "v")
}

async fn count(server: &TestServer) -> i64 {
    let all = RangeRequest::new(KeyRange::all()).count_only();
    dial(server.pipe()).await.call(&all).await.expect("a range").count
}

/// The replies, for as long as the sender is kept.
async fn watch(client: &Client, create: WatchCreateRequest) -> (UnboundedSender<Bytes>, Replies) {
    let (sender, replies) = client.both(WatchStream::PATH).await;
    sender.send(encode(&WatchRequest::from(create)).expect("a frame")).expect("it is read");
    (sender, replies)
}

#[tokio::test]
async fn a_refused_stream_did_nothing_and_its_connection_goes_on() {
    let (server, client) = with(Fault::RefuseStream).await;
    let error = client.fails(PutRequest::PATH, &put()).await;
    let reset = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    assert_eq!(reset.and_then(h2::Error::reason), Some(h2::Reason::REFUSED_STREAM), "{error:?}");
    assert_eq!(count(&server).await, 0);
    client.call(&put()).await.expect("the connection goes on");
}

#[tokio::test]
async fn a_connection_that_goes_away_answers_what_is_under_way() {
    let (server, client) = with(Fault::GoAway).await;
    client.call(&put()).await.expect("a reply");
    while !client.is_closed() {
        tokio::task::yield_now().await;
    }
    assert_eq!(count(&server).await, 1);
}

#[tokio::test]
async fn a_reply_that_drips_is_whole_in_the_end() {
    let (_server, client) = with(Fault::Drip { bytes: 1, every: Duration::from_micros(1) }).await;
    assert_eq!(client.call(&put()).await.expect("a reply").revision().0, 2);
}

#[tokio::test]
async fn messages_grow_and_break() {
    let (server, client) = with(Fault::UnknownFields).await;
    assert_eq!(client.call(&put()).await.expect("they are skipped").revision().0, 2);
    server.faults().add(Rule::new(Fault::Oversize(2_200_000)).times(1));
    let error = client.call(&put()).await.expect_err("it is longer than what is read");
    assert_eq!(error.code, Code::RESOURCE_EXHAUSTED, "{error:?}");
    server.faults().add(Rule::new(Fault::Malformed).times(1));
    let error = client.call(&put()).await.expect_err("it is no message");
    assert!(error.message.contains("failed to unmarshal"), "{error:?}");
    assert_eq!(client.call(&put()).await.expect("a reply").revision().0, 5, "all was done");
}

#[tokio::test]
async fn without_a_leader_nothing_is_done() {
    let (server, client) = with(Fault::NoLeader).await;
    let error = client.call(&put()).await.expect_err("there is no leader");
    assert_eq!((error.code, error.message.as_str()), (Code::UNAVAILABLE, message::NO_LEADER));
    assert_eq!(count(&server).await, 0);
}

#[tokio::test]
async fn a_watch_breaks_off_within_a_fragment() {
    let (server, client) = server().await;
    for key in ["a", "b"] {
        client.call(&PutRequest::new(key, vec![b'v'; 1_200_000])).await.expect("a put");
    }
    server.faults().add(Rule::new(Fault::CutInFragment).path(WatchStream::PATH));
    let request = WatchCreateRequest::new(KeyRange::all()).start_revision(1).fragment();
    let (_sender, mut replies) = watch(&client, request).await;
    let created: WatchResponse = replies.next().await.expect("it is created");
    assert!(created.created && !created.fragment);
    let broken = replies.next::<WatchResponse>().await.expect_err("half a fragment");
    assert_eq!(broken.message, BROKEN);
    assert!(client.is_closed());
}

#[tokio::test]
async fn what_happens_to_the_store_is_seen_by_watches_and_leases() {
    let (server, client) = server().await;
    client.call(&LeaseGrantRequest { ttl: 3600, id: 7 }).await.expect("a lease");
    client.call(&put().lease(7)).await.expect("a put");
    let (_sender, mut replies) = watch(&client, WatchCreateRequest::new("k")).await;
    assert!(replies.next::<WatchResponse>().await.expect("a watch").created);

    assert!(server.cluster().befall(&Incident::LeaseExpiry(7)));
    assert!(!server.cluster().befall(&Incident::LeaseExpiry(7)), "it has ended already");
    let told: WatchResponse = replies.next().await.expect("an event");
    assert!(told.events[0].is_delete());

    server.cluster().befall(&Incident::WatchCancel("maintenance".to_owned()));
    let end: WatchResponse = replies.next().await.expect("an end");
    assert!(end.canceled && end.cancel_reason == "maintenance", "{end:?}");

    let rule = Rule::new(Fault::First(Incident::Compaction)).path(WatchStream::PATH);
    server.faults().add(rule);
    let (_sender, mut late) = watch(&client, WatchCreateRequest::new("k").start_revision(2)).await;
    assert!(late.next::<WatchResponse>().await.expect("a watch").created);
    let end: WatchResponse = late.next().await.expect("an end");
    assert!(end.canceled && end.compact_revision == 3, "{end:?}");
}
