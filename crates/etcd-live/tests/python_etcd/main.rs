//! python-etcd 0.4.5 on the test server as on a real member.

use std::process::{Command, Stdio};

use etcd_live::etcd::program;
use etcd_live::program::run;
use etcd_live::server::{Server, on_each_v2};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python_etcd/scenarios.py");

/// Each function of the script is a test: by their names they are left out without python-etcd.
macro_rules! scenarios {
    ($($scenario:ident),* $(,)?) => {
        mod python {
            $(#[test]
            fn $scenario() {
                crate::on_each(stringify!($scenario));
            })*
        }
    };
}

scenarios!(
    keys,
    conditions,
    times_to_live,
    refreshes,
    directories,
    queues,
    watches,
    locks,
    members,
    store_statistics,
    survivors,
);

fn on_each(scenario: &str) {
    on_each_v2(|server| play(server, scenario));
}

fn play(server: &Server, scenario: &str) {
    let (host, port) = server.endpoint().split_once(':').expect("host:port");
    let mut command = Command::new(program("PYTHON_ETCD"));
    command.args([SCRIPT, host, port, scenario]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = run(command);
    assert_eq!(ended.status, 0, "{scenario} on {}: {}", server.name(), ended.stderr);
}
