//! `cargo xtask ci`: cheap checks first, then everything of `cargo xtask test`.

use std::fs;
use std::process::Command;
use std::time::Instant;

use crate::failure::{Failure, Outcome};
use crate::run::{cargo, output, root, run, seconds, step};
use crate::{header, layers, supply, test, tidy};

pub(crate) const HELP: &str = "\
Usage: cargo xtask ci

Runs, cheap to dear: cargo fmt, tidy, layers and that it finds what is planted, header, licences, sources
and number of the crates that we take, cargo deny (built to target/tools where it is not installed), clippy,
each library with each feature alone and with none, the documentation, and then what cargo xtask test runs.
What could not run fails here, unless it needs nothing but Go: a machine without it has no etcd that is
built from source.
";

/// The cargo-deny that is built where there is none.
const CARGO_DENY: &str = "0.20.2";

/// Runs every check; the first failure ends it.
pub(crate) fn command(mut parser: lexopt::Parser) -> Outcome {
    if let Some(arg) = parser.next()? {
        return Err(arg.unexpected().into());
    }
    let started = Instant::now();
    step("components", components)?;
    step("format", || run(&mut cargo(&["fmt", "--all", "--check"])))?;
    step("tidy", tidy::check)?;
    step("layers", layers::check_and_report)?;
    step("layers, with violations planted", layers::test_itself)?;
    step("header", header::check)?;
    step("licences, sources and the number of crates", supply::check)?;
    step("cargo deny", deny)?;
    step("clippy", || {
        let clippy = ["clippy", "--workspace", "--all-targets", "--all-features"];
        run(cargo(&clippy).args(["--", "--deny", "warnings"]))
    })?;
    step("each feature alone", each_feature)?;
    step("without TLS", || {
        let test = ["test", "--quiet", "--package", "etcd-transport", "--no-default-features"];
        run(cargo(&test).args(["--lib", "tls::"]))
    })?;
    step("documentation", || {
        let doc = ["doc", "--workspace", "--no-deps", "--all-features"];
        run(cargo(&doc).env("RUSTDOCFLAGS", "--deny warnings"))
    })?;
    println!("\nfrom here on the same as: cargo xtask test");
    let summary = test::run_all(None)?;
    println!("\nci took {}", seconds(started.elapsed()));
    match summary.not_run() {
        [] => Ok(()),
        not_run => Err(Failure::new(format!("ci has to run everything: {}", not_run.join("; ")))),
    }
}

/// A missing component has a one-line remedy, which cargo's own words do not give.
fn components() -> Outcome {
    for (tool, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        let version = output(&mut cargo(&[tool, "--version"])).map_err(|_| {
            Failure::new(format!("cargo {tool} is missing: rustup component add {component}"))
        })?;
        println!("{}", version.trim_end());
    }
    Ok(())
}

/// Checks dependencies against `deny.toml`.
fn deny() -> Outcome {
    let what = ["check", "bans", "licenses", "sources"];
    if output(&mut cargo(&["deny", "--version"])).is_ok() {
        return run(cargo(&["deny"]).args(what));
    }
    let tools = root().join("target/tools");
    let program = tools.join("bin/cargo-deny");
    if !program.is_file() {
        let install = ["install", "cargo-deny", "--version", CARGO_DENY, "--locked", "--quiet"];
        // It runs for a second, and takes minutes to optimize.
        let install = &mut cargo(&install);
        run(install.arg("--debug").arg("--root").arg(&tools).env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
    }
    run(Command::new(program).args(what).current_dir(root()))
}

/// Checks that no feature leans on another one, and that each library stands without any.
fn each_feature() -> Outcome {
    for package in libraries()? {
        let manifest = fs::read_to_string(root().join("crates").join(&package).join("Cargo.toml"))?;
        let check = ["check", "--quiet", "--package", &package, "--no-default-features"];
        run(&mut cargo(&check))?;
        for feature in features(&manifest) {
            run(cargo(&check).args(["--features", feature]))?;
        }
    }
    Ok(())
}

fn libraries() -> Outcome<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("crates"))? {
        let entry = entry?;
        if entry.path().join("src/lib.rs").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
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
