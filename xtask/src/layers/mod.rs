//! `cargo xtask layers`: no room knows what it may not.

mod dependencies;
mod mentions;
mod rooms;
mod self_test;
mod table;
mod workspace;

use std::path::Path;

use lexopt::prelude::*;

use crate::failure::{Failure, Outcome};
use crate::run::root;
use workspace::Workspace;

pub(crate) const HELP: &str = "\
Usage: cargo xtask layers [--self-test]

Checks who knows whom: the dependencies of each package by cargo tree, the imports and paths of
each module by reading its source. Comments, literals and test code do not count.

  --self-test   plant a violation of each rule in a copy, and check that each is found
";

/// What a check found.
#[derive(Debug, Default)]
struct Findings {
    /// What breaks a rule.
    violations: Vec<String>,
    /// What is said when nothing is broken.
    facts: Vec<String>,
    /// Names in rules with nothing behind them.
    missing: Vec<String>,
}

/// Checks the repository, or the check itself.
pub(crate) fn command(mut parser: lexopt::Parser) -> Outcome {
    let mut self_test = false;
    while let Some(arg) = parser.next()? {
        match arg {
            Long("self-test") => self_test = true,
            other => return Err(other.unexpected().into()),
        }
    }
    if self_test { test_itself() } else { check_and_report() }
}

/// Checks that the check finds what it is there to find.
pub(crate) fn test_itself() -> Outcome {
    self_test::run(root())
}

/// Checks the repository and prints what was found.
pub(crate) fn check_and_report() -> Outcome {
    let findings = check(root())?;
    for fact in &findings.facts {
        println!("{fact}");
    }
    for missing in &findings.missing {
        println!("not there yet: {missing}");
    }
    if findings.violations.is_empty() {
        return Ok(());
    }
    let count = findings.violations.len();
    let list = findings.violations.join("\n  ");
    Err(Failure::new(format!("{count} against \"who may know whom\":\n  {list}")))
}

fn check(root: &Path) -> Outcome<Findings> {
    let workspace = Workspace::read(root)?;
    let mut findings = Findings::default();
    dependencies::check(root, &workspace, &mut findings)?;
    rooms::check(&workspace, &mut findings);
    // While packages are being built, rules may be ahead of the files; later on, never.
    if rooms::all_built(&workspace) {
        findings.violations.append(&mut findings.missing);
    }
    Ok(findings)
}
