//! Each etcd that speaks v3 runs as a member, alone and with others.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use etcd_live::each::PATIENCE;
use etcd_live::etcd::{cluster_of, etcdctl, newest, oldest, servers, v3_etcds};
use etcd_live::members::Options;
use etcd_live::server::Server;
use etcd_test_server::Version;

/// How long an election may take, with etcd's own timing.
const ELECTION: Duration = Duration::from_secs(10);

#[test]
fn a_member_of_each_version_says_so() {
    for etcd in v3_etcds() {
        let began = Instant::now();
        let cluster = cluster_of(&etcd, 1, &Options::default());
        let took = began.elapsed();
        let (status, body) = cluster.members()[0].get("/version").expect("it answers");
        let said: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        let expected = etcd.version.to_string();
        assert_eq!((status, said["etcdserver"].as_str()), (200, Some(expected.as_str())), "{body}");
        assert_eq!(cluster.leader(), Some(0));
        println!("etcd {expected}: healthy after {took:?}");
    }
}

#[test]
fn the_test_server_says_of_a_version_what_etcd_says() {
    let version = |server: &Server| {
        let mut line = TcpStream::connect(server.endpoint()).expect("it listens");
        let request = b"GET /version HTTP/1.1\r\nhost: etcd\r\nconnection: close\r\n\r\n";
        line.write_all(request).expect("it reads");
        let mut reply = String::new();
        line.read_to_string(&mut reply).expect("it answers");
        reply.split_once("\r\n\r\n").expect("a body").1.to_owned()
    };
    for etcd in v3_etcds() {
        let is_it = |known: &Version| known.number() == etcd.version.to_string();
        let Some(known) = Version::ALL.into_iter().find(is_it) else { continue };
        let (expected, member) = (version(&Server::test(known)), Server::member(&etcd));
        // The version of its storage follows that of its cluster.
        let patience = Instant::now() + PATIENCE;
        while version(&member) != expected {
            assert!(Instant::now() < patience, "{} and not {expected}", version(&member));
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn three_members_of_each_version_elect_another_leader() {
    for etcd in v3_etcds() {
        let mut cluster = cluster_of(&etcd, 3, &Options { in_memory: true, ..Options::default() });
        let led = cluster.leader().expect("healthy members have a leader");
        cluster.kill(led).expect("it can be killed");
        let killed = Instant::now();
        let leads = loop {
            match cluster.leader() {
                Some(leads) => break leads,
                None => assert!(killed.elapsed() < ELECTION, "etcd {}: no leader", etcd.version),
            }
        };
        assert_ne!(leads, led);
        println!("etcd {}: a leader after {:?}", etcd.version, killed.elapsed());
        cluster.start_again(led).expect("it can be started");
        cluster.wait_healthy().expect("all are well");
    }
}

#[test]
fn members_take_flags_of_v3() {
    let flags = ["--quota-backend-bytes=16777216", "--auth-token=simple", "--max-txn-ops=64"];
    let options = Options { flags: flags.map(str::to_owned).to_vec(), ..Options::default() };
    for etcd in v3_etcds() {
        let cluster = cluster_of(&etcd, 1, &options);
        let (_, metrics) = cluster.members()[0].get("/metrics").expect("it answers");
        let quota = "\netcd_server_quota_backend_bytes 1.6777216e+07\n";
        assert!(metrics.contains(quota), "etcd {}", etcd.version);
    }
}

#[test]
fn etcdctl_reads_what_it_wrote_on_the_oldest_and_the_newest() {
    for etcd in [oldest(), newest()] {
        let cluster = cluster_of(&etcd, 1, &Options::default());
        let etcdctl = |args: &[&str]| {
            let ended = etcdctl(&servers(&cluster)).args(args).output().expect("etcdctl runs");
            String::from_utf8(ended.stdout).expect("text")
        };
        assert_eq!(etcdctl(&["put", "a", "1"]), "OK\n", "etcd {}", etcd.version);
        assert_eq!(etcdctl(&["get", "a"]), "a\n1\n", "etcd {}", etcd.version);
    }
}
