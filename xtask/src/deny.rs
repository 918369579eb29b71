//! `cargo deny`, run where what it reads is not what it passed for.

use std::fs;
use std::process::Command;

use crate::beside::Lane;
use crate::failure::Outcome;
use crate::run::{cargo, output, root};

/// The cargo-deny that is built where there is none.
const VERSION: &str = "0.20.2";
/// Names what it passed for: to build it takes as long as a tenth of all the rest of `ci`.
const PASSED: &str = "deny.passed";
/// What it reads; the crates of others are what the lock file's checksums say.
const READ: [&str; 5] =
    ["Cargo.lock", "Cargo.toml", "crates/*/Cargo.toml", "deny.toml", "xtask/Cargo.toml"];

/// Runs it, unless it has passed for the same files; says so.
pub(crate) fn check(lane: &Lane) -> Outcome {
    let read = read()?;
    if fs::read_to_string(root().join(PASSED)).is_ok_and(|passed| passed == read) {
        println!("cargo deny has passed for what it reads, as {PASSED} says");
        return Ok(());
    }
    run(lane)?;
    fs::write(root().join(PASSED), read)?;
    println!("cargo deny has passed for other files than {PASSED} had: to be committed");
    Ok(())
}

/// A line for each file, with the hash of what is in it.
fn read() -> Outcome<String> {
    let git = |args: &[&str]| output(Command::new("git").args(args).current_dir(root()));
    let files = git(&[&["ls-files", "--"], READ.as_slice()].concat())?;
    let files: Vec<_> = files.lines().collect();
    let hashes = git(&[&["hash-object", "--"], files.as_slice()].concat())?;
    let lines = hashes.lines().zip(files).map(|(hash, file)| format!("{hash} {file}\n"));
    Ok(format!("cargo-deny {VERSION}\n{}", lines.collect::<String>()))
}

fn run(lane: &Lane) -> Outcome {
    let what = ["check", "bans", "licenses", "sources"];
    if output(&mut cargo(&["deny", "--version"])).is_ok() {
        return lane.run(cargo(&["deny"]).args(what));
    }
    let tools = root().join("target/tools");
    let program = tools.join("bin/cargo-deny");
    if !program.is_file() {
        let install = ["install", "cargo-deny", "--version", VERSION, "--locked", "--quiet"];
        // It runs for a second, and takes minutes to optimize.
        let install = &mut cargo(&install);
        let install = install.arg("--debug").arg("--root").arg(&tools);
        lane.run(install.env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
    }
    lane.run(Command::new(program).args(what).current_dir(root()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_reads_has_a_hash_for_each_file() {
        let read = read().unwrap();
        let lines: Vec<_> =
            read.lines().skip(1).map(|line| line.split_once(' ').unwrap()).collect();
        assert!(lines.iter().all(|(hash, _)| hash.len() >= 40), "{read}");
        let named = |name| lines.iter().any(|(_, file)| *file == name);
        for name in ["Cargo.lock", "Cargo.toml", "crates/etcd-client/Cargo.toml", "deny.toml"] {
            assert!(named(name), "{name} is not in\n{read}");
        }
    }
}
