//! Nodes and refusals as etcd writes them: its order of fields, Go's escapes.

use std::time::Duration;

use crate::store::v2::{Error, Event, Shown};

/// How a version writes nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// 0.x leaves empty values out and names the root.
    pub(super) old: bool,
}

pub(super) fn event(event: &Event, style: Style, with_nodes: bool) -> String {
    let mut out = format!("{{\"action\":{}", string(event.action.name()));
    if with_nodes {
        out += &format!(",\"node\":{}", node(&event.node, style));
        if let Some(previous) = &event.previous {
            out += &format!(",\"prevNode\":{}", node(previous, style));
        }
    }
    out + "}"
}

fn node(shown: &Shown, style: Style) -> String {
    let mut fields = Vec::new();
    let is_root = shown.modified == 0;
    if !is_root || style.old {
        fields.push(format!("\"key\":{}", string(if is_root { "/" } else { &shown.key })));
    }
    if let Some(value) = shown.value.as_ref().filter(|value| !style.old || !value.is_empty()) {
        fields.push(format!("\"value\":{}", string(value)));
    }
    if shown.dir {
        fields.push("\"dir\":true".to_owned());
    }
    if let Some(end) = shown.expiration {
        fields.push(format!("\"expiration\":\"{}\"", date(end)));
    }
    if shown.ttl > 0 {
        fields.push(format!("\"ttl\":{}", shown.ttl));
    }
    if !shown.nodes.is_empty() {
        let nodes: Vec<_> = shown.nodes.iter().map(|shown| node(shown, style)).collect();
        fields.push(format!("\"nodes\":[{}]", nodes.join(",")));
    }
    if !is_root {
        fields.push(format!("\"modifiedIndex\":{}", shown.modified));
        fields.push(format!("\"createdIndex\":{}", shown.created));
    }
    format!("{{{}}}", fields.join(","))
}

pub(super) fn error(error: &Error) -> String {
    format!(
        "{{\"errorCode\":{},\"message\":{},\"cause\":{},\"index\":{}}}",
        error.code,
        string(error.message()),
        string(&error.cause),
        error.index
    )
}

pub(super) fn string(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

pub(super) fn strings(texts: &[String]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| string(text)).collect();
    format!("[{}]", texts.join(","))
}

/// RFC 3339, in UTC.
pub(super) fn date(since_epoch: Duration) -> String {
    let (mut year, mut days) = (1970, since_epoch.as_secs() / 86_400);
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while days >= 365 + u64::from(leap(year)) && year < 9999 {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let second = since_epoch.as_secs() % 86_400;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = format!(".{:09}", since_epoch.subsec_nanos());
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!(
        "{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z",
        days.min(30) + 1
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_as_go_writes_them() {
        for (seconds, nanos, text) in [
            (0, 0, "1970-01-01T00:00:00Z"),
            (951_782_400, 500_000_000, "2000-02-29T00:00:00.5Z"),
            (1_735_689_599, 1, "2024-12-31T23:59:59.000000001Z"),
        ] {
            assert_eq!(date(Duration::new(seconds, nanos)), text);
        }
    }
}
