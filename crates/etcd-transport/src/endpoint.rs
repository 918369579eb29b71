//! Endpoints: where an etcd server is, and lists of them.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The port of etcd for clients since 2.0, tried first when none is given.
pub const DEFAULT_PORT: u16 = 2379;
/// The port of etcd for clients before 2.0, tried next when none is given and the first refuses.
pub const OLD_DEFAULT_PORT: u16 = 4001;

/// Where an etcd server is: `host:port`, `http://host:port`, `https://host:port` or `unix:/path`.
///
/// Only `https://` is spoken to over [TLS](crate::tls). The host is a name, an IPv4 address or an
/// IPv6 address in brackets. Without a port
/// [`DEFAULT_PORT`] is meant, and [`OLD_DEFAULT_PORT`] where that one refuses.
///
/// ```
/// use etcd_transport::endpoint::Endpoint;
///
/// assert_eq!("http://[::1]:2379/".parse::<Endpoint>()?.to_string(), "[::1]:2379");
/// assert!("host:0".parse::<Endpoint>().is_err());
/// # Ok::<(), etcd_transport::endpoint::InvalidEndpoint>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint(Address);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Address {
    Tcp { secure: bool, host: String, port: Option<u16> },
    Unix(PathBuf),
}

impl Endpoint {
    /// The host without brackets; nothing for a unix socket.
    pub fn host(&self) -> Option<&str> {
        match &self.0 {
            Address::Tcp { host, .. } => Some(host),
            Address::Unix(_) => None,
        }
    }

    /// The ports to try in turn; none for a unix socket.
    pub fn ports(&self) -> Vec<u16> {
        match &self.0 {
            Address::Tcp { port: Some(port), .. } => vec![*port],
            Address::Tcp { port: None, .. } => vec![DEFAULT_PORT, OLD_DEFAULT_PORT],
            Address::Unix(_) => Vec::new(),
        }
    }

    /// The path of a unix socket; nothing for a host.
    pub fn socket_path(&self) -> Option<&Path> {
        match &self.0 {
            Address::Unix(path) => Some(path),
            Address::Tcp { .. } => None,
        }
    }

    /// Whether it is spoken to over TLS.
    pub fn is_secure(&self) -> bool {
        matches!(self.0, Address::Tcp { secure: true, .. })
    }

    /// Whether this is the machine itself: a unix socket, `localhost` or a loopback address.
    pub fn is_local(&self) -> bool {
        let Some(host) = self.host() else { return true };
        host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// What goes into a `Host` header.
    pub fn authority(&self) -> String {
        match &self.0 {
            Address::Tcp { host, port, .. } => Authority(host, *port).to_string(),
            Address::Unix(_) => "localhost".to_owned(),
        }
    }

    /// Whether a URL with this host and port, of `https` where it is `secure`, means this endpoint.
    pub fn is_at(&self, secure: bool, host: &str, port: u16) -> bool {
        match &self.0 {
            Address::Tcp { host: ours, .. } => {
                self.is_secure() == secure
                    && ours.eq_ignore_ascii_case(host)
                    && self.ports().contains(&port)
            }
            Address::Unix(_) => false,
        }
    }
}

/// As it would be typed: `host:port` or `https://host:port`; the default port is shown.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Address::Tcp { secure, host, port } => {
                f.write_str(if *secure { "https://" } else { "" })?;
                Authority(host, *port).fmt(f)
            }
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A host and a port, as they stand in a URL.
struct Authority<'a>(&'a str, Option<u16>);

impl fmt::Display for Authority<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(host, port) = self;
        let port = port.unwrap_or(DEFAULT_PORT);
        match host.contains(':') {
            true => write!(f, "[{host}]:{port}"),
            false => write!(f, "{host}:{port}"),
        }
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        parse(text).map(Self).map_err(|reason| InvalidEndpoint::new(text, reason))
    }
}

/// A text that names no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{input:?} is not a server: {reason}")]
pub struct InvalidEndpoint {
    /// The text as given, without any user and password.
    pub input: String,
    /// What is wrong with it and what would be right.
    pub reason: String,
}

