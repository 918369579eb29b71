//! The lock and leader modules of etcd 0.3, as a socket sees them.

use std::time::Duration;

use etcd_test_server::{Clock, TestServer, Version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

/// What was asked, the status, and what was said.
type Exchange = (&'static str, &'static str, &'static str, &'static str, &'static str);

async fn server() -> TestServer {
    let builder = TestServer::builder().version(Version::V0_3).clock(Clock::held());
    builder.start().await.expect("a port")
}

async fn send(server: &TestServer, method: &str, path: &str, form: &str) -> DuplexStream {
    let mut line = server.pipe();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: etcd\r\nconnection: close\r\ncontent-length: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\n\r\n{form}",
        form.len()
    );
    line.write_all(request.as_bytes()).await.expect("a pipe takes it");
    line
}

/// The status and the body.
async fn reply(mut line: DuplexStream) -> (String, String) {
    let mut reply = String::new();
    line.read_to_string(&mut reply).await.expect("a reply");
    let (head, body) = reply.split_once("\r\n\r\n").expect("a head");
    (head.split(' ').nth(1).unwrap_or_default().to_owned(), body.trim_end().to_owned())
}

async fn ask(server: &TestServer, method: &str, path: &str, form: &str) -> (String, String) {
    reply(send(server, method, path, form).await).await
}

/// Waits until so many stand in the line before a lock.
async fn until_queued(server: &TestServer, key: &str, places: usize) {
    let path = format!("/v2/keys/_etcd/mod/lock/{key}");
    loop {
        let (_, listed) = ask(server, "GET", &path, "").await;
        if listed.matches(&format!("\"key\":\"/_etcd/mod/lock/{key}/")).count() == places {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn replay(server: &TestServer, exchanges: &[Exchange]) {
    for (method, path, form, status, said) in exchanges {
        let answered = ask(server, method, &format!("/mod/v2{path}"), form).await;
        let expected = ((*status).to_owned(), (*said).to_owned());
        assert_eq!(answered, expected, "{method} {path} {form}");
    }
}

/// As etcd 0.3.0 answered, but for indexes that begin at 1 here.
#[tokio::test]
async fn the_modules_answer_in_etcds_words() {
    let server = server().await;
    let missing =
        r#"{"errorCode":207,"message":"Index or value is required","cause":"Renew","index":0}"#;
    let no_ttl = r#"{"errorCode":202,"message":"The given TTL in POST form is not a number","cause":"Renew","index":0}"#;
    let no_lock = r#"{"errorCode":202,"message":"The given TTL in POST form is not a number","cause":"Acquire","index":0}"#;
    let unnamed =
        r#"{"errorCode":207,"message":"Index or value is required","cause":"Release","index":0}"#;
    let both = r#"{"errorCode":208,"message":"Index and value cannot both be specified","cause":"Release","index":0}"#;
    let field = r#"{"errorCode":209,"message":"Invalid field","cause":"Get","index":0}"#;
    let stranger = r#"{"errorCode":100,"message":"Key not found","cause":"Release","index":0}"#;
    let nameless =
        r#"{"errorCode":206,"message":"Name is required in POST form","cause":"Set","index":0}"#;
    replay(
        &server,
        &[
            ("GET", "/lock/k", "", "500", "100: Key not found (/_etcd) [0]"),
            ("POST", "/lock/k?ttl=30", "", "200", "1"),
            ("GET", "/lock/k", "", "200", "-"),
            ("GET", "/lock/k?field=index", "", "200", "1"),
            ("GET", "/lock/k?field=age", "", "400", field),
            (
                "PUT",
                "/lock/k",
                "ttl=20&index=9",
                "500",
                "100: Key not found (/_etcd/mod/lock/k/9) [2]",
            ),
            ("PUT", "/lock/k", "ttl=20&index=1", "200", ""),
            ("PUT", "/lock/k", "ttl=20", "400", missing),
            ("PUT", "/lock/k", "index=1", "400", no_ttl),
            ("POST", "/lock/k", "", "400", no_lock),
            (
                "DELETE",
                "/lock/k?index=9",
                "",
                "500",
                "100: Key not found (/_etcd/mod/lock/k/9) [3]",
            ),
            ("DELETE", "/lock/k", "index=1", "400", unnamed),
            ("DELETE", "/lock/k?index=1&value=-", "", "400", both),
            ("DELETE", "/lock/k?value=me", "", "404", stranger),
            ("DELETE", "/lock/k?index=1", "", "200", ""),
            ("GET", "/lock/k", "", "200", ""),
            ("POST", "/lock/a/b?ttl=3", "value=sl%20a+sh", "200", "5"),
            ("GET", "/lock/a/b", "", "200", "sl a sh"),
            ("POST", "/lock/a/b?ttl=3&value=sl+a+sh", "", "200", "5"),
            ("DELETE", "/lock/a/b?value=sl+a+sh", "", "200", ""),
            ("PUT", "/leader/x?ttl=5", "", "400", nameless),
            ("PUT", "/leader/x?ttl=5", "name=foo", "200", "9"),
            ("PUT", "/leader/x?ttl=5", "name=foo", "200", "9"),
            ("GET", "/leader/x", "", "200", "foo"),
            ("DELETE", "/leader/x?name=bar", "", "404", stranger),
            ("DELETE", "/leader/x?name=foo", "", "200", ""),
            ("GET", "/leader/x", "", "200", ""),
            ("PATCH", "/lock/k", "", "404", "404 page not found"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_renewal_grants_nothing_and_a_release_the_lock_to_the_next() {
    let server = server().await;
    assert_eq!(ask(&server, "POST", "/mod/v2/lock/k?ttl=30", "").await.1, "1");
    let second = send(&server, "POST", "/mod/v2/lock/k?ttl=30", "").await;
    until_queued(&server, "k", 2).await;
    let third = send(&server, "POST", "/mod/v2/lock/k?ttl=30", "").await;
    until_queued(&server, "k", 3).await;
    let renewed = ask(&server, "PUT", "/mod/v2/lock/k", "ttl=30&index=1").await;
    assert_eq!(renewed, ("200".to_owned(), String::new()));
    assert_eq!(ask(&server, "GET", "/mod/v2/lock/k?field=index", "").await.1, "1");
    let mut second = second;
    let early = tokio::time::timeout(Duration::from_millis(20), second.read_u8()).await;
    assert!(early.is_err(), "a renewal was taken for a release");
    // Who hangs up leaves the line.
    drop(second);
    until_queued(&server, "k", 2).await;
    ask(&server, "DELETE", "/mod/v2/lock/k?index=1", "").await;
    let (status, index) = reply(third).await;
    assert_eq!((status.as_str(), index.as_str()), ("200", "4"));
    assert_eq!(ask(&server, "GET", "/mod/v2/lock/k?field=index", "").await.1, index);
}

#[tokio::test]
async fn a_lock_that_is_not_renewed_ends_by_the_clock_and_goes_to_the_next() {
    let server = server().await;
    ask(&server, "PUT", "/mod/v2/leader/k?ttl=5", "name=a").await;
    let waits = send(&server, "PUT", "/mod/v2/leader/k?ttl=5", "name=b").await;
    until_queued(&server, "k", 2).await;
    server.cluster().clock().advance(Duration::from_secs(6));
    assert_eq!(reply(waits).await.0, "200");
    assert_eq!(ask(&server, "GET", "/mod/v2/leader/k", "").await.1, "b");
    let gone = ask(&server, "DELETE", "/mod/v2/leader/k?name=a", "").await;
    assert_eq!(gone.0, "404");
}

#[tokio::test]
async fn only_the_first_etcds_have_modules() {
    for version in [Version::V2_3, Version::V3_5] {
        let server = TestServer::builder().version(version).start().await.expect("a port");
        let answered = ask(&server, "POST", "/mod/v2/lock/k?ttl=30", "").await;
        assert_eq!(answered, ("404".to_owned(), "404 page not found".to_owned()));
    }
}
