//! Parameters, from the form in the body and from the query.

use percent_encoding::percent_decode;

use crate::store::v2::Error;

/// Parameters, the body's before the query's.
#[derive(Debug, Default)]
pub(super) struct Form {
    fields: Vec<(String, String)>,
    lenient: bool,
}

impl Form {
    /// Reads both; a semicolon is refused as Go refuses it from 1.17 on.
    ///
    /// Read leniently, what has a semicolon is left out, and what is neither true nor false is neither.
    pub(super) fn read(body: &[u8], query: &str, lenient: bool) -> Result<Self, Error> {
        let mut pairs = Vec::new();
        for part in body.split(|byte| *byte == b'&').chain(query.as_bytes().split(|b| *b == b'&')) {
            if part.contains(&b';') && lenient {
                continue;
            }
            if part.contains(&b';') {
                let cause = "invalid semicolon separator in query";
                return Err(Error::new(210, cause, 0));
            }
            let end = part.iter().position(|byte| *byte == b'=');
            let (name, value) = match end {
                Some(end) => (&part[..end], &part[end + 1..]),
                None => (part, &[][..]),
            };
            if !part.is_empty() {
                pairs.push((decoded(name), decoded(value)));
            }
        }
        Ok(Self { fields: pairs, lenient })
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn is(&self, name: &str) -> Result<bool, Error> {
        Ok(self.choice(name, &format!("\"{name}\""))?.unwrap_or(false))
    }

    /// A truth as Go reads it, whose name a refusal gives as `shown`; 0.x takes others for none.
    pub(super) fn choice(&self, name: &str, shown: &str) -> Result<Option<bool>, Error> {
        match self.text(name) {
            None => Ok(None),
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(Some(true)),
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(Some(false)),
            Some(_) if self.lenient => Ok(None),
            Some(_) => Err(Error::new(209, format!("invalid value for {shown}"), 0)),
        }
    }

    pub(super) fn number(&self, name: &str, code: u32) -> Result<Option<u64>, Error> {
        let invalid = |_| Error::new(code, format!("invalid value for \"{name}\""), 0);
        self.text(name).map(|text| unsigned(text).map_err(invalid)).transpose()
    }
}

/// A number as Go reads it, which takes no sign.
fn unsigned(text: &str) -> Result<u64, ()> {
    if text.starts_with('+') {
        return Err(());
    }
    text.parse().map_err(drop)
}

fn decoded(bytes: &[u8]) -> String {
    let spaced: Vec<u8> = bytes.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    percent_decode(&spaced).decode_utf8_lossy().into_owned()
}
