//! Which paths a source file mentions, each from the crate's root or an external crate.

use std::collections::{HashMap, HashSet};

use crate::source::{Token, tokens, without_tests};

/// A path, one segment each: `crate::v2::Get` or `tokio::spawn`.
pub(super) type Path = Vec<String>;

/// A path that a file names, in an import or in the code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mention {
    pub(super) path: Path,
    pub(super) line: usize,
}

/// What one source file says about other rooms.
#[derive(Debug, Default)]
pub(super) struct FileReading {
    pub(super) mentions: Vec<Mention>,
    /// What `pub use` gives a name of its own here: name and full path.
    pub(super) reexports: Vec<(String, Path)>,
    /// Modules declared here without `pub`.
    pub(super) private_modules: HashSet<String>,
    /// Modules declared here that only tests compile.
    pub(super) test_modules: HashSet<String>,
}

/// Reads one file; `module` is its path below the crate's root.
pub(super) fn read(source: &str, module: &[String]) -> FileReading {
    let all = tokens(source);
    let code = without_tests(&all);
    let mut reader = Reader::new(&code.tokens, module);
    reader.declarations();
    reader.imports();
    reader.paths();
    reader.reading.test_modules = code.test_modules.into_iter().map(str::to_owned).collect();
    reader.reading
}

/// A name that an import brought in, with the path behind it.
struct Import {
    name: String,
    path: Path,
    line: usize,
}

struct Reader<'a> {
    tokens: &'a [Token<'a>],
    /// For each token, the module it stands in.
    scopes: Vec<Path>,
    /// Modules declared in this file, by full path.
    children: HashSet<Path>,
    imported: HashMap<String, Path>,
    /// Tokens that belong to an import.
    in_import: Vec<bool>,
    reading: FileReading,
}

impl<'a> Reader<'a> {
    fn new(tokens: &'a [Token<'a>], module: &[String]) -> Self {
        Self {
            tokens,
            scopes: scopes(tokens, module),
            children: HashSet::new(),
            imported: HashMap::new(),
            in_import: vec![false; tokens.len()],
            reading: FileReading::default(),
        }
    }

    fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| token.text)
    }

    fn declarations(&mut self) {
        for at in 0..self.tokens.len() {
            if self.text(at) != "mod" || !self.tokens.get(at + 1).is_some_and(Token::is_name) {
                continue;
            }
            let name = self.text(at + 1).to_owned();
            if at == 0 || self.text(at - 1) != "pub" {
                self.reading.private_modules.insert(name.clone());
            }
            self.children.insert(joined(&self.scopes[at], [name]));
        }
    }

    fn imports(&mut self) {
        let mut at = 0;
        while at < self.tokens.len() {
            if self.text(at) != "use" {
                at += 1;
                continue;
            }
            let public = at > 0 && self.text(at - 1) == "pub";
            let scope = self.scopes[at].clone();
            let mut tree = Vec::new();
            let end = self.use_tree(at + 1, &[], &mut tree).min(self.tokens.len());
            self.in_import[at..end].fill(true);
            for Import { name, path, line } in tree {
                let path = self.resolve(path, &scope);
                if public {
                    self.reading.reexports.push((name.clone(), path.clone()));
                }
                self.imported.insert(name, path.clone());
                self.reading.mentions.push(Mention { path, line });
            }
            at = end;
        }
    }

    /// Reads `a::{b as c, d::*}` from `at` on, returns where it ends.
    fn use_tree(&self, mut at: usize, prefix: &[String], found: &mut Vec<Import>) -> usize {
        let (mut path, line) = (prefix.to_vec(), self.tokens.get(at).map_or(0, |token| token.line));
        loop {
            match self.text(at) {
                "::" => at += 1,
                "{" => {
                    at += 1;
                    while !matches!(self.text(at), "}" | "") {
                        at = self.use_tree(at, &path, found);
                        at += usize::from(self.text(at) == ",");
                    }
                    return at + 1;
                }
                "*" => {
                    found.push(Import { name: "*".to_owned(), path, line });
                    return at + 1;
                }
                "as" => {
                    let name = self.text(at + 1).to_owned();
                    found.push(Import { name, path, line });
                    return at + 2;
                }
                // `{self}` after a path is the path itself.
                "self" if !path.is_empty() => at += 1,
                name if self.tokens.get(at).is_some_and(Token::is_name) => {
                    path.push(name.to_owned());
                    at += 1;
                }
                _ => {
                    let name = path.last().cloned().unwrap_or_default();
                    found.push(Import { name, path, line });
                    // Anything but the end of this tree is not Rust: step over it.
                    let ends = matches!(self.text(at), ";" | "," | "}" | "");
                    return at + usize::from(!ends);
                }
            }
        }
    }

    /// Paths of two segments and more in the code; a lone name says nothing new.
    fn paths(&mut self) {
        let mut at = 0;
        while at < self.tokens.len() {
            let continues = at > 0 && self.text(at - 1) == "." || self.follows_path(at);
            if self.in_import[at] || continues || !self.tokens[at].is_name() {
                at += 1;
                continue;
            }
            let (start, mut path) = (at, vec![self.text(at).to_owned()]);
            while self.text(at + 1) == "::" && self.tokens.get(at + 2).is_some_and(Token::is_name) {
                path.push(self.text(at + 2).to_owned());
                at += 2;
            }
            if path.len() > 1 {
                let path = self.resolve(path, &self.scopes[start]);
                self.reading.mentions.push(Mention { path, line: self.tokens[start].line });
            }
            at += 1;
        }
    }

    /// Whether the name at `at` goes on a path, as in `Vec::<T>::new`; `::tokio` starts one.
    fn follows_path(&self, at: usize) -> bool {
        at > 1 && self.text(at - 1) == "::" && {
            let before = self.tokens[at - 2];
            before.is_name() || matches!(before.text, ">" | ")" | "]")
        }
    }

    /// Makes a path start at `crate` or at an external crate.
    fn resolve(&self, path: Path, scope: &[String]) -> Path {
        let mut base = joined(&["crate".to_owned()], scope.iter().cloned());
        let mut rest = path.as_slice();
        match rest.first().map(String::as_str) {
            Some("self") => rest = &rest[1..],
            Some("super") => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    // Never above the root, whatever the file says.
                    base.truncate((base.len() - 1).max(1));
                    rest = &rest[1..];
                }
            }
            Some(first) if first != "crate" => {
                let child = joined(scope, [first.to_owned()]);
                if let Some(imported) = self.imported.get(first) {
                    return joined(imported, rest[1..].iter().cloned());
                }
                if !self.children.contains(&child) {
                    return path;
                }
            }
            _ => return path,
        }
        joined(&base, rest.iter().cloned())
    }
}

