//! Bytes as text.

/// Bytes as text, with those that are none as escapes.
pub(crate) fn lossless(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_shown() {
        assert_eq!(lossless("ä\n".as_bytes()), "ä\n");
        assert_eq!(lossless(b"a\xffb"), "a\\xffb");
    }
}