impl InvalidEndpoint {
    fn new(input: &str, reason: impl Into<String>) -> Self {
        Self { input: cut(&without_userinfo(input)), reason: reason.into() }
    }
}

fn without_userinfo(text: &str) -> String {
    let Some(at) = text.rfind('@').max(text.rfind("%40")) else { return text.to_owned() };
    let is_scheme = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+');
    let scheme = text[..at].find("://").filter(|&end| is_scheme(&text[..end]));
    let start = scheme.map_or(0, |end| end + 3);
    format!("{}…{}", &text[..start], &text[at..])
}

const MIXED: &str = "some have https:// and others have not; give it to all or to none";
fn has_user(text: &str) -> bool {
    text.contains('@') || text.contains("%40")
}

/// No more of a text than helps to find it again.
fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// How many characters of a text are shown in an error.
const MOST_SHOWN: usize = 200;
/// The longest path of a unix socket that Linux takes.
const LONGEST_SOCKET_PATH: usize = 107;
const SRV: &str =
    "a domain with SRV records is not a server; give it to discovery (--discovery-srv)";
const USER: &str = "a user does not belong here; give it as a credential";

fn parse(text: &str) -> Result<Address, String> {
    if let Some(path) = after_scheme(text, "unix") {
        return parse_socket(path);
    }
    // First, as no other reason may show a password.
    if has_user(text) {
        return Err(USER.into());
    }
    let (secure, authority) = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
        Some((scheme, _)) => return Err(wrong_scheme(scheme)),
        None => (false, without_scheme(text)?),
    };
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    if authority.contains('\\') {
        return Err("a backslash does not belong here; give host:port".into());
    }
    if authority.contains(['/', '?', '#']) {
        return Err("a path, query or fragment does not belong here; give host:port".into());
    }
    let (host, port) = split_port(authority)?;
    // The name of a record, whatever stands before it.
    if host.starts_with("_etcd") {
        return Err(SRV.into());
    }
    let port = port.map(parse_port).transpose()?;
    Ok(Address::Tcp { secure, host, port })
}

fn after_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (before, after) = text.split_once(':')?;
    before.eq_ignore_ascii_case(scheme).then_some(after)
}

fn wrong_scheme(scheme: &str) -> String {
    match scheme.to_ascii_lowercase().as_str() {
        "srv" | "dns" | "dns+srv" => SRV.into(),
        "unixs" => "TLS over a unix socket is not supported; give unix:/path".into(),
        "" => "the scheme is missing before ://; give http://host:port".into(),
        _ => format!("the scheme {:?} is none of http, https and unix", cut(scheme)),
    }
}

/// A text without `://`, which may have meant a scheme nevertheless.
fn without_scheme(text: &str) -> Result<&str, String> {
    let Some((scheme, rest)) = text.split_once(':') else { return Ok(text) };
    let is_port = rest.starts_with(|c: char| c.is_ascii_digit()) || rest.is_empty();
    match scheme.to_ascii_lowercase().as_str() {
        "unixs" | "srv" | "dns" if !is_port => Err(wrong_scheme(scheme)),
        "http" | "https" if !is_port => {
            Err("// is missing behind the scheme; give http://host:port".into())
        }
        _ => Ok(text),
    }
}

fn parse_socket(path: &str) -> Result<Address, String> {
    let path = path.strip_prefix("//").unwrap_or(path);
    // One slash is as good as several, which would be taken for those of a URL when shown.
    let slashes = path.len() - path.trim_start_matches('/').len();
    let path = &path[slashes.saturating_sub(1)..];
    if path.is_empty() || path == "/" {
        return Err("the path of a socket is missing; give unix:/path".into());
    }
    if let Some(c) = path.chars().find(|c| c.is_control()) {
        return Err(format!("the path of a socket cannot have {c:?}; give unix:/path"));
    }
    if path.len() > LONGEST_SOCKET_PATH {
        return Err(format!("the path of a socket has at most {LONGEST_SOCKET_PATH} bytes"));
    }
    Ok(Address::Unix(path.into()))
}

