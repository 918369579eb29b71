//! `demo`: it shows what holds, and fails where something does not.

mod common;

use common::{Ended, Serving, run};
use etcd_proto::grpc::{Code, Status};
use etcd_test_server::fault::{Fault, Rule};
use etcd_test_server::{Clock, TestServer, Version};
use nix::sys::signal::{Signal, kill};

async fn server(version: Version) -> TestServer {
    TestServer::builder().version(version).start().await.expect("a port")
}

#[track_caller]
fn held(ended: &Ended, shown: usize) {
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
    let last = ended.stdout.lines().last().unwrap_or_default();
    assert!(last.starts_with(&format!("{shown} of 6 steps shown in ")), "{last}");
    assert!(last.ends_with(", and all held."), "{last}");
    for step in 1..=6 {
        assert!(ended.stdout.contains(&format!("\n{step}. ")), "no step {step}: {}", ended.stdout);
    }
}

/// A demo that fails: the status, and what is said of the step that does not hold.
#[track_caller]
fn failed(ended: &Ended, status: i32, said: &[&str]) {
    assert_eq!(ended.status, status, "{}", ended.stderr);
    assert!(!ended.stdout.contains("all held"), "{}", ended.stdout);
    for said in said {
        assert!(ended.stderr.contains(said), "{said:?} in {}", ended.stderr);
    }
}

#[tokio::test]
async fn every_step_holds_on_its_own_servers() {
    held(&run(&["demo"]).await, 6);
    held(&run(&["--api", "v2", "demo"]).await, 5);
}

#[tokio::test]
async fn machines_are_told_a_line_of_json_at_a_time() {
    let ended = run(&["demo", "-o", "json"]).await;
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    let lines: Vec<serde_json::Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let steps = lines.iter().filter(|line| line["title"].is_string()).count();
    let last = lines.last().expect("lines");
    assert_eq!((steps, &last["shown"], &last["steps"]), (6, &6.into(), &6.into()));
}

#[tokio::test]
async fn it_runs_on_the_servers_that_are_named_and_leaves_nothing_there() {
    for (version, shown) in
        [(Version::V2_3, 4), (Version::V3_4, 5), (Version::V3_5, 5), (Version::V3_7, 5)]
    {
        let server = server(version).await;
        let endpoint = server.endpoint();
        let ended = run(&["-s", &endpoint, "demo"]).await;
        held(&ended, shown);
        assert!(ended.stdout.contains("not shown: the servers are yours"), "{}", ended.stdout);
        let listed = run(&["-s", &endpoint, "list"]).await;
        assert_eq!((listed.status, listed.stdout.as_str()), (0, ""), "{}", listed.stderr);
    }
}

#[tokio::test]
async fn where_there_is_no_server_it_says_so() {
    let none = server(Version::V3_7).await;
    let address = none.address().to_string();
    none.cluster().kill(0).await;
    failed(&run(&["demo", "-s", &address]).await, 6, &[&address, "no server could be reached"]);
    failed(&run(&["demo", "-s", "host:0"]).await, 2, &["\"host:0\" is not a server"]);
    failed(&run(&["demo", "there"]).await, 2, &["'there'", "Usage: etcd-test demo"]);
}

/// The server answers well, and wrong.
#[tokio::test]
async fn a_step_that_does_not_hold_is_named_with_what_was_seen() {
    let server = server(Version::V2_3).await;
    let lie =
        r#"{"action":"get","node":{"key":"/k","value":"blue","modifiedIndex":1,"createdIndex":1}}"#;
    let lies = Rule::new(Fault::Http(200, lie.to_owned())).path("/v2/keys").skip(1).times(1);
    server.faults().add(lies);
    let ended = run(&["-s", &server.endpoint(), "demo"]).await;
    failed(&ended, 1, &["values: ", "holds b\"blue\", and was set to \"red\""]);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(!ended.stdout.contains("\n2. "), "{}", ended.stdout);
}

#[tokio::test]
async fn a_server_that_refuses_a_step_is_told_by_it() {
    let server = server(Version::V3_7).await;
    let refused = Status::new(Code::PERMISSION_DENIED, "etcdserver: permission denied");
    server.faults().add(Rule::new(Fault::Grpc(refused)).path("/etcdserverpb.Lease/LeaseGrant"));
    let ended = run(&["-s", &server.endpoint(), "demo"]).await;
    failed(&ended, 1, &["a time to live under a watch: ", "permission denied"]);
    let listed = run(&["-s", &server.endpoint(), "list"]).await;
    assert_eq!(listed.stdout, "", "what was written is removed all the same");
}

/// The step that waits for something to expire is the one that is interrupted.
#[tokio::test]
async fn who_is_interrupted_leaves_nothing_on_the_servers() {
    for (signal, status) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        for version in [Version::V2_3, Version::V3_7] {
            let server = TestServer::builder().version(version).clock(Clock::held()).start();
            let server = server.await.expect("a port");
            let endpoint = server.endpoint();
            let mut demo = Serving::start(&["-s", &endpoint, "demo"]).await;
            demo.until("begins with that change").await;
            let listed = run(&["-s", &endpoint, "tree"]).await;
            assert!(listed.stdout.contains("milk"), "{listed:?}");
            kill(demo.pid(), signal).expect("it runs");
            assert_eq!(demo.wait().await.0, status);
            let listed = run(&["-s", &endpoint, "list"]).await;
            assert_eq!((listed.status, listed.stdout.as_str()), (0, ""), "{}", listed.stderr);
        }
    }
}

#[tokio::test]
async fn a_domain_is_not_passed_over() {
    let ended = run(&["--discovery-srv", "no domain", "demo"]).await;
    failed(&ended, ended.status, &["\"no domain\""]);
    assert_ne!(ended.status, 0);
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_write_leaves_it_unknown() {
    let server = server(Version::V3_7).await;
    let rule = Rule::new(Fault::ResetAfter).path("/etcdserverpb.KV/").times(1);
    server.faults().add(rule);
    let ended = run(&["-s", &server.endpoint(), "demo"]).await;
    failed(&ended, 5, &["values: ", "may have taken effect"]);
}
