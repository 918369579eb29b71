//! `cargo xtask apart`: checks that share no build with the tests.

use std::fs;
use std::process::Command;
use std::time::Instant;

use crate::beside::{Beside, Lane};
use crate::deny;
use crate::failure::Outcome;
use crate::run::{cargo, root, seconds};

pub(crate) const HELP: &str = "\
Usage: cargo xtask apart

Runs cargo deny where it has not passed for the same dependencies and rules, as deny.passed tells; it is built
to target/tools where it is not installed. Checks each library with each feature alone and with none, and
runs the tests of a build without TLS. All of it at the lowest priority, and built to target/apart,
so that it gets in the way of nothing.
";

/// Runs the checks.
pub(crate) fn command(mut parser: lexopt::Parser) -> Outcome {
    if let Some(arg) = parser.next()? {
        return Err(arg.unexpected().into());
    }
    start().finish()
}

/// Begins the checks, beside what else there is to do.
pub(crate) fn start() -> Beside {
    Beside::start(root().join("target/apart.log"), |lane| {
        step("cargo deny", lane, deny::check)?;
        step("each feature alone", lane, each_feature)?;
        step("without TLS", lane, without_tls)
    })
}

/// In one line, as it comes among those of others.
fn step(name: &str, lane: &Lane, check: impl FnOnce(&Lane) -> Outcome) -> Outcome {
    let started = Instant::now();
    check(lane)?;
    println!("== beside, {name}: ok, {}", seconds(started.elapsed()));
    Ok(())
}

fn cargo_apart(args: &[&str]) -> Command {
    let mut command = cargo(args);
    command.env("CARGO_TARGET_DIR", root().join("target/apart"));
    command
}

/// Checks that no feature leans on another one, and that each library stands without any.
fn each_feature(lane: &Lane) -> Outcome {
    for (package, manifest) in libraries()? {
        let check = ["check", "--quiet", "--package", &package, "--no-default-features"];
        lane.run(&cargo_apart(&check))?;
        for feature in features(&manifest) {
            lane.run(cargo_apart(&check).args(["--features", feature]))?;
        }
    }
    Ok(())
}

/// What says that endpoints of `https://` are refused is compiled into no other build.
fn without_tls(lane: &Lane) -> Outcome {
    let test = ["test", "--quiet", "--package", "etcd-transport", "--no-default-features"];
    lane.run(cargo_apart(&test).args(["--lib", "tls::"]))
}

/// The libraries that others may depend on, and their manifests.
fn libraries() -> Outcome<Vec<(String, String)>> {
    let mut libraries = Vec::new();
    for entry in fs::read_dir(root().join("crates"))? {
        let entry = entry?;
        let manifest = fs::read_to_string(entry.path().join("Cargo.toml"))?;
        if entry.path().join("src/lib.rs").is_file() && !manifest.contains("publish = false") {
            libraries.push((entry.file_name().to_string_lossy().into_owned(), manifest));
        }
    }
    libraries.sort();
    Ok(libraries)
}

/// The features that a manifest declares, without `default`.
fn features(manifest: &str) -> Vec<&str> {
    let section = manifest.lines().skip_while(|line| line.trim() != "[features]").skip(1);
    section
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| Some(line.split_once('=')?.0.trim()))
        .filter(|name| *name != "default" && !name.starts_with('#'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_read_from_the_manifest() {
        let manifest = "[package]\nname = \"x\"\n\n[features]\ndefault = []\n# a = comment\n\
                        blocking = [\"tokio/rt\"]\ntls = []\n\n[dependencies]\nbytes = \"1\"\n";
        assert_eq!(features(manifest), ["blocking", "tls"]);
        assert_eq!(features("[package]\n"), Vec::<&str>::new());
    }
}
