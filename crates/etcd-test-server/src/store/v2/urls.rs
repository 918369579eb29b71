//! URLs of peers, as etcd reads them.

use super::refusal::Refusal;

/// Reads URLs of peers, and puts them into etcd's order.
///
/// # Errors
///
/// 400 in etcd's words, but for a port that is no number.
pub fn peer_urls(texts: &[String]) -> Result<Vec<String>, Refusal> {
    if texts.is_empty() {
        return Err(Refusal::new(400, "no valid URLs given"));
    }
    let mut urls: Vec<_> = texts.iter().map(|text| peer_url(text)).collect::<Result<_, _>>()?;
    urls.sort();
    Ok(urls)
}

fn peer_url(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let refused = |why: &str| Err(Refusal::new(400, format!("{why}: {text}")));
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https" | "unix" | "unixs") {
        return refused("URL scheme must be http, https, unix, or unixs");
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let port = match host.rsplit_once(':') {
        Some((name, port)) if name.starts_with('[') == name.ends_with(']') => port,
        _ => return refused("URL address does not have the form \"host:port\""),
    };
    if !port.bytes().all(|digit| digit.is_ascii_digit()) {
        return refused("invalid port after host");
    }
    if path.starts_with('/') {
        return refused("URL must not contain a path");
    }
    Ok(format!("{scheme}://{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_refused_in_etcds_words() {
        let scheme = "URL scheme must be http, https, unix, or unixs: ";
        let form = "URL address does not have the form \"host:port\": ";
        let path = "URL must not contain a path: ";
        for (url, read) in [
            ("http://a:1", Ok("http://a:1")),
            (" HTTP://[::1]:2380 ", Ok("http://[::1]:2380")),
            ("unix://a:1?x", Ok("unix://a:1?x")),
            ("http://:1", Ok("http://:1")),
            ("http://u@a:1", Ok("http://u@a:1")),
            ("x", Err(scheme)),
            ("", Err(scheme)),
            ("//a:1", Err(scheme)),
            ("ftp://a:1", Err(scheme)),
            ("http://a", Err(form)),
            ("http://[::1]", Err(form)),
            ("http://a:1/", Err(path)),
            ("http://a:b", Err("invalid port after host: ")),
        ] {
            let expected = read.map(str::to_owned).map_err(|why| format!("{why}{url}"));
            let read = peer_url(url).map_err(|refusal| refusal.message);
            assert_eq!(read, expected, "{url}");
        }
        let read = |texts: &[&str]| {
            peer_urls(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>())
        };
        let sorted = ["http://a:1".to_owned(), "http://b:1".to_owned()];
        assert_eq!(read(&["http://b:1", "http://a:1"]).ok(), Some(sorted.to_vec()));
        assert_eq!(read(&[]), Err(Refusal::new(400, "no valid URLs given")));
    }
}
