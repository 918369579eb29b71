//! The test programs that cargo builds, and running several of them at once.

mod artifact;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::failure::{Failure, Outcome};
use crate::run::{cargo, output, seconds};

/// A program of tests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Program {
    /// The package's name and the target's: `etcd-client/strangers`.
    pub(crate) name: String,
    /// Whether it is of the folder `tests`, and not of a package's own modules.
    pub(crate) is_integration: bool,
    path: PathBuf,
    /// Where cargo would run it.
    dir: PathBuf,
}

impl Program {
    /// One that cannot be run.
    #[cfg(test)]
    pub(crate) fn of_tests(package: &str, target: &str) -> Self {
        let (name, dir) = (format!("{package}/{target}"), PathBuf::new());
        Self { name, is_integration: true, path: dir.clone(), dir }
    }

    pub(crate) fn package(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    pub(crate) fn target(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }
}

/// What takes longest is begun first, so that nothing waits for it at the end.
const FIRST: &[&str] =
    &["etcd-capi/c", "etcd-live/v3_lock", "etcd-live/lock", "etcd-live/v3_etcdctl"];

/// All of the workspace's, with all features; what is not built yet is built.
pub(crate) fn list() -> Outcome<Vec<Program>> {
    let test = ["test", "--workspace", "--all-features", "--no-run", "--quiet"];
    let messages = output(cargo(&test).arg("--message-format=json-render-diagnostics"))?;
    let found = messages.lines().filter_map(|line| artifact::program(line).transpose());
    let mut programs = found.collect::<Outcome<Vec<_>>>()?;
    programs.sort_by_key(|program| !FIRST.contains(&program.name.as_str()));
    Ok(programs)
}

/// Runs programs, so many at once, each as `prepare` leaves its command; shows what each one wrote once it ended.
pub(crate) fn run_all(
    programs: &[&Program],
    at_once: usize,
    prepare: impl Fn(&mut Command) -> Outcome + Sync,
) -> Outcome {
    if programs.is_empty() {
        return Err(Failure::new("cargo named no program of these tests"));
    }
    let waiting = Mutex::new(programs.iter().collect::<VecDeque<_>>());
    let failed = Mutex::new(Vec::new());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(program) = next() {
                    if let Err(Failure::Failed(why) | Failure::Usage(why)) = run(program, &prepare)
                    {
                        println!("FAILED {}: {why}", program.name);
                        let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                        failed.push(format!("{} ({why})", program.name));
                    }
                }
            });
        }
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner).as_slice() {
        [] => Ok(()),
        failed => Err(Failure::new(failed.join(", "))),
    }
}

/// What is written goes to a file: a pipe would stay open as long as anything that a test leaves behind.
fn run(program: &Program, prepare: &impl Fn(&mut Command) -> Outcome) -> Outcome {
    println!("started {}", program.name);
    let started = Instant::now();
    let log = program.path.with_extension("log");
    let file = File::create(&log)?;
    let mut command = Command::new(&program.path);
    command.current_dir(&program.dir).env("CARGO_MANIFEST_DIR", &program.dir);
    command.stdout(file.try_clone()?).stderr(file);
    prepare(&mut command)?;
    let status = command.status()?;
    let written = fs::read(&log)?;
    fs::remove_file(&log)?;
    let (name, took) = (&program.name, seconds(started.elapsed()));
    // At one stroke, so that two that end together stay apart.
    println!("\n-- {name}, {took}\n{}", String::from_utf8_lossy(&written));
    if status.success() { Ok(()) } else { Err(Failure::new(status.to_string())) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::id;

    use super::*;

    fn shell(target: &str) -> Program {
        let path = std::env::temp_dir().join(format!("{target}-{}", id()));
        symlink("/bin/sh", &path).unwrap();
        Program { path, dir: "/".into(), ..Program::of_tests("a", target) }
    }

    #[test]
    fn each_is_run_and_those_that_fail_are_named() {
        let names = ["fine", "bad", "good", "worse"];
        let programs = names.map(shell);
        let all: Vec<_> = programs.iter().collect();
        let script = |code| {
            move |command: &mut Command| {
                command.args(["-c", code]);
                Ok(())
            }
        };
        run_all(&all, 3, script("true")).unwrap();
        let Err(Failure::Failed(why)) = run_all(&all[1..2], 3, script("exit 3")) else { panic!() };
        assert_eq!(why, "a/bad (exit status: 3)");
        let Err(Failure::Failed(why)) = run_all(&all, 1, script("exit 3")) else { panic!() };
        assert_eq!(why.matches("exit status: 3").count(), 4, "{why}");
        assert!(run_all(&[], 1, script("true")).is_err(), "nothing is no success");
        programs.iter().for_each(|program| fs::remove_file(&program.path).unwrap());
    }

    #[test]
    fn names_are_those_of_package_and_target() {
        let program = Program::of_tests("etcd-client", "strangers");
        assert_eq!((program.package(), program.target()), ("etcd-client", "strangers"));
    }
}
