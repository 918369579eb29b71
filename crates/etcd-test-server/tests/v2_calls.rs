//! The v2 calls of a plain socket.

use std::time::Duration;

use etcd_test_server::{Clock, TestCluster, TestServer, Version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn ask(server: &TestServer, method: &str, path: &str, form: &str) -> String {
    ask_line(server.pipe(), method, path, form).await
}

async fn ask_line(
    mut line: tokio::io::DuplexStream,
    method: &str,
    path: &str,
    form: &str,
) -> String {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: etcd\r\nconnection: close\r\ncontent-length: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\n\r\n{form}",
        form.len()
    );
    line.write_all(request.as_bytes()).await.expect("a pipe takes it");
    let mut reply = String::new();
    line.read_to_string(&mut reply).await.expect("a reply");
    reply
}

async fn server(version: Version, clock: Clock) -> TestServer {
    TestServer::builder().version(version).clock(clock).start().await.expect("a port")
}

/// Replies as etcd 3.4.23 gave them, with indexes that begin at 1 as here.
#[tokio::test]
async fn keys_are_answered_in_etcds_words() {
    let server = server(Version::V3_4, Clock::held()).await;
    for (method, path, form, status, body) in [
        (
            "PUT",
            "/a",
            "value=1",
            "201",
            r#"{"action":"set","node":{"key":"/a","value":"1","modifiedIndex":1,"createdIndex":1}}"#,
        ),
        (
            "PUT",
            "/a",
            "value=2",
            "200",
            r#"{"action":"set","node":{"key":"/a","value":"2","modifiedIndex":2,"createdIndex":2},"prevNode":{"key":"/a","value":"1","modifiedIndex":1,"createdIndex":1}}"#,
        ),
        (
            "PUT",
            "/a",
            "value=3&prevValue=9",
            "412",
            r#"{"errorCode":101,"message":"Compare failed","cause":"[9 != 2]","index":2}"#,
        ),
        (
            "PUT",
            "/a?prevExist=false",
            "value=3",
            "412",
            r#"{"errorCode":105,"message":"Key already exists","cause":"/a","index":2}"#,
        ),
        (
            "PUT",
            "/a?prevIndex=1",
            "value=3",
            "412",
            r#"{"errorCode":101,"message":"Compare failed","cause":"[1 != 2]","index":2}"#,
        ),
        (
            "PUT",
            "/nope?prevExist=true",
            "value=3",
            "404",
            r#"{"errorCode":100,"message":"Key not found","cause":"/nope","index":2}"#,
        ),
        (
            "PUT",
            "/a?prevValue=2",
            "value=3",
            "200",
            r#"{"action":"compareAndSwap","node":{"key":"/a","value":"3","modifiedIndex":3,"createdIndex":2},"prevNode":{"key":"/a","value":"2","modifiedIndex":2,"createdIndex":2}}"#,
        ),
        ("PUT", "/a?noValueOnSuccess=true", "value=zz", "200", r#"{"action":"set"}"#),
        (
            "POST",
            "/queue",
            "value=j1",
            "201",
            r#"{"action":"create","node":{"key":"/queue/00000000000000000005","value":"j1","modifiedIndex":5,"createdIndex":5}}"#,
        ),
        (
            "PUT",
            "/d/x/y",
            "value=deep",
            "201",
            r#"{"action":"set","node":{"key":"/d/x/y","value":"deep","modifiedIndex":6,"createdIndex":6}}"#,
        ),
        (
            "PUT",
            "/d/_hid",
            "value=h",
            "201",
            r#"{"action":"set","node":{"key":"/d/_hid","value":"h","modifiedIndex":7,"createdIndex":7}}"#,
        ),
        (
            "GET",
            "/d",
            "",
            "200",
            r#"{"action":"get","node":{"key":"/d","dir":true,"nodes":[{"key":"/d/x","dir":true,"modifiedIndex":6,"createdIndex":6}],"modifiedIndex":6,"createdIndex":6}}"#,
        ),
        (
            "DELETE",
            "/d",
            "",
            "403",
            r#"{"errorCode":102,"message":"Not a file","cause":"/d","index":7}"#,
        ),
        (
            "DELETE",
            "/d?dir=true",
            "",
            "403",
            r#"{"errorCode":108,"message":"Directory not empty","cause":"/d","index":7}"#,
        ),
        (
            "DELETE",
            "/d?recursive=true",
            "",
            "200",
            r#"{"action":"delete","node":{"key":"/d","dir":true,"modifiedIndex":8,"createdIndex":6},"prevNode":{"key":"/d","dir":true,"modifiedIndex":6,"createdIndex":6}}"#,
        ),
        (
            "DELETE",
            "/a?prevValue=zz",
            "",
            "200",
            r#"{"action":"compareAndDelete","node":{"key":"/a","modifiedIndex":9,"createdIndex":4},"prevNode":{"key":"/a","value":"zz","modifiedIndex":4,"createdIndex":4}}"#,
        ),
        (
            "GET",
            "/",
            "",
            "200",
            r#"{"action":"get","node":{"dir":true,"nodes":[{"key":"/queue","dir":true,"modifiedIndex":5,"createdIndex":5}]}}"#,
        ),
        (
            "PUT",
            "/",
            "value=x",
            "400",
            r#"{"errorCode":107,"message":"Root is read only","cause":"/","index":9}"#,
        ),
        (
            "PUT",
            "/queue",
            "value=x",
            "403",
            r#"{"errorCode":102,"message":"Not a file","cause":"/queue","index":9}"#,
        ),
        (
            "PUT",
            "/t",
            "value=1&ttl=abc",
            "400",
            r#"{"errorCode":202,"message":"The given TTL in POST form is not a number","cause":"invalid value for \"ttl\"","index":0}"#,
        ),
        (
            "GET",
            "/t?wait=maybe",
            "",
            "400",
            r#"{"errorCode":209,"message":"Invalid field","cause":"invalid value for \"wait\"","index":0}"#,
        ),
        (
            "PUT",
            "/e%20m%2Fx",
            "value=a%26b%3Dc%3Bd%25",
            "201",
            r#"{"action":"set","node":{"key":"/e m/x","value":"a\u0026b=c;d%","modifiedIndex":10,"createdIndex":10}}"#,
        ),
    ] {
        let reply = ask(&server, method, &format!("/v2/keys{path}"), form).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status}")), "{method} {path}: {reply}");
        assert!(reply.ends_with(&format!("\r\n\r\n{body}\n")), "{method} {path}: {reply}");
    }
}

