//! A redirect leads to a configured endpoint, or to one that is known to be foreign.

use etcd_transport::endpoint::Endpoint;
use etcd_transport::redirect::{Destination, MOST, follow};
use http::Uri;

/// The first byte says after how many hops, and from where. Who is configured is where the location
/// points.
pub fn run(data: &[u8]) {
    let Some((&hops, location)) = data.split_first() else { return };
    let (secure, hops) = (hops & 0x80 != 0, usize::from(hops & 0x7f) % (MOST + 2));
    let configured =
        ["127.0.0.1:4101", "[::1]:2379", "leader.example", "unix:/run/x", "https://127.0.0.1:4101"];
    let configured = configured.map(|text| text.parse::<Endpoint>().unwrap());
    let known: Vec<_> = configured.iter().collect();
    match follow(hops, secure, Some(location), &known) {
        Err(reason) => assert!(!reason.is_empty() && reason.len() < 2000, "{reason}"),
        Ok(redirect) => {
            assert!(hops < MOST);
            let uri = Uri::try_from(location).expect("only a URL is followed");
            let leads_to_tls = uri.scheme_str() == Some("https");
            assert!(leads_to_tls || !secure, "a scheme that is no weaker");
            let authority = uri.authority().unwrap();
            assert!(!authority.as_str().contains('@'));
            match redirect.to {
                Destination::Configured(place) => {
                    let host = authority.host().trim_matches(['[', ']']);
                    let port = authority.port_u16().unwrap_or(2379);
                    assert!(configured[place].is_at(leads_to_tls, host, port), "{authority}");
                }
                Destination::Foreign(endpoint) => {
                    assert!(!leads_to_tls && !configured.contains(&endpoint), "{endpoint}");
                }
            }
        }
    }
    let nobody = follow(hops, secure, Some(location), &[]);
    assert!(!matches!(nobody, Ok(redirect) if redirect.to == Destination::Configured(0)));
}

/// Where followers point, and where they should not.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "http://127.0.0.1:4101/v2/keys/a?prevExist=false",
        "http://LEADER.example:2379/v2/keys/a",
        "http://[::1]/",
        "https://127.0.0.1:4101/",
        "http://user:secret@127.0.0.1:4101/",
        "//127.0.0.1:4101/",
        "/v2/keys/a",
        "ht tp://x",
        "http://127.0.0.1:4101@evil.example/",
    ]
    .into_iter()
    .flat_map(|location| [0, 0x80].map(|from| [&[from][..], location.as_bytes()].concat()))
    .collect()
}
