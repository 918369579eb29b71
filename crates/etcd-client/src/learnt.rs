//! Which endpoints are used, of those that a cluster tells of: pure.

use etcd_transport::endpoint::Endpoint;

/// How many endpoints are learnt from a cluster at most.
const MOST_ENDPOINTS: usize = 64;

/// The present endpoints, and those among `urls` that can be used.
///
/// A server is not believed blindly: addresses of this machine are taken only when one of the
/// present endpoints is one, those with TLS or without it only where the present ones are such, and
/// there is an end to their number.
pub(crate) fn merged(present: Vec<Endpoint>, urls: &[String]) -> Vec<Endpoint> {
    let local = present.iter().any(Endpoint::is_local);
    let uses = |secure| present.iter().any(|one| one.host().is_some() && one.is_secure() == secure);
    let (with_tls, without) = (uses(true), uses(false) || present.is_empty());
    let mut endpoints = present;
    for endpoint in urls.iter().filter_map(|url| url.parse::<Endpoint>().ok()) {
        let unspecified = matches!(endpoint.host(), Some("0.0.0.0" | "::") | None);
        let as_present = if endpoint.is_secure() { with_tls } else { without };
        let usable = as_present && !unspecified && (local || !endpoint.is_local());
        let known = endpoints.iter().any(|known| known.to_string() == endpoint.to_string());
        if usable && !known && endpoints.len() < MOST_ENDPOINTS {
            endpoints.push(endpoint);
        }
    }
    endpoints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(present: &str, urls: &[&str]) -> Vec<String> {
        let present = etcd_transport::endpoint::parse_list(present).unwrap();
        let urls: Vec<_> = urls.iter().map(|&url| url.to_owned()).collect();
        merged(present, &urls).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_a_cluster_advertises_is_sifted() {
        let urls = [
            "http://a:2379",
            "http://b:2379",
            "http://127.0.0.1:9",
            "http://0.0.0.0:2379",
            "https://c:1",
            "unix:/x",
            "nonsense:0",
        ];
        assert_eq!(merge("a:2379", &urls), ["a:2379", "b:2379"]);
        assert_eq!(merge("localhost:1", &urls), ["localhost:1", "a:2379", "b:2379", "127.0.0.1:9"]);
        assert_eq!(merge("https://a:2379", &urls), ["https://a:2379", "https://c:1"]);
        let many: Vec<_> = (1..=100).map(|port| format!("http://h:{port}")).collect();
        assert_eq!(merged(Vec::new(), &many).len(), MOST_ENDPOINTS);
    }
}
