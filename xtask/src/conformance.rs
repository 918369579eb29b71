//! `cargo xtask conformance`: the test server and real etcds, asked the same.

use lexopt::prelude::*;

use crate::failure::{Failure, Outcome};
use crate::run::{cargo, run, step};
use crate::setup;
use crate::test::{LIVE, name_programs};

pub(crate) const HELP: &str = "\
Usage: cargo xtask conformance [--sequences N] [--seed S]

Plays random sequences of requests to the test server and to real etcds: of v2 to one that serves it, of v3
to the oldest and the newest. The first that is answered differently is made short, and printed.

  --sequences N   how many for each etcd; 20000. cargo xtask test plays 500
  --seed S        what they are drawn from; 1
";

const SEQUENCES: &str = "20000";
const SEED: &str = "1";

/// Plays them.
pub(crate) fn command(mut parser: lexopt::Parser) -> Outcome {
    let (mut sequences, mut seed) = (SEQUENCES.to_owned(), SEED.to_owned());
    while let Some(arg) = parser.next()? {
        match arg {
            Long("sequences") => sequences = number("--sequences", &parser.value()?.string()?)?,
            Long("seed") => seed = number("--seed", &parser.value()?.string()?)?,
            other => return Err(other.unexpected().into()),
        }
    }
    let tools = step("setup", setup::find_tools)?;
    let mut play = cargo(&["test", "--package", LIVE, "--all-features", "--no-fail-fast"]);
    if tools.etcd.is_ok() {
        play.args(["--test", "conformance"]);
    }
    if !tools.v3.found.is_empty() {
        play.args(["--test", "v3_conformance"]);
    }
    if tools.etcd.is_err() && tools.v3.found.is_empty() {
        return Err(Failure::new("there is no etcd to compare with"));
    }
    play.args(["--", "--nocapture"]);
    name_programs(&mut play, &tools)?;
    play.env("CONFORMANCE_SEQUENCES", sequences).env("CONFORMANCE_SEED", seed);
    step("conformance", || run(&mut play))
}

fn number(option: &str, text: &str) -> Outcome<String> {
    match text.parse::<u64>() {
        Ok(number) => Ok(number.to_string()),
        Err(_) => Err(Failure::Usage(format!("{option} is a number, and {text:?} is none"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_named() {
        assert_eq!(number("--seed", "7").ok().as_deref(), Some("7"));
        let Err(Failure::Usage(why)) = number("--seed", "x") else { panic!("x is a number") };
        assert_eq!(why, "--seed is a number, and \"x\" is none");
    }
}
