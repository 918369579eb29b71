//! `cargo xtask tidy`: small habits that no other tool holds us to.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, Outcome};
use crate::run::root;
use crate::source::{Token, rust_files, tokens, without_tests};

pub(crate) const HELP: &str = "\
Usage: cargo xtask tidy

Fails on #[ignore], todo! and dbg! anywhere, and on a crate that README.md and ARCHITECTURE.md do
not name. Lists files with more than 500 lines outside of tests; that is no failure.
";

const LONG: usize = 500;

/// Checks the repository.
pub(crate) fn command(mut parser: lexopt::Parser) -> Outcome {
    if let Some(arg) = parser.next()? {
        return Err(arg.unexpected().into());
    }
    check()
}

/// Checks the repository and prints what could be better.
pub(crate) fn check() -> Outcome {
    let mut faults = unnamed_crates(root())?;
    let mut files = rust_files(&root().join("crates"))?;
    files.append(&mut rust_files(&root().join("xtask"))?);
    for path in &files {
        let text = fs::read_to_string(path)?;
        let name = path.strip_prefix(root()).unwrap_or(path).display();
        let tokens = tokens(&text);
        faults.extend(leftovers(&tokens).iter().map(|(l, what)| format!("{name}:{l}: {what}")));
        let lines = text.lines().count() - without_tests(&tokens).test_lines;
        if lines > LONG {
            println!("warning: {name} has {lines} lines outside of tests");
        }
    }
    if faults.is_empty() {
        println!("{} files are tidy", files.len());
        return Ok(());
    }
    Err(Failure::new(format!("not tidy:\n  {}", faults.join("\n  "))))
}

/// What should not stay in a source, with its line.
fn leftovers(tokens: &[Token<'_>]) -> Vec<(usize, &'static str)> {
    let texts = |at: usize| tokens[at..].iter().take(3).map(|token| token.text);
    let what = |at: usize| match texts(at).collect::<Vec<_>>().as_slice() {
        ["#", "[", "ignore"] => Some("an ignored test"),
        ["todo", "!", _] => Some("todo!"),
        ["dbg", "!", _] => Some("dbg!"),
        _ => None,
    };
    (0..tokens.len()).filter_map(|at| Some((tokens[at].line, what(at)?))).collect()
}

/// Crates that the reader of our front pages would not hear of.
fn unnamed_crates(root: &Path) -> Outcome<Vec<String>> {
    let pages = ["README.md", "ARCHITECTURE.md"].map(|page| fs::read_to_string(root.join(page)));
    let pages: Vec<_> = pages.into_iter().flatten().collect();
    let mut unnamed = Vec::new();
    for entry in fs::read_dir(root.join("crates"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !pages.iter().any(|page| page.contains(&name)) {
            unnamed.push(format!("neither README.md nor ARCHITECTURE.md names {name}"));
        }
    }
    unnamed.sort();
    Ok(unnamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_found_in_code_only() {
        let source =
            "// todo!()\nfn f() { \"dbg!\"; dbg!(1);\ntodo!() }\n#[ignore = \"x\"]\nfn g() {}";
        let found = leftovers(&tokens(source));
        assert_eq!(found, [(2, "dbg!"), (3, "todo!"), (4, "an ignored test")]);
    }
}
