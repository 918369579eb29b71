//! `cargo xtask test`: every test there is, and a list of those that could not run.

use std::env;
use std::fs;
use std::process::Command;

use lexopt::prelude::*;

use crate::failure::{Failure, Outcome};
use crate::run::{binaries, cargo, root, run, step};
use crate::setup::{self, Absence, Tools};

pub(crate) const HELP: &str = "\
Usage: cargo xtask test [FILTER]

Finds, installs or builds what is needed (as setup does), builds everything with all features,
runs the unit, in-process and documentation tests, then the live scenarios on real etcd members:
those of v3 on each version that was found. Ends with a list of what ran, and of what did not and
why.

  FILTER   run only the tests whose name contains it
";

pub(crate) const LIVE: &str = "etcd-live";
/// Live scenarios mostly wait for times to live to end, and each has members of its own: with three
/// at once two cores are half busy.
const AT_ONCE: &str = "--test-threads=3";

/// What was run, and what was not.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    ran: Vec<String>,
    failed: Vec<String>,
    not_run: Vec<String>,
    /// The same, for want of Go alone.
    without_go: Vec<String>,
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
    summary.note(heading, step(heading, || run(&mut in_process(&tools, filter))));
    run_live(&tools, filter, &mut summary)?;
    println!("\n{}", summary.text());
    match summary.failed.as_slice() {
        [] => Ok(summary),
        failed => Err(Failure::new(format!("{} of the steps above failed", failed.len()))),
    }
}

fn in_process(tools: &Tools, filter: Option<&str>) -> Command {
    let mut command = cargo(&["test", "--workspace", "--all-features", "--no-fail-fast"]);
    if has_live() {
        command.args(["--exclude", LIVE]);
    }
    command.args(filter);
    command.arg("--");
    for (program, _) in &tools.without {
        // As the tests that need it are called.
        command.args(["--skip", &program.replace('+', "x")]);
    }
    command
}

fn run_live(tools: &Tools, filter: Option<&str>, summary: &mut Summary) -> Outcome {
    if !has_live() {
        println!("\nlive scenarios: crates/{LIVE} is not there yet");
        return Ok(());
    }
    summary.note_absences(tools);
    let generations = Generations { v2: tools.etcd.is_ok(), v3: !tools.v3.found.is_empty() };
    if !generations.v2 && !generations.v3 {
        return Ok(());
    }
    let mut command = cargo(&["test", "--package", LIVE, "--all-features", "--no-fail-fast"]);
    command.args(generations.targets(&targets()?)).args(filter).args(["--", AT_ONCE]);
    name_programs(&mut command, tools)?;
    let heading = heading(tools);
    summary.note(&heading, step(&heading, || run(&mut command)));
    Ok(())
}

/// Which generations of etcd there are servers of.
#[derive(Clone, Copy, Debug)]
struct Generations {
    v2: bool,
    v3: bool,
}

impl Generations {
    /// What cargo is told, so that it runs the scenarios of these generations alone.
    fn targets(self, all: &[String]) -> Vec<String> {
        if self.v2 && self.v3 {
            return Vec::new();
        }
        let mut args = vec!["--lib".to_owned(), "--bins".to_owned()];
        for target in all.iter().filter(|target| target.starts_with("v3_") == self.v3) {
            args.extend(["--test".to_owned(), target.clone()]);
        }
        args
    }
}

