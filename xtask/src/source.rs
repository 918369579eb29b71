//! Reading Rust source as tokens: no comment, no literal and no test code counts as a mention.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// An identifier, `::`, an arrow or one character of punctuation, and the line it stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

impl Token<'_> {
    /// Whether this is a name or a keyword.
    pub(crate) fn is_name(&self) -> bool {
        self.text.starts_with(is_name_start)
    }
}

/// The tokens of a file that are compiled outside of tests.
#[derive(Debug, Default)]
pub(crate) struct Code<'a> {
    pub(crate) tokens: Vec<Token<'a>>,
    /// Names of `#[cfg(test)] mod NAME;`: their files are test code.
    pub(crate) test_modules: Vec<&'a str>,
    /// How many lines the test items take.
    pub(crate) test_lines: usize,
}

/// Splits source text into tokens, and drops comments and literals.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while !rest.is_empty() {
        let (length, is_token) = next_piece(rest);
        let (piece, after) = rest.split_at(length);
        if is_token {
            found.push(Token { text: piece, line });
        }
        line += piece.matches('\n').count();
        rest = after;
    }
    found
}

/// Drops the items that only tests compile.
pub(crate) fn without_tests<'a>(tokens: &[Token<'a>]) -> Code<'a> {
    let mut code = Code::default();
    let mut at = 0;
    while at < tokens.len() {
        let attribute = attribute_length(&tokens[at..]);
        if attribute == 0 || !is_test_attribute(&tokens[at..at + attribute]) {
            let kept = attribute.max(1);
            code.tokens.extend_from_slice(&tokens[at..at + kept]);
            at += kept;
            continue;
        }
        let item = item_length(&tokens[at..]);
        let (first, last) = (tokens[at].line, tokens[at + item - 1].line);
        code.test_lines += last - first + 1;
        code.test_modules.extend(outer_module(&tokens[at..at + item]));
        at += item;
    }
    code
}

