//! `cargo xtask`: one door to everything this project does with itself.

// A program for a terminal: printing is its work.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod apart;
mod beside;
mod ci;
mod cluster;
mod conformance;
mod deny;
mod dist;
mod failure;
mod fuzz;
mod header;
mod layers;
mod programs;
mod run;
mod secured;
mod setup;
mod source;
mod supply;
mod test;
mod tidy;

use std::process::ExitCode;

use failure::{Failure, Outcome};
use lexopt::Parser;
use lexopt::prelude::*;

/// One command: what `cargo xtask NAME` does, and what its `--help` says.
struct Command {
    name: &'static str,
    summary: &'static str,
    help: &'static str,
    run: fn(Parser) -> Outcome,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "setup",
        summary: "find what the tests need, install or build what is missing",
        help: setup::HELP,
        run: setup::command,
    },
    Command {
        name: "test",
        summary: "run every test, on real etcd members too",
        help: test::HELP,
        run: test::command,
    },
    Command {
        name: "ci",
        summary: "format, layers, lints, features, docs, then everything of test",
        help: ci::HELP,
        run: ci::command,
    },
    Command {
        name: "apart",
        summary: "check what needs builds of its own: cargo deny, each feature alone",
        help: apart::HELP,
        run: apart::command,
    },
    Command {
        name: "cluster",
        summary: "run a local cluster of real etcd members until Ctrl-C",
        help: cluster::HELP,
        run: cluster::command,
    },
    Command {
        name: "conformance",
        summary: "ask the test server and real etcds the same, at random",
        help: conformance::HELP,
        run: conformance::command,
    },
    Command {
        name: "dist",
        summary: "build the C interface and lay it out to be installed",
        help: dist::HELP,
        run: dist::command,
    },
    Command {
        name: "fuzz",
        summary: "try any bytes on what reads them, under libFuzzer",
        help: fuzz::HELP,
        run: fuzz::command,
    },
    Command {
        name: "header",
        summary: "compare the header of the C interface with the library",
        help: header::HELP,
        run: header::command,
    },
    Command {
        name: "layers",
        summary: "check that no room knows what it may not",
        help: layers::HELP,
        run: layers::command,
    },
    Command {
        name: "tidy",
        summary: "check for ignored tests, leftovers and unlisted crates",
        help: tidy::HELP,
        run: tidy::command,
    },
];

fn main() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(why)) => {
            eprintln!("xtask: {why}\n\n{}", overview());
            ExitCode::from(2)
        }
        Err(Failure::Failed(why)) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Outcome {
    let mut parser = Parser::from_env();
    let name = match parser.next()? {
        None => return Err(Failure::Usage("which command?".to_owned())),
        Some(Short('h') | Long("help")) => "help".to_owned(),
        Some(Value(name)) => name.string()?,
        Some(other) => return Err(other.unexpected().into()),
    };
    if name == "help" {
        println!("{}", overview());
        return Ok(());
    }
    let command = COMMANDS
        .iter()
        .find(|command| command.name == name)
        .ok_or_else(|| Failure::Usage(format!("there is no command {name:?}")))?;
    if std::env::args_os().skip(2).any(|arg| arg == "--help" || arg == "-h") {
        println!("{}", command.help.trim_end());
        return Ok(());
    }
    (command.run)(parser)
}

fn overview() -> String {
    let mut text = "Usage: cargo xtask COMMAND [OPTIONS]; each command knows --help\n".to_owned();
    for Command { name, summary, .. } in COMMANDS {
        text += &format!("\n  {name:<12}{summary}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overview_and_each_help_name_the_command() {
        let overview = overview();
        for Command { name, help, .. } in COMMANDS {
            assert!(overview.contains(&format!("  {name} ")), "{overview}");
            assert!(help.starts_with(&format!("Usage: cargo xtask {name}")), "{help}");
        }
    }
}
