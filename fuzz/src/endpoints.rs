//! A list of endpoints is read as what it says, and never shows a password.

use etcd_transport::endpoint::{Endpoint, parse_list};

/// What is shown means the same; what is refused says so without what stands before an `@`.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match parse_list(text) {
        Ok(endpoints) => {
            assert!(!endpoints.is_empty());
            endpoints.iter().for_each(check);
            let unique = endpoints.iter().enumerate().all(|(i, e)| !endpoints[..i].contains(e));
            assert!(unique, "{endpoints:?}");
        }
        Err(error) => {
            assert!(!error.reason.is_empty());
            if let Some((secret, _)) = error.input.rsplit_once('@') {
                let hidden = secret.split_once("://").map_or(secret, |(_, hidden)| hidden);
                assert!(["", "…"].contains(&hidden), "{error}");
            }
        }
    }
}

fn check(endpoint: &Endpoint) {
    let shown: Endpoint = endpoint.to_string().parse().unwrap();
    assert_eq!(shown.to_string(), endpoint.to_string());
    assert_eq!(endpoint.host().is_some(), endpoint.socket_path().is_none());
    let authority = endpoint.authority();
    http::HeaderValue::from_str(&authority).unwrap();
    authority.parse::<http::uri::Authority>().unwrap();
    if let Some(host) = endpoint.host() {
        let is_at = |port| endpoint.is_at(endpoint.is_secure(), host, port);
        assert!(endpoint.ports().iter().all(|&port| port > 0 && is_at(port)));
    }
}

/// Good ones and bad ones.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "127.0.0.1:2379,127.0.0.1:4001;host another:1",
        "http://[::1]:2379/, http://h",
        "unix:/run/etcd.sock unix:///run/x",
        "https://h",
        "http://user:password@h:1/path?query#fragment",
        "http://a@b@c",
        "http://[::1%25x]",
        "host:0",
        "host:65536",
        "",
        " ,;",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