/// The module of each token: the file's own, deeper inside of `mod name {…}`.
fn scopes(tokens: &[Token<'_>], module: &[String]) -> Vec<Path> {
    let mut current = module.to_vec();
    let mut opened_at = Vec::new();
    let mut depth = 0;
    let mut scopes = Vec::with_capacity(tokens.len());
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "{" => {
                depth += 1;
                if at >= 2 && tokens[at - 2].text == "mod" {
                    current.push(tokens[at - 1].text.to_owned());
                    opened_at.push(depth);
                }
            }
            "}" => {
                if opened_at.last() == Some(&depth) {
                    opened_at.pop();
                    current.pop();
                }
                depth -= 1;
            }
            _ => {}
        }
        scopes.push(current.clone());
    }
    scopes
}

fn joined(base: &[String], more: impl IntoIterator<Item = String>) -> Path {
    base.iter().cloned().chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_in(module: &str, source: &str) -> FileReading {
        let module: Vec<_> = module.split("::").filter(|s| !s.is_empty()).collect();
        read(source, &module.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>())
    }

    fn paths(module: &str, source: &str) -> Vec<String> {
        read_in(module, source).mentions.iter().map(|m| m.path.join("::")).collect()
    }

    #[test]
    fn imports_are_taken_apart() {
        let cases = [
            ("use tokio::time;", &["tokio::time"][..]),
            ("use tokio;", &["tokio"]),
            ("use ::tokio::time;", &["tokio::time"]),
            ("use a::{b, c::{self, d}, e::*};", &["a::b", "a::c", "a::c::d", "a::e"]),
            ("use a::b as c;", &["a::b"]),
            ("use crate::v2;", &["crate::v2"]),
            ("use self::x::Y;", &["crate::tree::walk::x::Y"]),
            ("use super::node::Node;", &["crate::tree::node::Node"]),
            ("use super::super::v2::Get;", &["crate::v2::Get"]),
            ("use super::{path, super::v2};", &["crate::tree::path", "crate::v2"]),
        ];
        for (source, expected) in cases {
            assert_eq!(paths("tree::walk", source), expected, "{source}");
        }
    }

    #[test]
    fn paths_in_code_are_mentions() {
        let cases = [
            ("fn f() { tokio::spawn(x) }", &["tokio::spawn"][..]),
            ("fn f() -> ::tokio::Y {}", &["tokio::Y"]),
            ("#[tokio::main] fn f() {}", &["tokio::main"]),
            ("fn f() { Vec::<u8>::new() }", &[]),
            ("fn f(channel: u8) { channel.send() }", &[]),
            ("fn f() { super::v2::get() }", &["crate::v2::get"]),
            ("mod a { fn f() { super::super::v2::get() } }", &["crate::v2::get"]),
            ("mod a; fn f() { a::g() }", &["crate::tree::a::g"]),
        ];
        for (source, expected) in cases {
            assert_eq!(paths("tree", source), expected, "{source}");
        }
    }

    #[test]
    fn aliases_lead_to_what_they_stand_for() {
        let source = "use std::time::Instant; fn f() { Instant::now() }";
        assert_eq!(paths("", source), ["std::time::Instant", "std::time::Instant::now"]);
        let source = "use crate as root; fn f() { root::v2::get() }";
        assert_eq!(paths("tree", source), ["crate", "crate::v2::get"]);
    }

    #[test]
    fn comments_strings_and_tests_mention_nothing() {
        let source = "//! tokio::spawn\n/// [`tokio::time`]\nfn f() { \"tokio::x\"; }\n\
                      #[cfg(test)]\nmod tests { use tokio::test; }";
        assert_eq!(paths("", source), Vec::<String>::new());
    }

    #[test]
    fn lines_are_those_of_the_name() {
        let reading = read_in("", "\nuse a::{\n    b,\n    c,\n};\n\nfn f() { d::e() }");
        let lines: Vec<_> = reading.mentions.iter().map(|m| m.line).collect();
        assert_eq!(lines, [3, 4, 7]);
    }

    #[test]
    fn what_a_root_declares_and_reexports_is_known() {
        let reading = read_in("", "pub mod a;\nmod b;\npub use b::{C, d as E};\nuse b::F;");
        let reexports: Vec<_> =
            reading.reexports.iter().map(|(n, p)| (n.as_str(), p.join("::"))).collect();
        assert_eq!(reexports, [("C", "crate::b::C".to_owned()), ("E", "crate::b::d".to_owned())]);
        assert!(reading.private_modules.contains("b") && !reading.private_modules.contains("a"));
    }

    #[test]
    fn broken_source_ends() {
        for source in ["use", "use a::{", "use a::{b", "use {,", "use a as", "use ;", "mod", "}"] {
            read_in("", source);
        }
    }
}
