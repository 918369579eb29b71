//! Random requests of v2, to a real etcd and to the test server: the replies have to be the same.

#![allow(clippy::print_stdout, reason = "what was tried is shown")]

mod draw;
mod exchanges;
mod http;

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use draw::{FURTHEST, Step, Value};
use etcd_live::conformance::{Extent, Replies, compare};
use etcd_live::each::PATIENCE;
use etcd_live::etcd::cluster_with;
use etcd_live::members::{Cluster, Options};
use etcd_test_server::fault::{Fault, Rule};
use etcd_test_server::{TestServer, Version};
use http::{Head, Line};
use tokio::runtime::Runtime;

/// Plays a sequence to one server.
fn play(line: &mut Line, number: u64, steps: &[Step]) -> Vec<String> {
    let before = counts(line);
    let dir = format!("/v2/keys/s{number}");
    let (made, body) = line.ask("PUT", &dir, "dir=true");
    let base = index(&made);
    let (mut replies, mut watches) = (vec![shown(&made, &body)], Vec::new());
    for step in steps {
        let (target, form) = request(&dir, base, step);
        if !step.watches() {
            let (head, body) = line.ask(step.method, &target, &form);
            replies.push(shown(&head, &body));
            continue;
        }
        let mut watch = Line::to(line.address());
        watch.send(step.method, &target, &form);
        // It stands once the head has come.
        let head = watch.head();
        replies.push(head.shown());
        watches.push((format!("{dir}{}", step.key), watch, head));
    }
    let (head, body) = line.ask("GET", &format!("{dir}?recursive=true&sorted=true"), "");
    replies.push(shown(&head, &body));
    // It may have become a file, below which nothing can happen.
    let (head, body) = line.ask("DELETE", &format!("{dir}?recursive=true"), "");
    replies.push(shown(&head, &body));
    for (key, mut watch, head) in watches {
        line.ask("DELETE", &format!("{key}?recursive=true"), "");
        for _ in 0..FURTHEST {
            let (end, body) = line.ask("PUT", &key, "value=end");
            replies.push(shown(&end, &body));
        }
        let body = watch.body(&head);
        replies.push(shown(&head, &body));
    }
    let (head, body) = line.ask("DELETE", &format!("{dir}?recursive=true"), "");
    replies.push(shown(&head, &body));
    let counted = counts(line).into_iter().zip(before);
    replies
        .extend(counted.map(|((name, after), (_, before))| format!("{name} +{}", after - before)));
    replies
}

/// What a server has counted, but for watches: they end a little after their reply.
fn counts(line: &mut Line) -> Vec<(String, u64)> {
    let (_, body) = line.ask("GET", "/v2/stats/store", "");
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let counts = body.as_object().expect("counts").iter().filter(|(name, _)| *name != "watchers");
    counts.map(|(name, count)| (name.clone(), count.as_u64().expect("a count"))).collect()
}

fn request(dir: &str, base: i64, step: &Step) -> (String, String) {
    let value = |value: &Value| match value {
        Value::Text(text) => (*text).to_owned(),
        Value::Index(far) => (base + far).max(1).to_string(),
    };
    let fields: Vec<_> =
        step.fields.iter().map(|(name, set)| format!("{name}={}", value(set))).collect();
    let (target, fields) = (format!("{dir}{}", step.key), fields.join("&"));
    if step.in_query { (format!("{target}?{fields}"), String::new()) } else { (target, fields) }
}

fn index(head: &Head) -> i64 {
    head.get("x-etcd-index").parse().unwrap_or(0)
}

fn shown(head: &Head, body: &str) -> String {
    format!("{} {}", head.shown(), timeless(body))
}

/// A body without what the time of day decides.
fn timeless(body: &str) -> String {
    let mut rest = body;
    let mut out = String::new();
    while let Some((before, after)) = rest.split_once("\"expiration\":\"") {
        out += before;
        out += "\"expiration\":\"then";
        rest = after.split_once('"').map_or("", |(_, end)| end);
        out.push('"');
    }
    out += rest;
    // Keys are given a thousand seconds, of which a few may have passed.
    for left in 900..1000 {
        out = out.replace(&format!("\"ttl\":{left}"), "\"ttl\":1000");
    }
    out
}

/// A real etcd and a test server.
struct Pair {
    real: Line,
    ours: Line,
    cluster: Cluster,
    server: TestServer,
    _runtime: Runtime,
}

impl Pair {
    fn start() -> Self {
        let cluster = cluster_with(1, &Options { in_memory: true, ..Options::default() });
        let patience = Instant::now() + PATIENCE;
        while !cluster.members()[0].get("/version").is_ok_and(|(_, body)| body.contains("3.4.0")) {
            assert!(Instant::now() < patience, "a cluster version of 3.4 comes soon");
            sleep(Duration::from_millis(20));
        }
        // What etcd writes of itself at its start has an index too.
        sleep(Duration::from_millis(200));
        let runtime = Runtime::new().expect("a runtime");
        let start = TestServer::builder().version(Version::V3_4).start();
        let server = runtime.block_on(start).expect("a port");
        let address: SocketAddr = cluster.endpoints()[0].parse().expect("an address");
        let (real, ours) = (Line::to(address), Line::to(server.address()));
        Self { real, ours, cluster, server, _runtime: runtime }
    }

    /// Plays a sequence to both, from the same index on.
    fn play(&mut self, number: u64, steps: &[Step]) -> Replies {
        let behind = |line: &mut Line, other: &mut Line| {
            let index = |line: &mut Line| index(&line.ask("GET", "/v2/keys", "").0);
            for _ in index(line)..index(other) {
                line.ask("PUT", "/v2/keys/pad", "");
            }
        };
        behind(&mut self.ours, &mut self.real);
        behind(&mut self.real, &mut self.ours);
        (play(&mut self.real, number, steps), play(&mut self.ours, number, steps))
    }
}

#[test]
fn random_requests_of_v2_are_answered_alike() {
    let mut pair = Pair::start();
    let extent = Extent::from_environment();
    let played = compare(extent, draw::sequence, |number, steps| pair.play(number, steps));
    let figures = played.unwrap_or_else(|found| panic!("seed {}: {found}", extent.seed));
    println!("v2 on etcd {}: {figures:?}, no difference", pair.cluster.etcd().version);
}

#[test]
fn a_reply_that_is_false_once_is_found() {
    let mut pair = Pair::start();
    let refusal = Fault::Http(412, "{}".to_owned());
    pair.server.faults().add(Rule::new(refusal).path("/v2/keys/s").skip(40).times(100));
    let extent = Extent { seed: 1, sequences: 100 };
    let played = compare(extent, draw::sequence, |number, steps| pair.play(number, steps));
    let found = played.expect_err("a difference");
    assert!(found.replies.iter().any(|(_, ours)| ours.starts_with("412")), "{found}");
}
