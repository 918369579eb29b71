//! What must not reach a terminal as it is.

/// Writes control characters, and characters that change the direction or the breaks of lines, as
/// escapes: none of them can move a cursor, set a title or forge a line.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if (c as u32) < 0x100 && c.is_control() => {
                safe.push_str(&format!("\\x{:02x}", c as u32))
            }
            c if is_treacherous(c) => safe.push_str(&format!("\\u{{{:x}}}", c as u32)),
            c => safe.push(c),
        }
    }
    safe
}

/// The same, with line breaks and tabs left standing: for a value that is shown by itself.
pub(crate) fn escape_text(text: &str) -> String {
    let breaks = |c: char| c == '\n' || c == '\t';
    text.split_inclusive(breaks)
        .map(|piece| match piece.strip_suffix(breaks) {
            Some(line) => format!("{}{}", escape(line), &piece[line.len()..]),
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

fn is_treacherous(c: char) -> bool {
    matches!(c,
        '\u{2028}' | '\u{2029}'              // breaks of lines and paragraphs
        | '\u{200e}' | '\u{200f}' | '\u{61c}' // marks of direction
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // changes of direction
        | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        for (text, shown) in [
            ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
            ("a\u{9b}2J", "a\\x9b2J"),
            ("safe\u{202e}txt.exe", "safe\\u{202e}txt.exe"),
            ("two\nlines\r", "two\\nlines\\r"),
            ("ä 🦀 \\n", "ä 🦀 \\n"),
        ] {
            assert_eq!(escape(text), shown);
        }
        assert_eq!(escape_text("a\tb\n\x1b[2J\n"), "a\tb\n\\x1b[2J\n");
        assert_eq!(lossless(b"a\xffb"), "a\\xffb");
    }

    proptest! {
        #[test]
        fn no_control_character_is_left(text: String) {
            prop_assert!(!escape(&text).chars().any(|c| c.is_control() || is_treacherous(c)));
            prop_assert!(!escape_text(&text).chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
        }

        #[test]
        fn escaping_twice_is_escaping_once(text: String) {
            prop_assert_eq!(escape(&escape(&text)), escape(&text));
        }
    }
}
