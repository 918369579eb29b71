//! What a change of a member names: the URLs of its peers, and by its path the member.

use serde_json::Value;

use crate::store::v2::{Refusal, peer_urls};
use crate::v2::go::{field, kind};

/// Go's name for the whole of what is read.
const WHOLE: &str = "value of type struct { PeerURLs []string \"json:\\\"peerURLs\\\"\" }";

/// The URLs that a body names, if it comes as JSON.
///
/// # Errors
///
/// In etcd's words, but for what is no JSON.
pub(super) fn urls(content_type: &str, body: &[u8]) -> Result<Vec<String>, Refusal> {
    let kind = match content_type.split_once(';') {
        Some((kind, _)) => kind.to_ascii_lowercase().trim().to_owned(),
        None => content_type.to_owned(),
    };
    if kind != "application/json" {
        let why = format!("Bad Content-Type {kind}, accept application/json");
        return Err(Refusal::new(415, why));
    }
    let value = serde_json::from_str(&String::from_utf8_lossy(body)).map_err(|error| {
        let why = if error.is_eof() { "unexpected end of JSON input" } else { "invalid JSON" };
        Refusal::new(400, why)
    })?;
    peer_urls(&named(&value)?)
}

fn named(value: &Value) -> Result<Vec<String>, Refusal> {
    let fields = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Object(fields) => fields,
        other => return Err(unfit(other, WHOLE)),
    };
    match field(fields, "peerURLs") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(urls)) => urls.iter().map(url).collect(),
        Some(other) => Err(unfit(other, "struct field .peerURLs of type []string")),
    }
}

fn url(value: &Value) -> Result<String, Refusal> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(url) => Ok(url.clone()),
        other => Err(unfit(other, "struct field .peerURLs of type string")),
    }
}

fn unfit(value: &Value, into: &str) -> Refusal {
    Refusal::new(400, format!("json: cannot unmarshal {} into Go {into}", kind(value)))
}

/// The member that a path ends with.
///
/// # Errors
///
/// 404 where it is no number of base 16.
pub(super) fn id(text: &str) -> Result<u64, Refusal> {
    let digits = text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let read = u64::from_str_radix(text, 16).ok().filter(|_| digits);
    read.ok_or_else(|| Refusal::new(404, format!("No such member: {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_refused_in_gos_words() {
        let json = "application/json";
        for (kind, body, status, why) in [
            ("", "", 415, "Bad Content-Type , accept application/json"),
            (
                "Application/JSON",
                "",
                415,
                "Bad Content-Type Application/JSON, accept application/json",
            ),
            ("Text/Plain ; x", "", 415, "Bad Content-Type text/plain, accept application/json"),
            (json, "", 400, "unexpected end of JSON input"),
            ("Application/JSON; x", "null", 400, "no valid URLs given"),
            (json, "{}", 400, "no valid URLs given"),
            (
                json,
                "[]",
                400,
                "json: cannot unmarshal array into Go value of type struct { PeerURLs []string \"json:\\\"peerURLs\\\"\" }",
            ),
            (
                json,
                r#"{"peerURLs":"x"}"#,
                400,
                "json: cannot unmarshal string into Go struct field .peerURLs of type []string",
            ),
            (
                json,
                r#"{"PEERURLS":["x",7]}"#,
                400,
                "json: cannot unmarshal number into Go struct field .peerURLs of type string",
            ),
        ] {
            assert_eq!(
                urls(kind, body.as_bytes()),
                Err(Refusal::new(status, why)),
                "{kind} {body}"
            );
        }
        let read = urls(json, br#"{"peerURLs":["http://a:1"],"name":"x"}"#);
        assert_eq!(read, Ok(vec!["http://a:1".to_owned()]));
    }

    #[test]
    fn an_id_has_sixteen_digits_at_most_and_no_sign() {
        assert_eq!(id("0807b16a81bfff16b"), Ok(0x807b_16a8_1bff_f16b));
        for text in ["xyz", "+1", "1_0", "123456789abcdef01"] {
            let refusal = Refusal::new(404, format!("No such member: {text}"));
            assert_eq!(id(text), Err(refusal));
        }
    }
}
