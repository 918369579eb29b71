//! `cargo xtask test`: every test there is, and a list of those that could not run.

use std::env;
use std::process::Command;

use lexopt::prelude::*;

use crate::failure::{Failure, Outcome};
use crate::programs::{self, Program};
use crate::run::{binaries, cargo, run, step};
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
/// How many programs of tests are run at once: most wait more than they compute.
const AT_ONCE: usize = 2;
/// Live scenarios mostly wait for times to live to end, and each has members of its own: with three
/// at once two cores are half busy.
const LIVE_THREADS: &str = "--test-threads=3";

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
    // All targets: benches are built by nothing else.
    let build = ["build", "--workspace", "--all-targets", "--all-features"];
    step("build", || run(&mut cargo(&build)))?;
    let programs = step("build, tests", programs::list)?;
    let (live, in_process): (Vec<_>, Vec<_>) =
        programs.iter().partition(|program| program.package() == LIVE);
    let mut summary = Summary::default();
    let heading = "unit and in-process tests";
    let prepare = |command: &mut Command| {
        command.args(filter);
        leave_out_c(command, &tools);
        Ok(())
    };
    let run_in_process = || programs::run_all(&in_process, AT_ONCE, prepare);
    summary.note(heading, step(heading, run_in_process));
    let heading = "documentation tests";
    let doc = ["test", "--doc", "--workspace", "--all-features", "--no-fail-fast"];
    summary.note(heading, step(heading, || run(cargo(&doc).args(filter))));
    run_live(&live, &tools, filter, &mut summary);
    println!("\n{}", summary.text());
    match summary.failed.as_slice() {
        [] => Ok(summary),
        failed => Err(Failure::new(format!("{} of the steps above failed", failed.len()))),
    }
}

/// Leaves out the programs in C for which something is missing.
fn leave_out_c(command: &mut Command, tools: &Tools) {
    for (program, _) in &tools.without {
        // As the tests that need it are called.
        command.args(["--skip", &program.replace('+', "x")]);
    }
}

fn run_live(live: &[&Program], tools: &Tools, filter: Option<&str>, summary: &mut Summary) {
    summary.note_absences(tools);
    let generations = Generations { v2: tools.etcd.is_ok(), v3: !tools.v3.found.is_empty() };
    if !generations.v2 && !generations.v3 {
        return;
    }
    let live: Vec<_> = live.iter().copied().filter(|program| generations.run(program)).collect();
    let prepare = |command: &mut Command| {
        command.args(filter).arg(LIVE_THREADS);
        name_programs(command, tools)
    };
    let heading = heading(tools);
    summary.note(&heading, step(&heading, || programs::run_all(&live, AT_ONCE, prepare)));
}

/// Which generations of etcd there are servers of.
#[derive(Clone, Copy, Debug)]
struct Generations {
    v2: bool,
    v3: bool,
}

impl Generations {
    /// Whether the scenarios of a program need nothing but servers of these.
    fn run(self, program: &Program) -> bool {
        let is_v3 = program.target().starts_with("v3_");
        !program.is_integration || self.v2 && self.v3 || is_v3 == self.v3
    }
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
        let names = ["lock", "v3_watch", "watch"];
        let runs = |v2, v3| {
            let program = |name: &&str| Generations { v2, v3 }.run(&Program::of_tests(LIVE, name));
            names.into_iter().filter(program).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(runs(true, true), "lock v3_watch watch");
        assert_eq!(runs(true, false), "lock watch");
        assert_eq!(runs(false, true), "v3_watch");
    }
}
