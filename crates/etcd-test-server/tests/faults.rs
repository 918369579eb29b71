//! Scripted faults, as a socket sees them.

use std::time::Duration;

use etcd_proto::grpc::{Code, Status};
use etcd_test_server::fault::{Fault, Rule};
use etcd_test_server::{TestServer, Version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn set(server: &TestServer) -> String {
    let mut line = server.pipe();
    let request = "PUT /v2/keys/a?value=1 HTTP/1.1\r\nhost: etcd\r\nconnection: close\r\n\r\n";
    line.write_all(request.as_bytes()).await.expect("a pipe takes it");
    let mut reply = Vec::new();
    // A reset is as good an end as any other.
    let _ = line.read_to_end(&mut reply).await;
    String::from_utf8(reply).expect("text")
}

fn dripped() -> Fault {
    Fault::Drip { bytes: 3, every: Duration::from_micros(1) }
}

async fn has_key(server: &TestServer) -> bool {
    let mut line = server.pipe();
    let request = "GET /v2/keys/a HTTP/1.1\r\nhost: etcd\r\nconnection: close\r\n\r\n";
    line.write_all(request.as_bytes()).await.expect("a pipe takes it");
    let mut reply = String::new();
    line.read_to_string(&mut reply).await.expect("a reply");
    reply.starts_with("HTTP/1.1 200")
}

#[tokio::test]
async fn each_fault_does_what_it_says_to_the_reply_and_the_store() {
    let cases = [
        (Fault::ResetBefore, "", "", false),
        (Fault::ResetAfter, "", "", true),
        (Fault::ResetAfterBytes(3), "HTTP/1.1 201", "\r\n\r\n{\"a", true),
        (Fault::Http(500, "{}".to_owned()), "HTTP/1.1 500", "\r\n\r\n{}", false),
        (Fault::Grpc(Status::new(Code::UNAVAILABLE, "no")), "HTTP/1.1 200", "\r\n\r\n", false),
        (Fault::RefuseStream, "", "", false),
        (
            Fault::NoLeader,
            "HTTP/1.1 500",
            "\"cause\":\"etcdserver: no leader\",\"index\":0}\n",
            false,
        ),
        (Fault::GoAway, "HTTP/1.1 201", "\"createdIndex\":1}}\n", true),
        (dripped(), "HTTP/1.1 201", "\"createdIndex\":1}}\n", true),
        (Fault::UnknownFields, "HTTP/1.1 201", "\"createdIndex\":1}}\n\r\n0\r\n\r\n", true),
        (Fault::Oversize(9), "HTTP/1.1 201", "\"createdIndex\":1}}\n\r\n0\r\n\r\n", true),
        (Fault::Malformed, "HTTP/1.1 201", "\"key\":\"/a\",\"value\"\r\n0\r\n\r\n", true),
    ];
    for (fault, begins, ends, done) in cases {
        let server = TestServer::builder().version(Version::V3_5).start().await.expect("a port");
        server.faults().add(Rule::new(fault.clone()).path("/v2/keys").times(1));
        let reply = set(&server).await;
        assert!(reply.starts_with(begins) && reply.ends_with(ends), "{fault:?}: {reply:?}");
        assert_eq!(reply.is_empty(), begins.is_empty(), "{fault:?}: {reply:?}");
        assert_eq!(has_key(&server).await, done, "{fault:?}");
        assert!(set(&server).await.contains("\"action\":\"set\""), "{fault:?} befell once more");
    }
}

#[tokio::test]
async fn a_reply_that_drips_comes_piece_by_piece() {
    let server = TestServer::builder().version(Version::V3_5).start().await.expect("a port");
    server.faults().add(Rule::new(Fault::Drip { bytes: 5, every: Duration::from_secs(3600) }));
    let mut line = server.pipe();
    line.write_all(b"GET /health HTTP/1.1\r\nhost: etcd\r\n\r\n").await.expect("a pipe takes it");
    let mut reply = Vec::new();
    while !reply.ends_with(b"{\"hea") {
        reply.push(line.read_u8().await.expect("the first piece"));
    }
    let more = tokio::time::timeout(Duration::from_millis(20), line.read_u8()).await;
    assert!(more.is_err(), "the second piece comes an hour later");
}

#[tokio::test]
async fn a_connection_that_goes_away_answers_and_then_ends() {
    let server = TestServer::builder().version(Version::V3_5).start().await.expect("a port");
    server.faults().add(Rule::new(Fault::GoAway));
    let mut line = server.pipe();
    line.write_all(b"GET /health HTTP/1.1\r\nhost: etcd\r\n\r\n").await.expect("a pipe takes it");
    let mut reply = String::new();
    line.read_to_string(&mut reply).await.expect("it ends");
    assert!(
        reply.contains("connection: close\r\n") && reply.ends_with("\"reason\":\"\"}"),
        "{reply}"
    );
}
