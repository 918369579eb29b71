//! Tokens that take their time.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::{Duration, Instant};

use etcd_client::{CallOptions, Client, Config, ErrorKind, Outcome};
use etcd_test_server::TestServer;
use etcd_test_server::fault::{Fault, Rule};

const AUTHENTICATE: &str = "/etcdserverpb.Auth/Authenticate";
const DEADLINE: Duration = Duration::from_secs(1);

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
async fn late(client: &Client, after: Duration) -> (ErrorKind, Outcome) {
    let began = Instant::now();
    let error = client.kv().put("k", "v").await.unwrap_err();
    let took = began.elapsed();
    assert!(took >= after && took < after + DEADLINE / 2, "{took:?}");
    (error.kind().clone(), error.outcome())
}

#[tokio::test]
async fn the_deadline_of_a_call_counts_from_before_its_token() {
    let (server, root) = start().await;
    let unsent = (ErrorKind::Timeout, Outcome::NotApplied);
    server.faults().add(Rule::new(Fault::Silence).path(AUTHENTICATE));
    assert_eq!(late(&root, DEADLINE).await, unsent, "while a token is fetched");
    server.faults().clear();
    server.faults().add(Rule::new(Fault::Delay(DEADLINE * 3 / 5)).path(AUTHENTICATE));
    server.faults().add(Rule::new(Fault::Silence).path("/etcdserverpb.KV/"));
    let unknown = (ErrorKind::Timeout, Outcome::Unknown);
    assert_eq!(late(&root, DEADLINE).await, unknown, "after one was");
}

#[tokio::test]
async fn who_waits_for_the_token_of_another_call_waits_for_its_own_deadline() {
    let (server, root) = start().await;
    server.faults().add(Rule::new(Fault::Silence).path(AUTHENTICATE));
    let patient = root.clone();
    let first = tokio::spawn(async move {
        let longer = CallOptions::default().deadline(DEADLINE * 3);
        patient.kv().with_options(longer).put("k", "v").await.unwrap_err().kind().clone()
    });
    tokio::time::sleep(DEADLINE / 5).await;
    assert_eq!(late(&root, DEADLINE).await, (ErrorKind::Timeout, Outcome::NotApplied));
    assert!(!first.is_finished(), "it has longer");
    assert_eq!(first.await.unwrap(), ErrorKind::Timeout);
}