#[tokio::test]
async fn a_watch_is_told_that_a_key_ends_when_the_clock_says_so() {
    let server = server(Version::V2_3, Clock::held()).await;
    ask(&server, "PUT", "/v2/keys/d/k", "value=x&ttl=3600").await;
    let watch = ask(&server, "GET", "/v2/keys/d?wait=true&recursive=true&waitIndex=2", "");
    let (told, ()) = tokio::join!(watch, async {
        server.cluster().clock().advance(Duration::from_secs(3601));
    });
    assert!(told.contains(r#""action":"expire","node":{"key":"/d/k""#), "{told}");
    let gone = ask(&server, "GET", "/v2/keys/d/k", "").await;
    assert!(gone.starts_with("HTTP/1.1 404"), "{gone}");
}

#[tokio::test]
async fn more_than_a_thousand_events_are_not_kept() {
    let server = server(Version::V3_5, Clock::held()).await;
    for _ in 0..1001 {
        ask(&server, "PUT", "/v2/keys/k", "value=x").await;
    }
    let told = ask(&server, "GET", "/v2/keys/k?wait=true&waitIndex=1", "").await;
    assert!(told.contains("the requested history has been cleared [2/1]"), "{told}");
    let told = ask(&server, "GET", "/v2/keys/k?wait=true&waitIndex=2", "").await;
    assert!(told.contains("\"modifiedIndex\":2,"), "{told}");
}

#[tokio::test]
async fn followers_of_the_first_etcds_send_writes_to_the_leader() {
    let cluster = TestCluster::builder().version(Version::V0_3).start_cluster(2).await;
    let cluster = cluster.expect("ports");
    let reply = ask_line(cluster.pipe(1), "PUT", "/v2/keys/a?prevExist=false", "value=1").await;
    let leader = &cluster.endpoints()[0];
    assert!(reply.starts_with("HTTP/1.1 307"), "{reply}");
    assert!(
        reply.contains(&format!("location: {leader}/v2/keys/a?prevExist=false\r\n")),
        "{reply}"
    );
    let reply = ask_line(cluster.pipe(1), "GET", "/v2/keys/a", "").await;
    assert!(reply.starts_with("HTTP/1.1 404"), "{reply}");
}