fn split_port(authority: &str) -> Result<(String, Option<&str>), String> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) =
            rest.split_once(']').ok_or("the bracket is not closed; give [::1]:2379")?;
        let host = parse_v6(host)?.to_string();
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(format!("{:?} behind the bracket is no port; give [::1]:2379", cut(after))),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    if port.is_some_and(|port| port.contains(':')) {
        return Err("an IPv6 address stands in brackets; give [::1]:2379".into());
    }
    check_host(host)?;
    Ok((host.to_ascii_lowercase(), port))
}

fn parse_v6(host: &str) -> Result<Ipv6Addr, String> {
    if host.contains('%') {
        return Err("an address with a zone is not supported; give one without %".into());
    }
    host.parse().map_err(|_| format!("{:?} is no IPv6 address; give [::1]:2379", cut(host)))
}

fn check_host(host: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    match host.chars().find(|&c| !allowed(c)) {
        _ if host.is_empty() => Err("the host is missing; give host:port".into()),
        Some(' ' | '\t') => Err("a host has no spaces; give host:port".into()),
        Some(c) if c.is_alphanumeric() => {
            Err(format!("a host cannot have {c:?}; give its name in the form xn--…"))
        }
        Some(c) => Err(format!("a host cannot have {c:?}; give host:port")),
        None => check_name(host),
    }
}

/// As the resolver of the system would take `127.1` or `0x7f.1` for an address, they are refused.
fn check_name(host: &str) -> Result<(), String> {
    let parts = host.strip_suffix('.').unwrap_or(host);
    let last = parts.rsplit('.').next().unwrap_or_default();
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    let prefix = last.get(..2).filter(|prefix| prefix.eq_ignore_ascii_case("0x"));
    let is_number = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit())
        || prefix.is_some() && hex(&last[2..]);
    if host.len() > 253 {
        return Err("the host is longer than 253 bytes".into());
    }
    if is_number && host.parse::<Ipv4Addr>().is_err() {
        return Err(format!("{host:?} is no IPv4 address; one is four numbers from 0 to 255"));
    }
    match parts.split('.').find(|part| part.is_empty() || part.len() > 63) {
        Some("") => Err("a part of the host is empty between its dots".into()),
        Some(_) => Err("a part of the host is longer than 63 bytes".into()),
        None => Ok(()),
    }
}

fn parse_port(port: &str) -> Result<u16, String> {
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    match port.parse() {
        Ok(number) if digits && number > 0 => Ok(number),
        _ => Err(format!("{:?} is no port; one is a number from 1 to 65535", cut(port))),
    }
}

