//! What we take from others: from where, under which licences, and how much of it.
//!
//! `cargo deny` checks the same and more, and takes minutes to build; this says within a second what a
//! change of dependencies breaks.

mod licence;

use std::collections::BTreeSet;
use std::fs;

use crate::failure::{Failure, Outcome};
use crate::run::{cargo, output, root};
use licence::is_allowed;

/// How many crates a user of etcd-client gets, with its default features.
const MOST_CRATES: usize = 70;

/// Checks sources and wildcards, licences, and the size of the tree.
pub(crate) fn check() -> Outcome {
    let mut faults = sources(&fs::read_to_string(root().join("Cargo.lock"))?);
    faults.extend(wildcards(&fs::read_to_string(root().join("Cargo.toml"))?));
    let allowed = allowed(&fs::read_to_string(root().join("deny.toml"))?)?;
    let used =
        output(cargo(&["tree", "--workspace", "--all-features", "--target", "all"]).args([
            "--edges",
            "normal,build,dev",
            "--prefix",
            "none",
            "--format",
            "{p}|{l}",
        ]))?;
    let (crates, refused) = licences(&used, &allowed);
    faults.extend(refused);
    let tree = output(&mut cargo(&[
        "tree",
        "--package",
        "etcd-client",
        "--edges",
        "normal",
        "--prefix",
        "none",
    ]))?;
    let below = names(&tree).len().saturating_sub(1);
    if below > MOST_CRATES {
        faults.push(format!(
            "etcd-client has {below} crates below it, and {MOST_CRATES} are the most"
        ));
    }
    if faults.is_empty() {
        println!("{crates} crates of one registry, under {}", allowed.join(", "));
        println!("etcd-client has {below} crates below it; {MOST_CRATES} are the most");
        return Ok(());
    }
    Err(Failure::new(format!("what we take from others:\n  {}", faults.join("\n  "))))
}

/// The packages of a lock file that are not from one registry, or without a checksum.
fn sources(lock: &str) -> Vec<String> {
    let packages = lock.split("[[package]]").skip(1);
    let field = |package: &str, name: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")));
        line.map(|value| value.trim_matches('"').to_owned())
    };
    let mut registries = BTreeSet::new();
    let mut faults = Vec::new();
    for package in packages {
        // What has no source is ours.
        let Some(source) = field(package, "source") else { continue };
        let name = field(package, "name").unwrap_or_default();
        if !source.starts_with("registry+") {
            faults.push(format!("{name} comes from {source}, which is no registry"));
        } else if field(package, "checksum").is_none() {
            faults.push(format!("{name} has no checksum"));
        } else {
            registries.insert(source);
        }
    }
    if registries.len() > 1 {
        let all: Vec<_> = registries.into_iter().collect();
        faults.push(format!("crates come from several registries: {}", all.join(", ")));
    }
    faults
}

/// The dependencies of a manifest of which any version will do.
fn wildcards(manifest: &str) -> Vec<String> {
    // A line that is a section's head names what a profile applies to, and no version.
    let is_wildcard = |line: &&str| line.contains("\"*\"") && !line.starts_with('[');
    let lines = manifest.lines().filter(is_wildcard);
    lines.map(|line| format!("any version will do: {line}")).collect()
}

/// The licences that `deny.toml` allows.
fn allowed(deny: &str) -> Outcome<Vec<String>> {
    let line = deny.lines().find_map(|line| line.strip_prefix("allow = ["));
    let list =
        line.ok_or_else(|| Failure::new("deny.toml allows no licence: allow = [\"MIT\"]"))?;
    let names = list.trim_end_matches(']').split(',').map(|name| name.trim().trim_matches('"'));
    Ok(names.map(str::to_owned).collect())
}

/// How many crates there are, and those whose licence is not allowed.
fn licences(used: &str, allowed: &[String]) -> (usize, Vec<String>) {
    let lines: BTreeSet<_> = used.lines().filter_map(|line| line.split_once('|')).collect();
    let licence = |text: &str| text.trim_end_matches(" (*)").to_owned();
    let crates: BTreeSet<_> = lines.iter().map(|(name, text)| (*name, licence(text))).collect();
    let refused = crates.iter().filter(|(_, text)| !is_allowed(text, allowed));
    let said =
        refused.map(|(name, text)| format!("{name} is under {text:?}, which is not allowed"));
    (crates.len(), said.collect())
}

fn names(tree: &str) -> BTreeSet<&str> {
    let names = tree.lines().filter(|line| !line.is_empty());
    names.map(|line| line.trim_end_matches(" (*)")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_takes_what_it_may() {
        check().unwrap();
    }

    #[test]
    fn what_is_from_elsewhere_is_found() {
        let package = |name: &str, rest: &str| format!("[[package]]\nname = \"{name}\"\n{rest}\n");
        let lock = [
            package("ours", ""),
            package("good", "source = \"registry+a\"\nchecksum = \"00\""),
            package("git", "source = \"git+a\""),
            package("bare", "source = \"registry+a\""),
            package("other", "source = \"registry+b\"\nchecksum = \"00\""),
        ];
        assert_eq!(
            sources(&lock.concat()),
            [
                "git comes from git+a, which is no registry",
                "bare has no checksum",
                "crates come from several registries: registry+a, registry+b"
            ]
        );
        assert_eq!(wildcards("[profile.dev.package.\"*\"]\na = \"1\"\nb = \"*\"\n").len(), 1);
    }

    #[test]
    fn licences_that_are_not_allowed_are_found() {
        let allowed = allowed("[licenses]\nallow = [\"MIT\", \"ISC\"]\n").unwrap();
        let used = "a v1|MIT OR GPL-3.0\nb v1|GPL-3.0\nb v1|GPL-3.0 (*)\nc v2|\n";
        let (crates, refused) = licences(used, &allowed);
        assert_eq!((crates, refused.len()), (3, 2), "{refused:?}");
        assert!(refused[0].contains("b v1") && refused[1].contains("c v2"));
    }

    #[test]
    fn a_crate_counts_once() {
        assert_eq!(names("p v1\na v1\n\na v1 (*)\nb v2\n").len(), 3);
    }
}
