//! Work that goes on beside other work, in the time that nobody else wants.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::failure::{Failure, Outcome};
use crate::run::{describe, on_path};

/// How often a program is asked whether it has ended.
const TICK: Duration = Duration::from_millis(50);

/// A thread that runs programs; when this is dropped, the one that runs is killed and no other is begun.
pub(crate) struct Beside {
    stopped: Arc<AtomicBool>,
    worker: Option<JoinHandle<Outcome>>,
}

impl Beside {
    /// Begins the work, whose programs write to a log.
    pub(crate) fn start(
        log: PathBuf,
        work: impl FnOnce(&Lane) -> Outcome + Send + 'static,
    ) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let lane = Lane { log, stopped: stopped.clone() };
        Self { stopped, worker: Some(thread::spawn(move || work(&lane))) }
    }

    /// Waits for the end of the work, and returns what came of it.
    pub(crate) fn finish(mut self) -> Outcome {
        self.join()
    }

    fn join(&mut self) -> Outcome {
        let Some(worker) = self.worker.take() else { return Ok(()) };
        worker.join().unwrap_or_else(|_| Err(Failure::new("what ran beside the rest panicked")))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Who drops it has a failure of its own to tell.
        let _ = self.join();
    }
}

/// What such work runs its programs with.
pub(crate) struct Lane {
    log: PathBuf,
    stopped: Arc<AtomicBool>,
}

impl Lane {
    /// Runs a program to its end; a bad status is an error with what it wrote.
    pub(crate) fn run(&self, command: &Command) -> Outcome {
        let log = File::create(&self.log)?;
        let mut idle = when_idle(command);
        idle.stdout(log.try_clone()?).stderr(log);
        let line = describe(command);
        let status =
            self.status(&mut idle).map_err(|why| Failure::new(format!("{line}: {why}")))?;
        if status.success() {
            return Ok(());
        }
        let wrote = String::from_utf8_lossy(&fs::read(&self.log)?).into_owned();
        Err(Failure::new(format!("{line}: {status}\n{}", wrote.trim_end())))
    }

    fn status(&self, command: &mut Command) -> io::Result<ExitStatus> {
        let mut child = command.spawn()?;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if self.stopped.load(Ordering::Relaxed) {
                child.kill()?;
            }
            thread::sleep(TICK);
        }
    }
}

/// The same command, at a priority that takes time from no other program.
fn when_idle(command: &Command) -> Command {
    let (program, flags): (_, &[_]) = match on_path("chrt") {
        Some(chrt) => (chrt, &["--idle", "0"]),
        None => ("nice".into(), &["-n", "19"]),
    };
    let mut idle = Command::new(program);
    idle.args(flags).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => idle.env(name, value),
            None => idle.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        idle.current_dir(dir);
    }
    idle
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn log(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("xtask-beside-{name}-{}", std::process::id()))
    }

    fn shell(code: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", code]);
        command
    }

    #[test]
    fn the_failure_of_a_program_comes_with_what_it_wrote() {
        let path = log("failure");
        let beside = Beside::start(path.clone(), |lane| {
            lane.run(shell("test $COLOUR = blue && echo good").env("COLOUR", "blue"))?;
            lane.run(&shell("echo bad; exit 3"))?;
            panic!("the first failure ends it")
        });
        let Err(Failure::Failed(why)) = beside.finish() else { panic!() };
        assert_eq!(why, "sh -c echo bad; exit 3: exit status: 3\nbad");
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_is_dropped_ends() {
        let path = log("dropped");
        let started = Instant::now();
        drop(Beside::start(path.clone(), |lane| lane.run(&shell("exec sleep 600"))));
        assert!(started.elapsed() < Duration::from_secs(300));
        fs::remove_file(path).unwrap();
    }
}
