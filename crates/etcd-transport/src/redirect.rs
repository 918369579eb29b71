//! Where a redirect may lead.
//!
//! Followers of etcd 0.x answer every write with a redirect to the leader. Whoever answers for an
//! endpoint could point anywhere, so credentials go only where they were going anyway.

use http::Uri;
use http::uri::PathAndQuery;

use crate::endpoint::{DEFAULT_PORT, Endpoint};

/// How many redirects one attempt follows.
pub const MOST: usize = 3;

/// Where a redirect leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The target to ask for there.
    pub target: PathAndQuery,
    /// Who to ask.
    pub to: Destination,
}

/// Who a redirect points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// The configured endpoint at this place of the list.
    Configured(usize),
    /// Another server; it gets no credentials.
    Foreign(Endpoint),
}

/// Reads where a redirect leads, when `hops` redirects were followed before it, to an endpoint that
/// is spoken to over TLS where it is `secure`.
///
/// # Errors
///
/// A reason not to follow: too many, no location, a scheme other than `http` and `https`, a location
/// that cannot be read, one that is less secure, or one over TLS that is not configured.
pub fn follow(
    hops: usize,
    secure: bool,
    location: Option<&[u8]>,
    configured: &[&Endpoint],
) -> Result<Redirect, String> {
    if hops >= MOST {
        return Err(format!("redirected more than {MOST} times"));
    }
    let location = location.ok_or("redirected without a location")?;
    let shown = || String::from_utf8_lossy(&location[..location.len().min(200)]).into_owned();
    let uri = Uri::try_from(location)
        .map_err(|_| format!("redirected to {:?}, which is no URL", shown()))?;
    let target = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority())
    else {
        return Err(format!("redirected to {:?}, which is no http URL", shown()));
    };
    let endpoint: Endpoint =
        authority.as_str().parse().map_err(|error| format!("redirected: {error}"))?;
    let leads_to_tls = scheme == "https";
    if endpoint.socket_path().is_some() {
        return Err(format!("redirected to {:?}, which is no server", shown()));
    }
    let port = authority.port_u16().unwrap_or(DEFAULT_PORT);
    let host = endpoint.host().unwrap_or_default();
    let to = match configured.iter().position(|known| known.is_at(leads_to_tls, host, port)) {
        _ if secure && !leads_to_tls => {
            return Err(format!("redirected from https to {:?}, in the clear", shown()));
        }
        Some(place) => Destination::Configured(place),
        // Nobody said whom to trust there, nor that our certificate may be shown.
        None if leads_to_tls => {
            return Err(format!("redirected to {:?}, which is not configured", shown()));
        }
        None => Destination::Foreign(endpoint),
    };
    Ok(Redirect { target, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(location: &str) -> Result<Destination, String> {
        let a: Endpoint = "127.0.0.1:4101".parse().unwrap();
        let b: Endpoint = "leader.example".parse().unwrap();
        follow(0, false, Some(location.as_bytes()), &[&a, &b]).map(|redirect| redirect.to)
    }

    #[test]
    fn a_leader_is_found_among_the_configured() {
        assert_eq!(
            to("http://127.0.0.1:4101/v2/keys/a?prevExist=false"),
            Ok(Destination::Configured(0))
        );
        assert_eq!(to("http://LEADER.example:4001/v2/keys/a"), Ok(Destination::Configured(1)));
        let target = follow(2, false, Some(b"http://x:1/v2/keys/a?b=%20c"), &[]).unwrap().target;
        assert_eq!(target, "/v2/keys/a?b=%20c");
    }

    #[test]
    fn others_are_foreign() {
        for other in
            ["http://127.0.0.1:4102/", "http://127.0.0.2:4101/", "http://evil.example:2379/v2"]
        {
            assert!(matches!(to(other), Ok(Destination::Foreign(_))), "{other}");
        }
    }

    #[test]
    fn nothing_leads_from_tls_into_the_clear() {
        let known: Endpoint = "https://127.0.0.1:4101".parse().unwrap();
        let to = |location: &str| {
            follow(0, true, Some(location.as_bytes()), &[&known]).map(|redirect| redirect.to)
        };
        assert_eq!(to("https://127.0.0.1:4101/v2"), Ok(Destination::Configured(0)));
        for (location, reason) in [
            ("http://127.0.0.1:4101/v2", "in the clear"),
            ("http://evil.example:1/", "in the clear"),
            ("https://evil.example:1/", "not configured"),
        ] {
            assert!(to(location).unwrap_err().contains(reason), "{location}");
        }
    }

    #[test]
    fn what_is_not_followed_is_said() {
        for (location, reason) in [
            ("https://127.0.0.1:4101/", "not configured"),
            ("/v2/keys/a", "no http URL"),
            ("ftp://127.0.0.1:4101/", "no http URL"),
            ("http://user:secret@127.0.0.1:4101/", "user"),
            ("ht tp://x", "no URL"),
            ("http://unix:run/x", "no server"),
        ] {
            let error = to(location).unwrap_err();
            assert!(error.contains(reason) && !error.contains("secret@"), "{location}: {error}");
        }
        assert!(follow(MOST, false, Some(b"http://a:1/"), &[]).unwrap_err().contains("3 times"));
        assert!(follow(0, false, None, &[]).unwrap_err().contains("location"));
    }
}
