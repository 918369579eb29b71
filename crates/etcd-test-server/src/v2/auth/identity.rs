//! Who makes a request, by its `Authorization`.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::store::v2::Identity;

const SCHEME: &str = "Basic ";

/// Go's, which minds the padding but not the bits that are left over.
const GO: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Reads it as Go does.
pub(crate) fn identity(headers: &HeaderMap) -> Identity {
    let Some(value) = headers.get(AUTHORIZATION) else { return Identity::Nobody };
    if value.is_empty() {
        return Identity::Nobody;
    }
    basic(value.as_bytes()).unwrap_or(Identity::Unreadable)
}

fn basic(value: &[u8]) -> Option<Identity> {
    let (scheme, encoded) = value.split_at_checked(SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) {
        return None;
    }
    let decoded = GO.decode(encoded).ok()?;
    let decoded = String::from_utf8_lossy(&decoded);
    let (name, password) = decoded.split_once(':')?;
    Some(Identity::Named(name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_go_reads_is_read() {
        let named =
            |name: &str, password: &str| Identity::Named(name.to_owned(), password.to_owned());
        for (value, read) in [
            ("", Identity::Nobody),
            ("Basic YW5uOmE=", named("ann", "a")),
            ("basic YW5uOmI6Yw==", named("ann", "b:c")),
            ("BASIC Og==", named("", "")),
            ("Basic", Identity::Unreadable),
            ("Basic ", Identity::Unreadable),
            ("Basic YW5u", Identity::Unreadable),
            ("Basic YW5uOmE", Identity::Unreadable),
            ("Basic  YW5uOmE=", Identity::Unreadable),
            ("Bearer YW5uOmE=", Identity::Unreadable),
        ] {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))]);
            assert_eq!(identity(&headers), read, "{value}");
        }
        assert_eq!(identity(&HeaderMap::new()), Identity::Nobody);
    }
}
