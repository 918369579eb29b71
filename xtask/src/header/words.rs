//! Words of C and of Rust: names, numbers and signs, without comments and texts.

/// The words of a source, in order.
pub(super) fn words(source: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            '"' => text_length(rest),
            first if is_of_name(first) => rest.find(|c| !is_of_name(c)).unwrap_or(rest.len()),
            first => {
                if !first.is_whitespace() {
                    words.push(&rest[..first.len_utf8()]);
                }
                first.len_utf8()
            }
        };
        if is_of_name(first) {
            words.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    words
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// How long a text in quotes is.
fn text_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_texts_are_no_words() {
        let source = "int a/* b; */ = 12; // c\nf(\"d \\\" e\", *g)";
        let expected = ["int", "a", "=", "12", ";", "f", "(", ",", "*", "g", ")"];
        assert_eq!(words(source), expected);
        assert_eq!(words("/* open"), Vec::<&str>::new());
        assert_eq!(words("\"open"), Vec::<&str>::new());
    }
}
