//! Results, as people or machines read them.

use std::io::{IsTerminal as _, Write as _};

use etcd_client::plain::{Lossless, Plain, PlainText, is_plain};

use crate::args::Format;

/// Where and how results are written.
#[derive(Debug)]
pub(crate) struct Output {
    format: Format,
    terminal: bool,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self { format, terminal: std::io::stdout().is_terminal() }
    }

    /// A result on a line of its own: an object for machines, else what `text` makes. Nothing in
    /// it can break the line.
    pub(crate) fn line(
        &self,
        json: &serde_json::Value,
        text: impl FnOnce() -> String,
    ) -> std::io::Result<()> {
        let line = match self.format {
            // Only what JSON itself would let through needs care: marks of direction, and C1.
            Format::Json => escape_json(&json.to_string()),
            Format::Text => Plain(&text()).to_string(),
        };
        write(format!("{line}\n").as_bytes())
    }

    /// Text of several lines that were each made safe.
    pub(crate) fn lines(
        &self,
        json: &serde_json::Value,
        text: impl FnOnce() -> String,
    ) -> std::io::Result<()> {
        match self.format {
            Format::Json => self.line(json, String::new),
            Format::Text => write(text().as_bytes()),
        }
    }

    /// A value by itself: as it is, with a newline where it has none; on a terminal escaped.
    pub(crate) fn value(
        &self,
        json: &serde_json::Value,
        value: &[u8],
        raw: bool,
    ) -> std::io::Result<()> {
        match self.format {
            Format::Json => return self.line(json, String::new),
            Format::Text if raw => return write(value),
            Format::Text => {}
        }
        let mut shown = match self.terminal {
            true => PlainText(&Lossless(value).to_string()).to_string().into_bytes(),
            false => value.to_vec(),
        };
        if !shown.ends_with(b"\n") {
            shown.push(b'\n');
        }
        write(&shown)
    }
}

/// Whoever reads along sees each result when it is there.
fn write(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.map_err(|error| {
        std::io::Error::new(error.kind(), format!("cannot write to standard output: {error}"))
    })
}

/// JSON lets C1 controls and marks of direction stand; as escapes they mean the same.
fn escape_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match is_plain(c) {
            true => safe.push(c),
            false => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    safe.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    safe
}

/// Adds bytes for machines: as text where they are that, else in hexadecimal as `NAME_hex`.
pub(crate) fn put(json: &mut serde_json::Value, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => json[name] = text.into(),
        Err(_) => {
            let hexadecimal = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            json[format!("{name}_hex")] = hexadecimal.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn json_is_safe_and_means_the_same(text: String) {
            let json = serde_json::json!({ "value": text });
            let safe = escape_json(&json.to_string());
            prop_assert!(safe.chars().all(is_plain));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), json);
        }
    }
}
