//! `cargo xtask test`: every test there is, and a list of those that could not run.

use std::process::Command;

use lexopt::prelude::*;

use crate::failure::{Failure, Outcome};
use crate::run::{binaries, cargo, root, run, step};
use crate::setup::{self, Tools};

pub(crate) const HELP: &str = "\
Usage: cargo xtask test [FILTER]

Finds or installs what is needed (as setup does), builds everything with all features, runs the
unit, in-process and documentation tests, then the live scenarios on real etcd members. Ends with
a list of what ran, and of what did not and why.

  FILTER   run only the tests whose name contains it
";

const LIVE: &str = "etcd-live";

/// What was run, and what was not.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    ran: Vec<String>,
    failed: Vec<String>,
    not_run: Vec<String>,
}

/// Runs the tests.
pub(crate) fn command(parser: lexopt::Parser) -> Outcome {
    run_all(parse(parser)?.as_deref()).map(drop)
}

/// Runs the tests whose name contains the filter, and prints the summary.
pub(crate) fn run_all(filter: Option<&str>) -> Outcome<Summary> {
    let tools = step("setup", setup::find_tools)?;
    // All targets: the tests find their dependencies built with the same features.
    let build = ["build", "--workspace", "--all-targets", "--all-features"];
    step("build", || run(&mut cargo(&build)))?;
    let mut summary = Summary::default();
    let heading = "unit, in-process and documentation tests";
    summary.note(heading, step(heading, || run(&mut in_process(filter))));
    run_live(&tools, filter, &mut summary)?;
    println!("\n{}", summary.text());
    match summary.failed.as_slice() {
        [] => Ok(summary),
        failed => Err(Failure::new(format!("{} of the steps above failed", failed.len()))),
    }
}

fn in_process(filter: Option<&str>) -> Command {
    let mut command = cargo(&["test", "--workspace", "--all-features", "--no-fail-fast"]);
    if has_live() {
        command.args(["--exclude", LIVE]);
    }
    command.args(filter);
    command
}

fn run_live(tools: &Tools, filter: Option<&str>, summary: &mut Summary) -> Outcome {
    if !has_live() {
        println!("\nlive scenarios: crates/{LIVE} is not there yet");
        return Ok(());
    }
    let etcd = match &tools.etcd {
        Ok(etcd) => etcd,
        Err(why) => {
            summary.not_run.push(format!("live scenarios: no etcd: {why}"));
            return Ok(());
        }
    };
    if let Err(why) = &tools.python {
        summary.not_run.push(format!("locks shared with python-etcd: {why}"));
    }
    let binaries = binaries()?;
    let mut command = cargo(&["test", "--package", LIVE, "--all-features", "--no-fail-fast"]);
    command
        .args(filter)
        .args(["--", "--test-threads=1"])
        .env("ETCD_BIN", &etcd.path)
        .env("ETCD_TEST_BIN", binaries.join("etcd-test"))
        .env("LEADER_DEMO_BIN", binaries.join("leader-demo"))
        .env_remove("PYTHON_ETCD");
    if let Ok(python) = &tools.python {
        command.env("PYTHON_ETCD", python);
    }
    let heading = format!("live scenarios on etcd {} ({})", etcd.version, etcd.path.display());
    summary.note(&heading, step(&heading, || run(&mut command)));
    Ok(())
}

fn has_live() -> bool {
    root().join("crates").join(LIVE).join("Cargo.toml").is_file()
}

fn parse(mut parser: lexopt::Parser) -> Result<Option<String>, lexopt::Error> {
    let mut filter = None;
    while let Some(arg) = parser.next()? {
        match arg {
            Value(value) if filter.is_none() => filter = Some(value.string()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(filter)
}

impl Summary {
    /// What could not run, with the reasons.
    pub(crate) fn not_run(&self) -> &[String] {
        &self.not_run
    }

    fn note(&mut self, heading: &str, result: Outcome) {
        match result {
            Ok(()) => self.ran.push(heading.to_owned()),
            Err(Failure::Failed(why) | Failure::Usage(why)) => self.failed.push(why),
        }
    }

    fn text(&self) -> String {
        let sections =
            [("passed ", &self.ran), ("FAILED ", &self.failed), ("NOT RUN", &self.not_run)];
        let lines = sections
            .iter()
            .flat_map(|(word, list)| list.iter().map(move |line| format!("{word}  {line}")));
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_filter_is_taken() {
        let parsed = |args: &[&str]| parse(lexopt::Parser::from_args(args));
        assert_eq!(parsed(&[]).ok(), Some(None));
        assert_eq!(parsed(&["watch"]).ok(), Some(Some("watch".to_owned())));
        assert!(parsed(&["watch", "lock"]).is_err());
        assert!(parsed(&["--all"]).is_err());
    }

    #[test]
    fn nothing_is_left_out_of_the_summary() {
        let mut summary = Summary::default();
        summary.note("unit tests", Ok(()));
        summary
            .note("live", Err(Failure::new("step \"live\" failed: cargo test: exit status: 101")));
        summary.not_run.push("locks: no python3".to_owned());
        assert_eq!(
            summary.text(),
            "passed   unit tests\n\
             FAILED   step \"live\" failed: cargo test: exit status: 101\n\
             NOT RUN  locks: no python3"
        );
    }
}
