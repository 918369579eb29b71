//! Members that come and go over v2, and statistics, as a socket sees them.

use std::time::Duration;

use etcd_test_server::fault::{Fault, Rule};
use etcd_test_server::{Clock, TestCluster, TestServer, Version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

async fn send(mut line: DuplexStream, method: &str, path: &str, body: &str) -> DuplexStream {
    let json = path.starts_with("/v2/members");
    let kind = if json { "json" } else { "x-www-form-urlencoded" };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: etcd\r\nconnection: close\r\ncontent-length: {}\r\n\
         content-type: application/{kind}\r\n\r\n{body}",
        body.len()
    );
    line.write_all(request.as_bytes()).await.expect("a pipe takes it");
    line
}

/// The status, the index and the body.
async fn ask(line: DuplexStream, method: &str, path: &str, body: &str) -> (u16, String, String) {
    let mut reply = String::new();
    let mut line = send(line, method, path, body).await;
    line.read_to_string(&mut reply).await.expect("a reply");
    let (head, body) = reply.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let index = head.lines().find_map(|line| line.strip_prefix("x-etcd-index: "));
    (status.expect("a status"), index.unwrap_or_default().to_owned(), body.trim_end().to_owned())
}

async fn index(cluster: &TestCluster) -> u64 {
    ask(cluster.pipe(0), "GET", "/v2/keys", "").await.1.parse().expect("an index")
}

/// As etcd 3.4.23 answered, but for the ids.
#[tokio::test]
async fn a_member_comes_changes_and_goes_for_good() {
    let builder = TestCluster::builder().version(Version::V3_4);
    let cluster = builder.start_cluster(3).await.expect("ports");
    let ask = async |method, path: &str, body| {
        let (status, _, body) = ask(cluster.pipe(0), method, path, body).await;
        (status, body)
    };
    let added = r#"{"peerURLs":["http://127.0.0.1:9","http://127.0.0.1:8"],"name":"x"}"#;
    let (status, body) = ask("POST", "/v2/members", added).await;
    let member = cluster.v3().with(|store| store.cluster.members[3].clone());
    let id = format!("{:x}", member.id);
    let shown = format!(
        r#"{{"id":"{id}","name":"","peerURLs":["http://127.0.0.1:8","http://127.0.0.1:9"],"clientURLs":[]}}"#
    );
    assert_eq!((status, body), (201, shown.clone()));
    assert_eq!(index(&cluster).await, 1);
    let (status, listed) = ask("GET", "/v2/members", "").await;
    assert!(status == 200 && listed.contains(&shown), "{listed}");
    let path = format!("/v2/members/{id}");
    let (taken, other) =
        (r#"{"peerURLs":["http://127.0.0.1:40001"]}"#, r#"{"peerURLs":["http://a:7"]}"#);
    let exists = r#"{"message":"membership: peerURL exists"}"#.to_owned();
    assert_eq!(ask("POST", "/v2/members", taken).await, (409, exists.clone()));
    assert_eq!(ask("PUT", &path, taken).await, (409, exists));
    for step in 2..4 {
        assert_eq!(ask("PUT", &path, other).await, (204, String::new()));
        assert_eq!(index(&cluster).await, step);
    }
    let urls = cluster.v3().with(|store| store.cluster.members[3].peer_urls.clone());
    assert_eq!(urls, ["http://a:7"], "v3 has the same members");
    assert_eq!(ask("DELETE", &path, "").await, (204, String::new()));
    assert_eq!(index(&cluster).await, 5);
    let gone = format!(r#"{{"message":"Member permanently removed: {id}"}}"#);
    assert_eq!(ask("DELETE", &path, "").await, (410, gone));
    let internal = r#"{"message":"Internal Server Error"}"#.to_owned();
    assert_eq!(ask("PUT", &path, other).await, (500, internal.clone()));
    assert_eq!(cluster.v3().with(|store| store.cluster.members.len()), 3);
    cluster.faults(0).add(Rule::new(Fault::NoLeader).times(2));
    assert_eq!(ask("GET", "/v2/auth/users", "").await, (500, internal.clone()));
    assert!(ask("GET", "/v2/keys", "").await.1.contains("\"errorCode\":300"));
    cluster.lead(None);
    assert_eq!(ask("POST", "/v2/members", added).await, (500, internal));
    let election = r#"{"message":"During election"}"#.to_owned();
    assert_eq!(ask("GET", "/v2/members/leader", "").await, (503, election));
}

async fn statistics(server: &TestServer) -> serde_json::Value {
    let (status, _, body) = ask(server.pipe(), "GET", "/v2/stats/store", "").await;
    assert_eq!(status, 200);
    serde_json::from_str(&body).expect("JSON")
}

#[tokio::test]
async fn the_store_counts_what_it_was_asked_and_who_watches() {
    let clock = Clock::held();
    let builder = TestServer::builder().version(Version::V3_4).clock(clock.clone());
    let server = builder.start().await.expect("a port");
    let watch = send(server.pipe(), "GET", "/v2/keys/k?wait=true&stream=true", "").await;
    while statistics(&server).await["watchers"] != 1 {
        tokio::task::yield_now().await;
    }
    ask(server.pipe(), "PUT", "/v2/keys/k", "value=1&ttl=5").await;
    ask(server.pipe(), "PUT", "/v2/keys/k", "prevExist=false").await;
    ask(server.pipe(), "DELETE", "/v2/keys/nothing", "").await;
    clock.advance(Duration::from_secs(6));
    ask(server.pipe(), "GET", "/v2/keys/k", "").await;
    let counted = statistics(&server).await;
    for (name, count) in [
        ("setsSuccess", 1),
        ("createFail", 1),
        ("deleteFail", 1),
        ("expireCount", 1),
        ("getsSuccess", 0),
        // Of the key, and at each request whether anyone is asked who he is.
        ("getsFail", 1 + 5),
    ] {
        assert_eq!(counted[name], count, "{name}: {counted}");
    }
    drop(watch);
    while statistics(&server).await["watchers"] != 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_member_tells_how_long_it_has_run_and_the_leader_who_follows() {
    let clock = Clock::held();
    let builder = TestCluster::builder().version(Version::V2_3).clock(clock.clone());
    let cluster = builder.start_cluster(2).await.expect("ports");
    clock.advance(Duration::from_millis(61_500));
    let (_, _, own) = ask(cluster.pipe(1), "GET", "/v2/stats/self", "").await;
    let own: serde_json::Value = serde_json::from_str(&own).expect("JSON");
    assert_eq!(
        (&own["state"], &own["leaderInfo"]["leader"]),
        (&"StateFollower".into(), &"1".into())
    );
    assert_eq!(own["leaderInfo"]["uptime"], "1m1.5s");
    let (status, _, body) = ask(cluster.pipe(1), "GET", "/v2/stats/leader", "").await;
    assert_eq!((status, body.as_str()), (403, r#"{"message":"not current leader"}"#));
    let (_, _, leader) = ask(cluster.pipe(0), "GET", "/v2/stats/leader", "").await;
    let leader: serde_json::Value = serde_json::from_str(&leader).expect("JSON");
    assert_eq!(leader["followers"]["2"]["counts"]["fail"], 0);
}
