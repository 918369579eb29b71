//! With logs of every level from every crate, no password and no token is in them.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_client::v3::api::WatchCreateRequest;
use etcd_client::{Client, Config, KeyRange, Ttl, v2};
use etcd_test_server::{Builder, TestCluster, TestServer, Version};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const CANARY: &str = "canary-9f2c";
/// `root:canary-9f2c` as basic authentication has it.
const ENCODED: &str = "cm9vdDpjYW5hcnktOWYyYw==";

/// Writes down whatever is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn note(&self, metadata: &Metadata<'_>, record: impl FnOnce(&mut dyn Visit)) {
        let mut line = Line(format!("{} {}", metadata.target(), metadata.name()));
        record(&mut line);
        let mut log = self.0.lock().unwrap();
        log.push_str(&line.0);
        log.push('\n');
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.note(span.metadata(), |line| span.record(line));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line(String::new());
        values.record(&mut line);
        self.0.lock().unwrap().push_str(&line.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.note(event.metadata(), |line| event.record(line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn config(password: &str) -> Config {
    Config::default().credentials("root", password)
}

/// A cluster of one that knows root by its password.
async fn guarded() -> TestServer {
    let server = TestServer::start().await.unwrap();
    let open = Client::new(&server.endpoint()).unwrap();
    open.auth().user_add("root", CANARY).await.unwrap();
    open.auth().role_add("root").await.unwrap();
    open.auth().user_grant_role("root", "root").await.unwrap();
    open.auth().enable().await.unwrap();
    server
}

async fn use_v3(server: &TestServer) -> String {
    let client = Client::with_config(&server.endpoint(), config(CANARY)).unwrap();
    let mut watcher =
        client.watch(WatchCreateRequest::new(KeyRange::prefix("k")).start_revision(1));
    let lease = client.lease().grant(Ttl::from_seconds(60).unwrap()).await.unwrap();
    client.kv().put("k", "v").await.unwrap();
    watcher.next().await.unwrap().unwrap();
    client.auth().user_add("other", CANARY).await.unwrap();
    client.auth().user_change_password("other", CANARY).await.unwrap();
    drop(lease);
    let refused =
        Client::with_config(&server.endpoint(), config(&format!("{CANARY}-wrong"))).unwrap();
    refused.kv().put("k", "v").await.unwrap_err();
    client.auth().authenticate("root", CANARY).await.unwrap().token
}

async fn use_v2() {
    let server: TestCluster =
        Builder::default().version(Version::V2_3).start_cluster(1).await.unwrap();
    let client = v2::Client::with_config(&server.endpoints()[0], config(CANARY)).unwrap();
    client.set("/k", "v").await.unwrap();
    client.get("/k").await.unwrap();
    let _ = client.create_user("root", CANARY).await;
    let gone = v2::Client::with_config("127.0.0.1:1", config(CANARY).rounds(1)).unwrap();
    gone.set("/k", "v").await.unwrap_err();
}

#[tokio::test]
async fn logs_of_every_level_hold_no_secret() {
    let server = guarded().await;
    let log = Log::default();
    let token = {
        let _logging = tracing::subscriber::set_default(log.clone());
        use_v2().await;
        let token = use_v3(&server).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        token
    };
    let logged = log.0.lock().unwrap();
    assert!(!token.is_empty() && logged.contains("h2") && logged.contains("etcd_transport"));
    // A token is a secret of its own, and then a number that only counts.
    let secret = token.split('.').next().unwrap();
    assert!(secret.len() >= 8, "{secret}");
    for line in logged.lines() {
        for hidden in [CANARY, ENCODED, secret] {
            assert!(!line.contains(hidden), "{line}");
        }
    }
    println!("{} lines were logged", logged.lines().count());
}
