//! Bytes and text that a terminal can take.

use etcd_client::plain::Plain;

/// Text on one line, as [`Plain`] has it.
pub(crate) fn escape(text: &str) -> String {
    Plain(text).to_string()
}

/// The same, with line breaks and tabs left standing: for a value that is shown by itself.
pub(crate) fn escape_text(text: &str) -> String {
    let breaks = |c: char| c == '\n' || c == '\t';
    text.split_inclusive(breaks)
        .map(|piece| match piece.strip_suffix(breaks) {
            Some(line) => format!("{}{}", Plain(line), &piece[line.len()..]),
            None => escape(piece),
        })
        .collect()
}

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
    use etcd_client::plain::is_plain;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_of_a_value_stand_and_its_bytes_are_shown() {
        assert_eq!(escape_text("a\tb\n\x1b[2J\n"), "a\tb\n\\x1b[2J\n");
        assert_eq!(escape_text("a\r\n\nb"), "a\\r\n\nb");
        assert_eq!(lossless(b"a\xffb"), "a\\xffb");
    }

    proptest! {
        #[test]
        fn a_value_is_plain_but_for_its_breaks(text: String) {
            let is_safe = |c| is_plain(c) || c == '\n' || c == '\t';
            prop_assert!(escape_text(&text).chars().all(is_safe));
        }
    }
}
