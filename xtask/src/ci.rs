//! `cargo xtask ci`: cheap checks first, then everything of `cargo xtask test`.

use std::time::Instant;

use crate::failure::{Failure, Outcome};
use crate::run::{cargo, output, run, seconds, step};
use crate::{apart, header, layers, supply, test, tidy};

pub(crate) const HELP: &str = "\
Usage: cargo xtask ci

Runs, cheap to dear: cargo fmt, tidy, layers and that it finds what is planted, header, licences, sources
and number of the crates that we take, clippy, the documentation, and then what cargo xtask test runs.
Beside all but the first of these, in the time that they leave, it runs what cargo xtask apart does.
What could not run fails here, unless it needs nothing but Go: a machine without it has no etcd that is
built from source.
";

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
    let beside = apart::start();
    step("clippy", || {
        let clippy = ["clippy", "--workspace", "--all-targets", "--all-features"];
        run(cargo(&clippy).args(["--", "--deny", "warnings"]))
    })?;
    step("documentation", || {
        let doc = ["doc", "--workspace", "--no-deps", "--all-features"];
        run(cargo(&doc).env("RUSTDOCFLAGS", "--deny warnings"))
    })?;
    println!("\nfrom here on the same as: cargo xtask test");
    let summary = test::run_all(None)?;
    step("what ran beside", || beside.finish())?;
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
