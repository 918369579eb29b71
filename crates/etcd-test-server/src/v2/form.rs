//! Parameters, from the form in the body and from the query.

use percent_encoding::percent_decode;

use crate::store::v2::Error;

/// Parameters, the body's before the query's.
#[derive(Debug, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads both; a semicolon is refused as Go refuses it from 1.17 on.
    pub(super) fn read(body: &[u8], query: &str) -> Result<Self, Error> {
        let mut pairs = Vec::new();
        for part in body.split(|byte| *byte == b'&').chain(query.as_bytes().split(|b| *b == b'&')) {
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
        Ok(Self(pairs))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn is(&self, name: &str) -> Result<bool, Error> {
        Ok(self.choice(name)?.unwrap_or(false))
    }

    pub(super) fn choice(&self, name: &str) -> Result<Option<bool>, Error> {
        match self.text(name) {
            None | Some("") => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(invalid(209, name)),
        }
    }

    pub(super) fn number(&self, name: &str, code: u32) -> Result<Option<u64>, Error> {
        let text = self.text(name).filter(|text| !text.is_empty());
        text.map(|text| text.parse().map_err(|_| invalid(code, name))).transpose()
    }
}

fn invalid(code: u32, name: &str) -> Error {
    Error::new(code, format!("invalid value for \"{name}\""), 0)
}

fn decoded(bytes: &[u8]) -> String {
    let spaced: Vec<u8> = bytes.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    percent_decode(&spaced).decode_utf8_lossy().into_owned()
}
