//! Rules on packages: what `cargo tree` says they reach.

use std::collections::BTreeSet;
use std::path::Path;

use super::Findings;
use super::table::{DEPENDENCIES, Dependencies};
use super::workspace::Workspace;
use crate::failure::Outcome;
use crate::run::{cargo, output};

/// Holds each package that is there against its rule.
pub(super) fn check(root: &Path, workspace: &Workspace, findings: &mut Findings) -> Outcome {
    for rule in DEPENDENCIES {
        // That the package is not there is told by the rooms.
        if !workspace.packages.contains_key(rule.package) {
            continue;
        }
        let tree = Tree::of(rule.package, root)?;
        let broken = rule.broken(&tree);
        if broken.is_empty() {
            findings.facts.push(rule.fact(tree.all.len()));
        }
        findings.violations.extend(broken);
    }
    Ok(())
}

/// The violations of one package's rule in the workspace at `root`.
pub(super) fn violations(package: &str, root: &Path) -> Outcome<Vec<String>> {
    let tree = Tree::of(package, root)?;
    let rules = DEPENDENCIES.iter().filter(|rule| rule.package == package);
    Ok(rules.flat_map(|rule| rule.broken(&tree)).collect())
}

/// What a package depends on, with all features on, without its tests.
#[derive(Debug, Default)]
struct Tree {
    direct: BTreeSet<String>,
    all: BTreeSet<String>,
}

impl Tree {
    fn of(package: &str, root: &Path) -> Outcome<Self> {
        let mut command = cargo(&["tree", "--package", package, "--all-features"]);
        command.args(["--edges", "normal,build", "--prefix", "depth", "--format", " {p}"]);
        Ok(Self::parse(&output(command.current_dir(root))?))
    }

    /// Reads lines of a depth, a name and a version: `1 bytes v1.12.2`.
    fn parse(text: &str) -> Self {
        let mut tree = Self::default();
        for line in text.lines() {
            let mut words = line.split(' ');
            let (Some(depth), Some(name)) = (words.next(), words.next()) else { continue };
            if depth == "1" {
                tree.direct.insert(name.to_owned());
            }
            if depth != "0" {
                tree.all.insert(name.to_owned());
            }
        }
        tree
    }
}

impl Dependencies {
    /// The dependencies that break the rule, a line each.
    fn broken(&self, tree: &Tree) -> Vec<String> {
        let Self { package, only, not_direct, never } = self;
        let is_in = |list: &[&str], name: &String| list.contains(&name.as_str());
        let foreign = tree.direct.iter().filter(|name| !only.is_empty() && !is_in(only, name));
        let too_close = tree.direct.iter().filter(|name| is_in(not_direct, name));
        let reached = tree.all.iter().filter(|name| is_in(never, name));
        foreign
            .map(|name| format!("{package} depends on {name}: it may on {} only", only.join(", ")))
            .chain(too_close.map(|name| format!("{package} depends on {name} directly")))
            .chain(reached.map(|name| format!("{package} reaches {name}")))
            .collect()
    }

    /// The same, as good news.
    fn fact(&self, crates: usize) -> String {
        let Self { package, only, not_direct, never } = self;
        let mut parts = Vec::new();
        if let [first, rest @ ..] = never {
            let rest: String = rest.iter().map(|name| format!(" nor {name}")).collect();
            let word = if rest.is_empty() { "does not reach" } else { "reaches neither" };
            parts.push(format!("{word} {first}{rest}"));
        }
        if !not_direct.is_empty() {
            parts.push(format!("does not itself use {}", not_direct.join(", ")));
        }
        if !only.is_empty() {
            parts.push(format!("depends on {} at most", only.join(", ")));
        }
        format!("{package} {} ({crates} crates below it)", parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Dependencies =
        Dependencies { package: "p", only: &["a", "b"], not_direct: &["b"], never: &["x", "y"] };

    #[test]
    fn each_kind_of_rule_is_held() {
        let good = Tree::parse("0 p v0.1.0 (/p)\n1 a v1.0.0\n2 z v1.0.0\n2 y2 v1.0.0 (*)\n");
        assert_eq!(RULE.broken(&good), Vec::<String>::new());
        let bad = Tree::parse("0 p v0.1.0\n1 b v1.0.0\n2 x v1.0.0\n1 z v1.0.0 (*)\n");
        assert_eq!(
            RULE.broken(&bad),
            ["p depends on z: it may on a, b only", "p depends on b directly", "p reaches x"]
        );
    }

    #[test]
    fn good_news_name_the_rule() {
        assert_eq!(
            RULE.fact(3),
            "p reaches neither x nor y; does not itself use b; depends on a, b at most \
             (3 crates below it)"
        );
    }
}
