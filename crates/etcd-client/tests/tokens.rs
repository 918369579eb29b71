//! Tokens that take their time, or are refused while it is open what became of a call.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::{Duration, Instant};

use etcd_client::v3::api::LeaseGrantRequest;
use etcd_client::{CallOptions, Client, Config, ErrorKind, LeaseId, Outcome};
use etcd_proto::grpc::{Code, Status};
use etcd_test_server::TestServer;
use etcd_test_server::fault::{Fault, Rule};

const AUTHENTICATE: &str = "/etcdserverpb.Auth/Authenticate";
const DEADLINE: Duration = Duration::from_secs(5);

/// A server with a user, and the user's client.
async fn start() -> (TestServer, Client) {
    let server = TestServer::start().await.unwrap();
    let nobody = Client::new(&server.endpoint()).unwrap();
    nobody.auth().user_add("root", "r").await.unwrap();
    nobody.auth().user_grant_role("root", "root").await.unwrap();
    nobody.auth().enable().await.unwrap();
    let config = Config::default().deadline(DEADLINE).credentials("root", "r");
    let root = Client::with_config(&server.endpoint(), config).unwrap();
    (server, root)
}

/// How a put ends whose time is over, which is not long after it.
async fn late(client: &Client) -> (ErrorKind, Outcome) {
    let began = Instant::now();
    let error = client.kv().put("k", "v").await.unwrap_err();
    let took = began.elapsed();
    assert!(took >= DEADLINE && took < DEADLINE * 3 / 2, "{took:?}");
    (error.kind().clone(), error.outcome())
}

#[tokio::test]
async fn the_deadline_of_a_call_counts_from_before_its_token() {
    let (server, root) = start().await;
    let unsent = (ErrorKind::Timeout, Outcome::NotApplied);
    server.faults().add(Rule::new(Fault::Silence).path(AUTHENTICATE));
    assert_eq!(late(&root).await, unsent, "while a token is fetched");
    server.faults().clear();
    server.faults().add(Rule::new(Fault::Delay(DEADLINE * 4 / 5)).path(AUTHENTICATE));
    server.faults().add(Rule::new(Fault::Silence).path("/etcdserverpb.KV/"));
    let unknown = (ErrorKind::Timeout, Outcome::Unknown);
    assert_eq!(late(&root).await, unknown, "after one was");
}

#[tokio::test]
async fn who_waits_for_the_token_of_another_call_waits_for_its_own_deadline() {
    let (server, root) = start().await;
    server.faults().add(Rule::new(Fault::Silence).path(AUTHENTICATE));
    let patient = root.clone();
    let first = tokio::spawn(async move {
        let longer = CallOptions::default().deadline(DEADLINE * 10);
        patient.kv().with_options(longer).put("k", "v").await.map(drop)
    });
    tokio::time::sleep(DEADLINE / 5).await;
    assert_eq!(late(&root).await, (ErrorKind::Timeout, Outcome::NotApplied));
    assert!(!first.is_finished(), "it has longer");
    first.abort();
}

#[tokio::test]
async fn what_was_open_before_a_token_was_refused_stays_open() {
    let (server, root) = start().await;
    let ttl = "60".parse().unwrap();
    let stale = Status::new(Code::UNAUTHENTICATED, "etcdserver: invalid auth token");
    for id in [7, 8] {
        root.kv().get("k").await.unwrap();
        let path = "/etcdserverpb.Lease/LeaseGrant";
        server.faults().add(Rule::new(Fault::ResetAfter).path(path).times(1));
        server.faults().add(Rule::new(Fault::Grpc(stale.clone())).path(path).times(1));
        let request = LeaseGrantRequest::new(ttl).id(LeaseId::from(id));
        let granted = root.lease().grant_with(request).await.unwrap();
        assert_eq!(granted.id, id, "our own is recognised");
    }
    assert_eq!(root.lease().list().await.unwrap().leases.len(), 2);
}
