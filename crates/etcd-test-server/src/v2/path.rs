//! Paths that etcd does not answer: it names the one to ask instead.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// What Go leaves as it is in a path.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b',')
    .remove(b'/')
    .remove(b':')
    .remove(b';')
    .remove(b'=')
    .remove(b'@');

/// The path to ask instead, where this one has names that are empty or dots.
pub(crate) fn elsewhere(path: &str) -> Option<String> {
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    let mut names: Vec<&[u8]> = Vec::new();
    for name in decoded.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    let mut clean: Vec<u8> = Vec::new();
    for name in &names {
        clean.push(b'/');
        clean.extend_from_slice(name);
    }
    if decoded.ends_with(b"/") || names.is_empty() {
        clean.push(b'/');
    }
    (clean != decoded).then(|| percent_encode(&clean, KEPT).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_that_is_not_clean_is_asked_elsewhere() {
        for (path, to) in [
            ("/v2/keys/a", None),
            ("/v2/keys/a/", None),
            ("/v2/keys/%6c%20m", None),
            ("/v2//keys/a", Some("/v2/keys/a")),
            ("/v2/keys/a/..", Some("/v2/keys")),
            ("/v2/keys/%2e/a%20%25//", Some("/v2/keys/a%20%25/")),
            ("/..", Some("/")),
            ("/", None),
        ] {
            assert_eq!(elsewhere(path).as_deref(), to, "{path}");
        }
    }
}
