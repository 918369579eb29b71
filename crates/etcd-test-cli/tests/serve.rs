//! `serve`: a server that scripts and people start.

mod common;

use common::{Ended, Serving, run};
use etcd_test_server::Version;
use nix::sys::signal::{Signal, kill};
use tokio::net::{TcpListener, TcpStream};

/// The host and port of a URL.
fn address(endpoint: &str) -> &str {
    endpoint.strip_prefix("http://").expect("a URL")
}

#[tokio::test]
async fn each_version_is_served_where_it_says() {
    for version in Version::ALL {
        let number = version.number();
        let (minor, _) = number.rsplit_once('.').expect("three numbers");
        for asked in [number, minor] {
            let server =
                Serving::start(&["serve", "--version", asked, "--listen", "127.0.0.1:0"]).await;
            let endpoint = server.endpoint();
            let said = format!("etcd {number}, in memory, is ready at {endpoint}");
            assert_eq!(server.said, said);
            let set = run(&["-s", endpoint, "set", "k", number]).await;
            assert_eq!(set.status, 0, "{number}: {}", set.stderr);
            let got = run(&["-s", endpoint, "get", "k"]).await;
            assert_eq!(got.stdout, format!("{number}\n"), "{}", got.stderr);
        }
    }
}

#[tokio::test]
async fn machines_are_told_in_json() {
    let server = Serving::start(&["-o", "json", "serve", "--listen", "[::1]:0"]).await;
    let said: serde_json::Value = serde_json::from_str(&server.said).expect("JSON");
    assert_eq!(said["version"], "3.7.3");
    let endpoint = said["endpoint"].as_str().expect("a URL");
    assert!(endpoint.starts_with("http://[::1]:"), "{endpoint}");
    TcpStream::connect(address(endpoint)).await.expect("it listens");
}

#[tokio::test]
async fn it_listens_where_it_is_told_and_says_who_is_in_the_way() {
    let other = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let taken = other.local_addr().expect("an address").to_string();
    let Ended { status, stdout, stderr } = run(&["serve", "--listen", &taken]).await;
    assert_eq!((status, stdout.as_str()), (1, ""), "{stderr}");
    let (first, lines) = (stderr.lines().next().unwrap_or_default(), stderr.lines().count());
    assert!(first.contains(&format!("cannot listen on {taken}")) && lines == 1, "{stderr}");
    assert!(
        first.contains("--listen takes another address") && first.contains("in use"),
        "{first}"
    );

    drop(other);
    let server = Serving::start(&["--listen", &taken, "SERVE"]).await;
    assert_eq!(address(server.endpoint()), taken);
}

#[tokio::test]
async fn what_it_cannot_serve_is_usage() {
    for (args, named, right) in [
        (&["serve", "--version", "9.9"][..], "\"9.9\"", "0.3, 2.3, 3.4, 3.5, 3.7"),
        (&["serve", "--version", ""], "\"\"", "0.3, 2.3, 3.4, 3.5, 3.7"),
        (&["serve", "--version"], "--version", "a value is required"),
        (&["serve", "--listen", "localhost:0"], "\"localhost:0\"", "127.0.0.1:2379"),
        (&["serve", "--listen", "2379"], "\"2379\"", "127.0.0.1:2379"),
        (&["serve", "--listen", "127.0.0.1:99999"], "\"127.0.0.1:99999\"", "127.0.0.1:2379"),
        (&["serve", "there"], "'there'", "Usage: etcd-test serve"),
        (&["serve", "--port", "1"], "'--port'", "Usage: etcd-test serve"),
    ] {
        let Ended { status, stdout, stderr } = run(args).await;
        assert_eq!((status, stdout.as_str()), (2, ""), "{args:?}: {stderr}");
        assert!(stderr.contains(named) && stderr.contains(right), "{args:?}: {stderr}");
    }
    let help = run(&["serve", "--help"]).await;
    assert_eq!((help.status, help.stderr.as_str()), (0, ""));
    assert!(help.stdout.contains("[default: 127.0.0.1:2379]"), "{}", help.stdout);
}

#[tokio::test]
async fn a_signal_ends_it_and_frees_its_port() {
    for (signal, status) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let server = Serving::start(&["serve", "--listen", "127.0.0.1:0"]).await;
        let address = address(server.endpoint()).to_owned();
        // A connection that is open is no reason to stay.
        let _open = TcpStream::connect(&address).await.expect("it listens");
        kill(server.pid(), signal).expect("it runs");
        assert_eq!(server.wait().await, (status, None), "{signal}");
        assert!(TcpStream::connect(&address).await.is_err(), "{signal}");
    }
}
