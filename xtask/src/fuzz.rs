//! `cargo xtask fuzz`: what must hold for any bytes, tried by libFuzzer.

use std::process::Command;

use lexopt::prelude::*;

use crate::failure::{Failure, Outcome};
use crate::run::{cargo, output, root, step};

pub(crate) const HELP: &str = "\
Usage: cargo xtask fuzz [--seconds N] [TARGET]

Runs each target of fuzz/ under libFuzzer, or the one named, beginning with exchanges captured from
real servers and messages that another implementation of protobuf made. Says how many inputs were
tried; one that a target does not hold for is kept below fuzz/artifacts, and fails the command.

Needs cargo-fuzz and a nightly compiler, and says how to get them.

  --seconds N   how long each target runs (default: 60)
  TARGET        the one target to run
";

/// How much memory a target may have, in MiB, and how long one input may take, in seconds.
const LIMITS: [&str; 2] = ["-rss_limit_mb=1024", "-timeout=10"];
/// The longest input that is tried, in bytes.
const LONGEST: &str = "-max_len=8192";
/// How much of libFuzzer's report is shown where it found something, in lines.
const REPORT: usize = 40;

#[derive(Debug, PartialEq, Eq)]
struct Options {
    seconds: u32,
    target: Option<String>,
}

/// Runs the targets.
pub(crate) fn command(parser: lexopt::Parser) -> Outcome {
    let options = parse(parser)?;
    check_tools()?;
    let targets = step("targets and their first inputs", seeds)?;
    let chosen = choose(&targets, options.target.as_deref())?;
    let mut faults = Vec::new();
    for target in chosen {
        let heading = format!("{target}, {} s", options.seconds);
        if let Err(Failure::Failed(why) | Failure::Usage(why)) =
            step(&heading, || fuzz(target, options.seconds))
        {
            println!("{why}");
            faults.push(target.as_str());
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("something does not hold: {}", faults.join(", "))))
}

fn parse(mut parser: lexopt::Parser) -> Outcome<Options> {
    let mut options = Options { seconds: 60, target: None };
    while let Some(arg) = parser.next()? {
        match arg {
            Long("seconds") => options.seconds = parser.value()?.parse()?,
            Value(target) if options.target.is_none() => options.target = Some(target.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

fn check_tools() -> Outcome {
    for (arguments, install) in [
        (["+nightly", "--version"], "rustup toolchain install nightly --profile minimal"),
        (["fuzz", "--version"], "cargo install cargo-fuzz"),
    ] {
        output(nightly().args(arguments)).map_err(|_| {
            Failure::new(format!("cargo {} does not run; to get it: {install}", arguments[0]))
        })?;
    }
    Ok(())
}

/// rustup's cargo: the one that runs us is of one toolchain.
fn nightly() -> Command {
    let mut command = Command::new("cargo");
    command.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN").current_dir(root().join("fuzz"));
    command
}

/// Writes what each target begins with, and returns the targets.
fn seeds() -> Outcome<Vec<String>> {
    let manifest = root().join("fuzz/Cargo.toml");
    let mut command = cargo(&["run", "--quiet", "--bin", "seeds", "--manifest-path"]);
    let names = output(command.arg(manifest))?;
    Ok(names.lines().map(str::to_owned).collect())
}

fn choose<'a>(targets: &'a [String], named: Option<&str>) -> Outcome<Vec<&'a String>> {
    let Some(named) = named else { return Ok(targets.iter().collect()) };
    match targets.iter().find(|target| *target == named) {
        Some(target) => Ok(vec![target]),
        None => Err(Failure::Usage(format!(
            "there is no target {named:?}, only {}",
            targets.join(", ")
        ))),
    }
}

fn fuzz(target: &str, seconds: u32) -> Outcome {
    let mut command = nightly();
    command.args(["+nightly", "fuzz", "run", target, "--"]).args(LIMITS).arg(LONGEST);
    command.args([&format!("-max_total_time={seconds}"), "-print_final_stats=1"]);
    let output = command.output()?;
    let report = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        let tried = tried(&report).ok_or_else(|| Failure::new("libFuzzer gave no count"))?;
        println!("{tried} inputs tried, {} of them covered something new", kept(&report));
        return Ok(());
    }
    Err(Failure::new(format!("{target}: {}\n{}", output.status, found(&report))))
}

/// What did not hold and for which input; where the report does not say, its last lines.
fn found(report: &str) -> String {
    let lines: Vec<_> = report.lines().collect();
    let panics = lines.iter().position(|line| line.contains(" panicked at "));
    let input = lines.iter().find(|line| line.contains("cargo fuzz run "));
    match (panics, input) {
        (Some(at), Some(input)) => {
            let why = lines[at..].iter().take_while(|line| !line.starts_with("stack backtrace"));
            let why = why.take(REPORT).copied().collect::<Vec<_>>().join("\n");
            format!("{why}\nin fuzz/: {}", input.trim())
        }
        _ => lines[lines.len().saturating_sub(REPORT)..].join("\n"),
    }
}

/// How many inputs libFuzzer says that it tried.
fn tried(report: &str) -> Option<u64> {
    statistic(report, "number_of_executed_units")
}

fn kept(report: &str) -> u64 {
    statistic(report, "new_units_added").unwrap_or_default()
}

fn statistic(report: &str, name: &str) -> Option<u64> {
    let named = |line: &str| {
        let (found, value) = line.strip_prefix("stat::")?.split_once(':')?;
        (found == name).then(|| value.trim().parse().ok())?
    };
    report.lines().find_map(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Option<Options> {
        parse(lexopt::Parser::from_args(args)).ok()
    }

    #[test]
    fn a_target_and_a_time_may_be_named() {
        let options = |seconds, target: Option<&str>| {
            Some(Options { seconds, target: target.map(str::to_owned) })
        };
        assert_eq!(parsed(&[]), options(60, None));
        assert_eq!(parsed(&["--seconds", "5", "redirect"]), options(5, Some("redirect")));
        assert_eq!(parsed(&["a", "b"]), None);
        assert_eq!(parsed(&["--seconds", "x"]), None);
    }

    #[test]
    fn an_unknown_target_is_answered_with_the_known_ones() {
        let targets = ["a".to_owned(), "b".to_owned()];
        let Err(Failure::Usage(why)) = choose(&targets, Some("c")) else { panic!("c is found") };
        assert!(why.contains("a, b"), "{why}");
        assert_eq!(choose(&targets, Some("b")).map(|chosen| chosen.len()).unwrap_or_default(), 1);
    }

    #[test]
    fn what_does_not_hold_is_shown_with_its_input() {
        let report = "noise\nthread 'x' panicked at src/a.rs:1:2:\nit is odd\nstack backtrace:\n  0: f\n\
            \n\tcargo fuzz run a artifacts/a/crash-1\n";
        let found = found(report);
        assert!(
            found.contains("it is odd\nin fuzz/: cargo fuzz run a artifacts/a/crash-1"),
            "{found}"
        );
        assert!(!found.contains("0: f"));
        assert_eq!(super::found("killed"), "killed");
    }

    #[test]
    fn the_count_is_read_from_libfuzzers_report() {
        let report =
            "#2 INITED\nstat::number_of_executed_units: 4711\nstat::new_units_added:  12\n";
        assert_eq!((tried(report), kept(report)), (Some(4711), 12));
        assert_eq!(tried("stat::peak_rss_mb: 7"), None);
    }
}