/// Reads a list of endpoints, separated by commas, semicolons or white space. One that stands
/// there twice counts once.
///
/// Servers with `https://` and servers without it are not taken in one list: a call could go to
/// either, and what is secret would go in the clear. Where that is meant, endpoints are parsed one
/// by one.
///
/// ```
/// let list = etcd_transport::endpoint::parse_list("a:2379, b;unix:/run/etcd.sock")?;
/// assert_eq!(list.len(), 3);
/// # Ok::<(), etcd_transport::endpoint::InvalidEndpoint>(())
/// ```
///
/// # Errors
///
/// [`InvalidEndpoint`] for the first text that is none, for a list without any, and for one that is
/// mixed.
pub fn parse_list(list: &str) -> Result<Vec<Endpoint>, InvalidEndpoint> {
    let mut endpoints: Vec<Endpoint> = Vec::new();
    let texts = list.split(|c: char| c == ',' || c == ';' || c.is_whitespace());
    let texts = texts.filter(|text| !text.is_empty());
    // A password may hold a separator, and its parts are not to be shown either.
    if texts.clone().any(|text| has_user(text) && !text.starts_with("unix:")) {
        return Err(InvalidEndpoint::new(list, USER));
    }
    for text in texts {
        let endpoint = text.parse()?;
        if !endpoints.contains(&endpoint) {
            endpoints.push(endpoint);
        }
    }
    if endpoints.is_empty() {
        return Err(InvalidEndpoint::new(list, "the list is empty; give host:port[,host:port]"));
    }
    let mut hosts = endpoints.iter().filter(|endpoint| endpoint.host().is_some());
    let first = hosts.next().is_some_and(Endpoint::is_secure);
    match hosts.all(|endpoint| endpoint.is_secure() == first) {
        true => Ok(endpoints),
        false => Err(InvalidEndpoint::new(list, MIXED)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn good_endpoints_and_what_they_mean() {
        for (text, shown, ports) in [
            ("unix:////run//x", "unix:/run//x", vec![]),
            ("host", "host:2379", vec![2379, 4001]),
            ("host:1", "host:1", vec![1]),
            ("http://host:65535/", "host:65535", vec![65535]),
            ("127.0.0.1:4001", "127.0.0.1:4001", vec![4001]),
            ("[::1]", "[::1]:2379", vec![2379, 4001]),
            ("http://[fe80::1]:80", "[fe80::1]:80", vec![80]),
            ("under_score.example:2379", "under_score.example:2379", vec![2379]),
            ("unix:/run/etcd.sock", "unix:/run/etcd.sock", vec![]),
            ("unix:///run/etcd.sock", "unix:/run/etcd.sock", vec![]),
            ("unix:relative.sock", "unix:relative.sock", vec![]),
            ("HTTPS://host", "https://host:2379", vec![2379, 4001]),
            ("https://[::1]:443/", "https://[::1]:443", vec![443]),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!((endpoint.to_string().as_str(), endpoint.ports()), (shown, ports), "{text}");
        }
    }

    #[test]
    fn a_password_is_not_shown_wherever_it_stands() {
        for text in [
            "http://user:secret@host",
            "user:secret@host",
            "user:secret@host://",
            "http://secret@b@c",
            "h:1,http://user:sec ret,secret@host;h",
            "http://user:secret%40host:1",
            "secret secret@host:0",
        ] {
            let error = parse_list(text).unwrap_err().to_string();
            assert!(!error.contains("sec") && error.contains("user"), "{text}: {error}");
        }
        assert_eq!(parse_list("unix:/run/a@b, h").unwrap().len(), 2);
    }

    #[test]
    fn bad_endpoints_are_named_with_what_would_be_right() {
        for (text, reason) in [
            ("", "host is missing"),
            (":2379", "host is missing"),
            ("host:", "no port"),
            ("host:0", "1 to 65535"),
            ("host:70000", "1 to 65535"),
            ("host:+1", "1 to 65535"),
            ("host:http", "1 to 65535"),
            ("my host:2379", "no spaces"),
            ("::1", "brackets"),
            ("[::1", "bracket"),
            ("[::1]2379", "behind the bracket"),
            ("[nonsense]:1", "IPv6"),
            ("[::1%25eth0]:1", "zone"),
            ("ftp://host:2379", "none of http"),
            ("https://", "host is missing"),
            ("https:/host", "// is missing"),
            ("http://host:2379/v2", "path"),
            ("host:2379?x=1", "path, query"),
            ("host\\evil:1", "backslash"),
            ("a@b:1", "user"),
            ("http://a@b@c:1", "user"),
            ("a:b@c://", "user"),
            ("unix:", "socket is missing"),
            ("hôst:1", "cannot have"),
            ("ho\u{1b}st:1", "cannot have"),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert!(error.reason.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_password_is_not_repeated() {
        let error = "http://root:secret@host:2379".parse::<Endpoint>().unwrap_err().to_string();
        assert!(!error.contains("secret") && error.contains("host:2379"), "{error}");
    }

    #[test]
    fn lists_have_three_separators() {
        let list = parse_list("a:1, b:2;c:3 \t a:1\n").unwrap();
        assert_eq!(list.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a:1", "b:2", "c:3"]);
        for mixed in ["a, https://b", "https://b;http://a", "https://a unix:/x b"] {
            assert_eq!(parse_list(mixed).unwrap_err().reason, MIXED);
        }
        for uniform in ["https://a, https://b", "unix:/x https://a"] {
            assert_eq!(parse_list(uniform).unwrap().len(), 2);
        }
        for empty in ["", " ,; "] {
            assert!(parse_list(empty).unwrap_err().reason.contains("empty"));
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_means_the_same(text in "\\PC{0,40}") {
            if let Ok(endpoint) = text.parse::<Endpoint>() {
                let again: Endpoint = endpoint.to_string().parse().unwrap();
                prop_assert_eq!(again.to_string(), endpoint.to_string());
            }
        }
    }
}
