//! Running other programs, and telling the user which and for how long.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};

/// The repository's root, where every program is run.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// The cargo that runs us, on the repository's root.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// The folder of our built binaries; cargo puts them beside xtask itself.
pub(crate) fn binaries() -> Outcome<PathBuf> {
    let exe = env::current_exe()?;
    let dir = exe.parent().ok_or_else(|| Failure::new("xtask has no folder of its own"))?;
    Ok(dir.to_owned())
}

/// The file of a program on PATH.
pub(crate) fn on_path(program: impl AsRef<OsStr>) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(program.as_ref())).find(|file| file.is_file())
}

/// Runs a program with its output going where ours goes; a bad status is an error that names it.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let line = describe(command);
    println!("$ {line}");
    let status = command.status().map_err(|error| Failure::new(format!("{line}: {error}")))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("{line}: {status}"))) }
}

/// Runs a program and returns its standard output; a bad status is an error with what it wrote.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let line = describe(command);
    let output = command.output().map_err(|error| Failure::new(format!("{line}: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("{line}: {}\n{}", output.status, complaint.trim_end())))
}

/// Runs one step below a heading and says how long it took.
pub(crate) fn step<T>(heading: &str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    println!("\n== {heading}");
    let started = Instant::now();
    let result = work().map_err(|failure| match failure {
        Failure::Failed(why) => Failure::Failed(format!("step \"{heading}\" failed: {why}")),
        usage @ Failure::Usage(_) => usage,
    });
    let verdict = if result.is_ok() { "ok" } else { "FAILED" };
    println!("== {heading}: {verdict}, {}", seconds(started.elapsed()));
    result
}

/// A duration as people say it: `7.3 s`, or `2 min 5 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        whole => format!("{} min {} s", whole / 60, whole % 60),
    }
}

/// A command as one would type it.
pub(crate) fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy();
    let args = command.get_args().map(|arg| arg.to_string_lossy());
    std::iter::once(name).chain(args).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(7_340)), "7.3 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 5 s");
    }

    #[test]
    fn programs_are_found_on_path_only() {
        assert!(on_path("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(on_path("no-such-program-of-ours"), None);
    }

    #[test]
    fn a_failing_program_is_named_with_its_status() {
        let Err(Failure::Failed(why)) = run(Command::new("false").arg("-x")) else {
            panic!("false succeeded")
        };
        assert_eq!(why, "false -x: exit status: 1");
    }
}
