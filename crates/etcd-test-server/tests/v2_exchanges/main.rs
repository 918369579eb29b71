//! Users, roles and members of v2: what a real etcd answered is answered again.

use etcd_test_server::fault::{Fault, Rule};
use etcd_test_server::{TestServer, Version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What was asked of etcd 3.4.23, and what it answered.
const EXCHANGES: &str = include_str!("exchanges.txt");

async fn ask(server: &TestServer, request: &str) -> String {
    let mut parts = request.splitn(3, " | ");
    let [line, authorization, body] = [(); 3].map(|()| parts.next().unwrap_or_default());
    let kind = if line.contains(" /v2/keys") {
        "application/x-www-form-urlencoded"
    } else {
        "application/json"
    };
    let authorization = match authorization {
        "-" => String::new(),
        value => format!("authorization: {value}\r\n"),
    };
    let request = format!(
        "{line} HTTP/1.1\r\nhost: etcd\r\nconnection: close\r\ncontent-type: {kind}\r\n\
         {authorization}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut pipe = server.pipe();
    pipe.write_all(request.as_bytes()).await.expect("a pipe takes it");
    let mut reply = String::new();
    pipe.read_to_string(&mut reply).await.expect("a reply");
    shown(&reply)
}

fn shown(reply: &str) -> String {
    let (head, body) = reply.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).unwrap_or_default();
    let header = |name: &str| {
        let headers = head.lines().filter_map(|line| line.split_once(": "));
        headers.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let [index, allow] = ["x-etcd-index", "allow"].map(|name| header(name).unwrap_or_default());
    let cluster = if header("x-etcd-cluster-id").is_some() { "yes" } else { "no" };
    let shown = format!("{status} index={index} allow={allow} cluster={cluster} | {body}");
    shown.trim_end().to_owned()
}

/// Each request with its reply.
fn exchanges() -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut lines = EXCHANGES.lines().filter(|line| !line.starts_with('#'));
    std::iter::from_fn(move || Some((lines.next()?, lines.next()?.strip_prefix("  = ")?)))
}

async fn replay(version: Version) {
    let server = TestServer::builder().version(version).start().await.expect("a port");
    for _ in 0..3 {
        ask(&server, "PUT /v2/keys/before | - | value=1").await;
    }
    let mut replayed = 0;
    for (request, reply) in exchanges() {
        // Its own address is its own.
        if !request.starts_with("GET /v2/machines") {
            assert_eq!(ask(&server, request).await, reply, "{version:?}: {request}");
        }
        replayed += 1;
    }
    assert!(replayed > 150, "{replayed} exchanges");
}

#[tokio::test]
async fn what_etcd_answered_is_answered_again() {
    for version in [Version::V2_3, Version::V3_4, Version::V3_5] {
        replay(version).await;
    }
}

#[tokio::test]
async fn what_a_reply_is_not_is_noticed() {
    let server = TestServer::builder().version(Version::V3_4).start().await.expect("a port");
    let (request, reply) = exchanges().next().expect("an exchange");
    assert_eq!(ask(&server, request).await, reply);
    server.faults().add(Rule::new(Fault::Http(200, "{}".to_owned())));
    assert_ne!(ask(&server, request).await, reply);
}

#[tokio::test]
async fn the_first_etcds_have_no_users() {
    let server = TestServer::builder().version(Version::V0_3).start().await.expect("a port");
    let reply = ask(&server, "GET /v2/auth/users | -").await;
    assert_eq!(reply, "404 index= allow= cluster=no | 404 page not found");
}
