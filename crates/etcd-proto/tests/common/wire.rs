//! Reads requests as a server written in Go does, independently of how we write them.

use etcd_proto::call::Outgoing;
use http::Method;
use http::header::CONTENT_TYPE;

/// Decoded names and values.
pub(crate) type Pairs = Vec<(String, String)>;

/// What a server understands of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Pairs,
    pub(crate) form: Pairs,
}

impl Asked {
    /// Reads one of our requests.
    pub(crate) fn read(outgoing: &Outgoing) -> Self {
        let target = outgoing.target.as_str();
        assert!(
            target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'),
            "not fit for a request line: {target:?}"
        );
        let form = match outgoing.headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes()) {
            Some(b"application/x-www-form-urlencoded") => {
                parse_form(std::str::from_utf8(&outgoing.body).unwrap())
            }
            Some(b"application/json") => Vec::new(),
            kind => {
                assert!(outgoing.body.is_empty(), "a body of kind {kind:?} would be ignored");
                Vec::new()
            }
        };
        Self::new(outgoing.method.clone(), target, form)
    }

    /// Reads what `curl` was told.
    pub(crate) fn curl(line: &str) -> Self {
        let (mut method, mut target, mut form) = (Method::GET, "", Vec::new());
        let mut words = line.split(' ');
        while let Some(word) = words.next() {
            match word {
                "-d" => form.extend(parse_form(words.next().unwrap())),
                "--data-urlencode" => form.extend(words.next().unwrap().split_once('=').map(own)),
                _ if word.starts_with("-X") => method = word[2..].parse().unwrap(),
                _ if word.starts_with('-') => panic!("what does {word} mean in {line}?"),
                _ => target = without_server(word),
            }
        }
        Self::new(method, target, form)
    }

    fn new(method: Method, target: &str, form: Pairs) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self { method, path: decode(path, false), query: parse_form(query), form }
    }

    /// All parameters, wherever they are, in order of their names.
    pub(crate) fn parameters(&self) -> Pairs {
        let mut all = [self.query.clone(), self.form.clone()].concat();
        all.sort();
        all
    }
}

fn without_server(url: &str) -> &str {
    match url.strip_prefix("http://") {
        Some(rest) => &rest[rest.find('/').unwrap()..],
        None => url,
    }
}

/// Reads a query or a form; Go refuses a raw semicolon, and so does this.
pub(crate) fn parse_form(text: &str) -> Pairs {
    assert!(!text.contains(';'), "a raw semicolon in {text:?}");
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name, true), decode(value, true)))
        .collect()
}

/// Undoes percent-encoding, and `+` for a space in forms.
pub(crate) fn decode(text: &str, form: bool) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' if form => b' ',
            b'%' => hexadecimal(bytes.next(), text) << 4 | hexadecimal(bytes.next(), text),
            _ => byte,
        });
    }
    String::from_utf8(decoded).unwrap()
}

fn hexadecimal(digit: Option<u8>, text: &str) -> u8 {
    match digit {
        Some(digit @ b'0'..=b'9') => digit - b'0',
        Some(digit @ b'a'..=b'f') => digit - b'a' + 10,
        Some(digit @ b'A'..=b'F') => digit - b'A' + 10,
        _ => panic!("a percent sign without two digits in {text:?}"),
    }
}

/// A pair that owns its texts.
pub(crate) fn own((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
