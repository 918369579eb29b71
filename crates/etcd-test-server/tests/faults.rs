//! Scripted faults, as a socket sees them.

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
