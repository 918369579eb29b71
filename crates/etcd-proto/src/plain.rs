//! Text that came from elsewhere, fit for a terminal and a line.

use std::fmt::{self, Write as _};

/// Shows text on one line, with escapes for what would do something instead of being read.
///
/// No key, value or message can move a cursor, set a title, forge a line or turn the direction of
/// writing so. Text that is plain already is shown as it is: a backslash stays one.
///
/// ```
/// use etcd_proto::plain::Plain;
///
/// assert_eq!(Plain("a\x1b[2J\n").to_string(), r"a\x1b[2J\n");
/// assert_eq!(Plain("ä 🦀").to_string(), "ä 🦀");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plain<'a>(pub &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            _ if is_plain(c) => f.write_char(c),
            '\n' | '\r' | '\t' => write!(f, "{}", c.escape_default()),
            c if c.is_control() => write!(f, "\\x{:02x}", u32::from(c)),
            c => write!(f, "{}", c.escape_unicode()),
        })
    }
}

/// Shows text with its line breaks and tabs, and all else as [`Plain`] does.
///
/// ```
/// use etcd_proto::plain::PlainText;
///
/// assert_eq!(PlainText("a\tb\r\n\x1b[2J\n").to_string(), "a\tb\\r\n\\x1b[2J\n");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlainText<'a>(pub &'a str);

impl fmt::Display for PlainText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let breaks = ['\n', '\t'];
        self.0.split_inclusive(breaks).try_for_each(|piece| {
            let line = piece.trim_end_matches(breaks);
            write!(f, "{}{}", Plain(line), &piece[line.len()..])
        })
    }
}

/// Shows bytes as the text that they are, and as `\xNN` where they are none.
///
/// What it shows may still do something to a terminal: [`Plain`] is for that.
///
/// ```
/// use etcd_proto::plain::Lossless;
///
/// assert_eq!(Lossless(b"\xc3\xa4\xffb").to_string(), r"ä\xffb");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lossless<'a>(pub &'a [u8]);

impl fmt::Display for Lossless<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.utf8_chunks().try_for_each(|chunk| {
            f.write_str(chunk.valid())?;
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))
        })
    }
}

/// Tells whether a character is only read: no control, and nothing that breaks lines or changes
/// the direction of writing.
pub fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{2028}' | '\u{2029}' // separate lines and paragraphs
            | '\u{200e}' | '\u{200f}' | '\u{61c}' // mark a direction
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // change it
            | '\u{feff}') // has no width
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        for (text, shown) in [
            ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
            ("\x1b]0;title\x1b\\\x1b[6n", "\\x1b]0;title\\x1b\\\\x1b[6n"),
            ("a\u{9b}2J\0\x7f", "a\\x9b2J\\x00\\x7f"),
            ("safe\u{202e}txt.exe", "safe\\u{202e}txt.exe"),
            ("\u{200e}\u{200f}\u{61c}\u{feff}", "\\u{200e}\\u{200f}\\u{61c}\\u{feff}"),
            ("\u{2066}a\u{2069}\u{2028}b", "\\u{2066}a\\u{2069}\\u{2028}b"),
            ("two\nlines\r\t", "two\\nlines\\r\\t"),
            ("ä 🦀 \\n \"x\" '", "ä 🦀 \\n \"x\" '"),
        ] {
            assert_eq!(Plain(text).to_string(), shown);
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_plain_and_stays_so(text: String) {
            let shown = Plain(&text).to_string();
            prop_assert!(shown.chars().all(is_plain));
            prop_assert_eq!(Plain(&shown).to_string(), shown);
        }

        #[test]
        fn text_is_plain_but_for_its_breaks(text in "(\\PC|\\n|\\t|.){0,20}") {
            let shown = PlainText(&text).to_string();
            prop_assert!(shown.chars().all(|c| is_plain(c) || c == '\n' || c == '\t'));
            prop_assert_eq!(shown.matches(['\n', '\t']).count(), text.matches(['\n', '\t']).count());
        }
    }
}