/// The files and folders of tests, as cargo calls them.
fn targets() -> Outcome<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("crates").join(LIVE).join("tests"))? {
        names.push(entry?.path().file_stem().unwrap_or_default().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Names the programs in the environment; tests that need one that is not there are skipped.
pub(crate) fn name_programs(command: &mut Command, tools: &Tools) -> Outcome {
    let binaries = binaries()?;
    command
        .env("ETCD_TEST_BIN", binaries.join("etcd-test"))
        .env("LEADER_DEMO_BIN", binaries.join("leader-demo"));
    for variable in ["ETCD_BIN", "ETCD_V3_BINS", "ETCDCTL_BIN", "ETCDCTL_V2_BIN", "PYTHON_ETCD"] {
        command.env_remove(variable);
    }
    if let Ok(etcd) = &tools.etcd {
        command.env("ETCD_BIN", &etcd.path);
    }
    if !tools.v3.found.is_empty() {
        let paths = env::join_paths(tools.v3.found.iter().map(|etcd| &etcd.path));
        command.env("ETCD_V3_BINS", paths.map_err(|error| Failure::new(error.to_string()))?);
    }
    match &tools.etcdctl {
        Ok(etcdctl) => command.env("ETCDCTL_BIN", etcdctl),
        Err(_) => command.args(["--skip", "etcdctl"]),
    };
    match &tools.etcdctl_v2 {
        Ok(etcdctl) => command.env("ETCDCTL_V2_BIN", etcdctl),
        Err(_) => command.args(["--skip", "etcdctl_v2"]),
    };
    match &tools.python {
        Ok(python) => command.env("PYTHON_ETCD", python),
        Err(_) => command.args(["--skip", "python"]),
    };
    Ok(())
}

fn heading(tools: &Tools) -> String {
    let v2 =
        tools.etcd.iter().map(|etcd| format!("etcd {} ({})", etcd.version, etcd.path.display()));
    let v3 = tools.v3.found.iter().map(|etcd| etcd.version.to_string()).collect::<Vec<_>>();
    let v3 =
        Some(v3.join(", ")).filter(|list| !list.is_empty()).map(|list| format!("v3 on {list}"));
    format!("live scenarios on {}", v2.chain(v3).collect::<Vec<_>>().join("; "))
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
    /// What could not run, with the reasons; but for what only Go was missing for.
    pub(crate) fn not_run(&self) -> &[String] {
        &self.not_run
    }

    fn note_absences(&mut self, tools: &Tools) {
        if let Err(why) = &tools.etcd {
            self.not_run.push(format!("v2 scenarios: no etcd: {why}"));
        }
        for (version, why) in &tools.v3.missing {
            self.note_absence(format!("v3 scenarios on etcd {version}"), why);
        }
        if tools.v3.found.is_empty() {
            self.not_run.push("v3 scenarios: no etcd of 3.0 or later".to_owned());
        }
        if let Err(why) = &tools.etcdctl {
            self.note_absence("what is held against etcdctl".to_owned(), why);
        }
        if let Err(why) = &tools.etcdctl_v2 {
            self.not_run.push(format!("etcdctl of the v2 API: {why}"));
        }
        for (program, why) in &tools.without {
            self.not_run.push(format!("C programs with {program}: {why}"));
        }
        if let Err(why) = &tools.python {
            self.not_run.push(format!("what is held against python-etcd: {why}"));
        }
    }

    fn note_absence(&mut self, what: String, why: &Absence) {
        let list = match why {
            Absence::NoGo => &mut self.without_go,
            Absence::Failed(_) => &mut self.not_run,
        };
        list.push(format!("{what}: {why}"));
    }

    fn note(&mut self, heading: &str, result: Outcome) {
        match result {
            Ok(()) => self.ran.push(heading.to_owned()),
            Err(Failure::Failed(why) | Failure::Usage(why)) => self.failed.push(why),
        }
    }

    fn text(&self) -> String {
        let sections = [
            ("passed ", &self.ran),
            ("FAILED ", &self.failed),
            ("NOT RUN", &self.not_run),
            ("NOT RUN", &self.without_go),
        ];
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
        summary.note_absence("v3".to_owned(), &Absence::NoGo);
        summary.note_absence("etcdctl".to_owned(), &Absence::Failed("no network".to_owned()));
        assert_eq!(summary.not_run(), ["locks: no python3", "etcdctl: no network"]);
        assert_eq!(
            summary.text(),
            "passed   unit tests\n\
             FAILED   step \"live\" failed: cargo test: exit status: 101\n\
             NOT RUN  locks: no python3\n\
             NOT RUN  etcdctl: no network\n\
             NOT RUN  v3: no go on PATH, nor in /usr/local/go/bin, to build it with"
        );
    }

    #[test]
    fn a_generation_without_a_server_is_left_out() {
        let all = ["lock", "v3_watch", "watch"].map(str::to_owned);
        let targets = |v2, v3| Generations { v2, v3 }.targets(&all).join(" ");
        assert_eq!(targets(true, true), "");
        assert_eq!(targets(true, false), "--lib --bins --test lock --test watch");
        assert_eq!(targets(false, true), "--lib --bins --test v3_watch");
    }
}
