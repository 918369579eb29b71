//! Members that are killed, paused, cut off and started again, as a socket sees them.

use std::time::Duration;

use etcd_test_server::{TestCluster, TestServer, Version};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

const ASK: &[u8] = b"GET /version HTTP/1.1\r\nhost: etcd\r\nconnection: close\r\n\r\n";

async fn ask(mut line: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<String> {
    line.write_all(ASK).await?;
    let mut reply = String::new();
    line.read_to_string(&mut reply).await?;
    Ok(reply)
}

#[tokio::test]
async fn every_version_says_what_it_is_on_a_port_and_over_a_pipe() {
    for version in Version::ALL {
        let server = TestServer::builder().version(version).start().await.expect("a port");
        let line = TcpStream::connect(server.address()).await.expect("a connection");
        for reply in [ask(line).await, ask(server.pipe()).await] {
            let reply = reply.expect("a reply");
            assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
            assert!(reply.contains(version.number()), "{reply}");
        }
    }
}

#[tokio::test]
async fn a_killed_member_refuses_and_another_leads_until_it_is_back() {
    let cluster = TestCluster::builder().start_cluster(3).await.expect("ports");
    assert_eq!(cluster.leader(), Some(0));
    cluster.kill(0).await;
    assert_eq!(cluster.leader(), Some(1));
    assert!(TcpStream::connect(cluster.address(0)).await.is_err());
    cluster.restart(0).await.expect("the port is free");
    let line = TcpStream::connect(cluster.address(0)).await.expect("a connection");
    assert!(ask(line).await.expect("a reply").contains("3.7.3"));
    cluster.lead(Some(2));
    assert_eq!(cluster.leader(), Some(2));
}

#[tokio::test]
async fn a_paused_member_is_silent_and_then_answers() {
    let server = TestServer::start().await.expect("a port");
    server.cluster().pause(0);
    let line = TcpStream::connect(server.address()).await.expect("the system takes it");
    let answer = ask(line);
    tokio::pin!(answer);
    let silence = tokio::time::timeout(Duration::from_millis(20), &mut answer).await;
    assert!(silence.is_err(), "a paused member answered");
    server.cluster().resume(0);
    assert!(answer.await.expect("a reply").contains("3.7.3"));
}

#[tokio::test]
async fn a_member_that_is_cut_off_ends_connections_until_it_is_resumed() {
    let server = TestServer::start().await.expect("a port");
    let mut before = TcpStream::connect(server.address()).await.expect("a connection");
    server.cluster().cut(0);
    assert!(matches!(before.read(&mut [0]).await, Ok(0) | Err(_)));
    if let Ok(line) = TcpStream::connect(server.address()).await {
        assert!(ask(line).await.map_or(true, |reply| reply.is_empty()));
    }
    server.cluster().resume(0);
    let line = TcpStream::connect(server.address()).await.expect("a connection");
    assert!(ask(line).await.expect("a reply").contains("3.7.3"));
}

#[tokio::test]
async fn connections_end_at_a_cut_that_is_over_at_once() {
    let server = TestServer::start().await.expect("a port");
    let mut before = server.pipe();
    server.cluster().cut(0);
    server.cluster().resume(0);
    let read = tokio::time::timeout(Duration::from_secs(30), before.read(&mut [0])).await;
    assert_eq!(read.expect("it ends").ok(), Some(0));
    assert!(ask(server.pipe()).await.expect("a reply").contains("3.7.3"));
}
