//! A program that is stopped, and goes on when what it asked has long been answered.

mod common;

use std::time::Duration;

use common::{run, run_with_a_stop};
use etcd_test_server::fault::{Fault, Rule};
use etcd_test_server::{TestServer, Version};

/// How long the program goes until it is stopped; by then it has asked.
const ASKED: Duration = Duration::from_millis(1000);
/// How long the server thinks.
const ANSWERED: Duration = Duration::from_millis(1500);
/// How long the program is stopped: past its deadline of 3 s.
const STOPPED: Duration = Duration::from_millis(3000);

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_came_meanwhile_counts() {
    let server = TestServer::builder().version(Version::V3_4).start().await.expect("a port");
    let endpoint = server.endpoint();
    for api in ["v2", "v3"] {
        let set = run(&["-s", &endpoint, "--api", api, "set", "read", "v"]).await;
        assert_eq!(set.status, 0, "{}", set.stderr);
    }
    for path in ["/v2/keys/", "/etcdserverpb.KV/"] {
        server.faults().add(Rule::new(Fault::Delay(ANSWERED)).path(path));
    }
    let stopped = async |api: &str, command: &[&str]| {
        let args = ["-s", &endpoint, "--timeout", "3", "--api", api];
        run_with_a_stop(&[&args, command].concat(), ASKED, STOPPED).await
    };
    let (get, set): (&[&str], &[&str]) = (&["get", "read"], &["set", "written", "v"]);
    let (a, b, c, d) = tokio::join!(
        stopped("v2", get),
        stopped("v3", get),
        stopped("v2", set),
        stopped("v3", set)
    );
    for (ended, what) in [(a, "v2 get"), (b, "v3 get"), (c, "v2 set"), (d, "v3 set")] {
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{what}");
    }
}
