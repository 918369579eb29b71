//! Which servers are asked how.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::sync::{Arc, Mutex};

use common::{Reply, serve};
use etcd_client::Session;

/// All that a session with a server of this version asks for below `/v2/keys`.
async fn asked(version: &'static str) -> Vec<String> {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let heard = Arc::clone(&asked);
    let server = serve(move |request| {
        if request.target == "/version" {
            return Reply::Says(200, "", version.to_owned());
        }
        heard.lock().unwrap().push(request.target.clone());
        let dir = !request.target.starts_with("/v2/keys/k");
        let body = format!(r#"{{"action":"get","node":{{"key":"/","dir":{dir}}}}}"#);
        Reply::Says(200, "X-Etcd-Index: 1\r\n", body)
    });
    let session = Session::open_str(&server.to_string()).await.unwrap();
    session.get("/k").await.unwrap();
    session.list("/d").await.unwrap();
    session.tree("/d").await.unwrap();
    std::mem::take(&mut *asked.lock().unwrap())
}

/// Servers before 0.4 answer from whichever member is asked, unless that one is to ask the leader.
#[tokio::test]
async fn old_followers_send_reads_on_to_their_leader() {
    for target in asked("etcd v0.3.0").await {
        assert!(target.contains("consistent=true"), "{target}");
    }
    for target in asked("etcd 2.0.13").await {
        assert!(target.contains("quorum=true") && !target.contains("consistent"), "{target}");
    }
}

#[cfg(feature = "blocking")]
#[test]
fn a_raw_stream_is_an_iterator() -> Result<(), etcd_client::Error> {
    use std::time::Duration;

    use etcd_client::CallOptions;
    use etcd_client::blocking::v2::Client;
    use etcd_client::v2::api::Watch;

    let server = serve(|request| {
        if request.target == "/version" {
            return Reply::Says(200, "", "etcd 2.3.8".to_owned());
        }
        let events = r#"{"action":"set","node":{"key":"/a"}}{"action":"delete"}"#;
        Reply::Says(200, "X-Etcd-Index: 9\r\n", events.to_owned())
    });
    let client = Client::new(&server.to_string())?;
    let watch = Watch::new("/".parse()?).recursive().stream();
    let mut stream = client.open_stream(&watch, &CallOptions::default())?;
    assert_eq!(stream.headers().etcd_index, Some(9));
    let first = stream.next_within(Duration::from_secs(30))?.unwrap();
    assert_eq!(first.node.unwrap().key, "/a");
    let rest: Vec<_> = stream.by_ref().collect::<Result<_, _>>()?;
    assert!(rest.len() == 1 && rest[0].action.is_removal());
    assert!(stream.next().is_none(), "it has ended");
    Ok(())
}