/// All `.rs` files below a folder, sorted; none where there is no such folder.
pub(crate) fn rust_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if !dir.is_dir() {
        return Ok(files);
    }
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            files.append(&mut rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The length of what the text starts with, and whether that is a token.
fn next_piece(text: &str) -> (usize, bool) {
    let Some(first) = text.chars().next() else { return (0, false) };
    match first {
        '/' if text.starts_with("//") => (text.find('\n').unwrap_or(text.len()), false),
        '/' if text.starts_with("/*") => (block_comment(text), false),
        '"' => (quoted(text, '"'), false),
        '\'' => (char_or_lifetime(text), false),
        _ if first.is_whitespace() => (first.len_utf8(), false),
        _ if first.is_ascii_digit() => (name_length(text), false),
        _ if is_name_start(first) => name_or_literal(text),
        // An arrow is not the end of a generic argument.
        _ if ["::", "->", "=>"].iter().any(|pair| text.starts_with(pair)) => (2, true),
        _ => (first.len_utf8(), true),
    }
}

/// A name, or a literal with a prefix: `r"…"`, `br#"…"#`, `b'x'`, `c"…"`.
fn name_or_literal(text: &str) -> (usize, bool) {
    let length = name_length(text);
    let (name, rest) = text.split_at(length);
    match (name, rest.chars().next()) {
        ("b" | "c", Some('"')) => (length + quoted(rest, '"'), false),
        ("b", Some('\'')) => (length + quoted(rest, '\''), false),
        ("r" | "br" | "cr", Some('"' | '#')) => match raw_string(rest) {
            Some(raw) => (length + raw, false),
            // `r#name`: the name follows as a token of its own.
            None => (length + 1, false),
        },
        _ => (length, true),
    }
}

fn raw_string(text: &str) -> Option<usize> {
    let hashes = text.len() - text.trim_start_matches('#').len();
    let body = text[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let inside = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some(hashes + 1 + inside)
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn char_or_lifetime(text: &str) -> usize {
    let mut next = text.chars().skip(1);
    match (next.next(), next.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => quoted(text, '\''),
        _ => 1 + name_length(&text[1..]),
    }
}

fn block_comment(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        at += match rest {
            _ if rest.starts_with("/*") => {
                depth += 1;
                2
            }
            _ if rest.starts_with("*/") => {
                depth -= 1;
                2
            }
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
        if depth == 0 {
            break;
        }
    }
    at
}

fn name_length(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// The length of `#[…]` at the start, 0 where there is none.
fn attribute_length(tokens: &[Token<'_>]) -> usize {
    match tokens {
        [hash, open, ..] if hash.text == "#" && open.text == "[" => 1 + group_length(&tokens[1..]),
        _ => 0,
    }
}

/// `#[test]`, `#[cfg(test)]`, `#[tokio::test]`; not `#[cfg(not(test))]`, not `#[cfg_attr(test, …)]`.
fn is_test_attribute(attribute: &[Token<'_>]) -> bool {
    let names: Vec<_> = attribute.iter().filter(|t| t.is_name()).map(|t| t.text).collect();
    match names.as_slice() {
        ["cfg", rest @ ..] => rest.contains(&"test") && !rest.contains(&"not"),
        ["test"] | [_, "test", ..] => names[0] != "cfg_attr",
        _ => false,
    }
}

/// The length of an item with its attributes: up to its `;`, or its braces.
fn item_length(tokens: &[Token<'_>]) -> usize {
    let mut at = 0;
    while at < tokens.len() {
        at += match tokens[at].text {
            ";" => return at + 1,
            "{" => {
                let end = at + group_length(&tokens[at..]);
                // `use a::{b};` and `static X: T = T {…};` go on to the semicolon.
                let semicolon = tokens.get(end).is_some_and(|token| token.text == ";");
                return end + usize::from(semicolon);
            }
            "(" | "[" => group_length(&tokens[at..]),
            _ => 1,
        };
    }
    at
}

/// The length of the bracketed group at the start.
fn group_length(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// NAME, when the item is `mod NAME;`.
fn outer_module<'a>(item: &[Token<'a>]) -> Option<&'a str> {
    match item {
        [.., word, name, end] if word.text == "mod" && end.text == ";" => Some(name.text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        tokens(source).into_iter().map(|token| token.text).collect()
    }

    fn kept(source: &str) -> String {
        let all = tokens(source);
        let kept = without_tests(&all).tokens;
        kept.iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_are_no_tokens() {
        for source in [
            "a // tokio::spawn\nb",
            "a /* tokio /* nested */ :: */ b",
            "/// tokio::spawn\na b",
            "//! tokio\na b",
            r#"a "tokio \" ::" b"#,
            r###"a r#"tokio " ::"# b"###,
            r##"a br"tokio" c"tokio" b"##,
            r"a 'x' '\'' b'\\' b",
            "a 12_000usize b",
            "a 'lifetime b",
        ] {
            assert_eq!(texts(source), ["a", "b"], "{source}");
        }
    }

    #[test]
    fn names_paths_and_lines_are_kept() {
        let found = tokens("use a::r#type;\n\n&'a b\n/*\n*/ c");
        let found: Vec<_> = found.iter().map(|token| (token.text, token.line)).collect();
        let expected =
            [("use", 1), ("a", 1), ("::", 1), ("type", 1), (";", 1), ("&", 3), ("b", 3), ("c", 5)];
        assert_eq!(found, expected);
    }

    #[test]
    fn unended_literals_end_with_the_file() {
        for source in ["\"a", "r#\"a", "r#\"", "'", "/* a", "b'", "é'"] {
            assert!(tokens(source).len() <= 1, "{source}");
        }
    }

    #[test]
    fn test_items_are_dropped() {
        for source in [
            "a #[cfg(test)] mod tests { x { y } } b",
            "a #[cfg(test)] #[allow(z)] use x::{y}; b",
            "a #[cfg(all(test, unix))] fn f(x: [u8; 2]) { y } b",
            "a #[tokio::test(flavor)] async fn f() {} b",
            "a #[test] fn f() {} b",
            "a #[cfg(test)] mod tests; b",
        ] {
            assert_eq!(kept(source), "a b", "{source}");
        }
    }

    #[test]
    fn other_attributes_keep_their_item() {
        for source in ["# [ cfg ( not ( test ) ) ] a", "# [ cfg_attr ( test , x ) ] a"] {
            assert_eq!(kept(source), source);
        }
    }

    #[test]
    fn test_modules_in_their_own_file_are_named_and_lines_counted() {
        let all = tokens("#[cfg(test)]\nmod tests;\n#[cfg(test)]\nmod more {\n}\nfn f() {}");
        let code = without_tests(&all);
        assert_eq!(code.test_modules, ["tests"]);
        assert_eq!(code.test_lines, 5);
    }
}
