//! A command that runs under a lock.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use super::requests::{Requests, at_keyboard};
use crate::exit::Exit;

/// How long a command may take to end when it is asked to: about what is left of a lock's time
/// when it is called lost.
const GRACE: Duration = Duration::from_millis(500);

pub(super) fn start(
    command: &[OsString],
    environment: impl IntoIterator<Item = (&'static str, String)>,
) -> anyhow::Result<Child> {
    let Some((program, arguments)) = command.split_first() else {
        bail!("there is no command to run")
    };
    let mut command = Command::new(program);
    command.args(arguments).envs(environment).kill_on_drop(true);
    command.spawn().with_context(|| format!("running {program:?}"))
}

/// Waits for the command to end. Requests to end are passed on, and the command decides what to do;
/// an interrupt from the keyboard has reached it already, and twice would mean something else.
pub(super) async fn ended(child: &mut Child, requests: &mut Requests) -> anyhow::Result<Exit> {
    loop {
        tokio::select! {
            status = child.wait() => return Ok(exit(status?)),
            signal = requests.next() => {
                if !(signal == Signal::SIGINT && at_keyboard()) {
                    send(child, signal)?;
                }
            }
        }
    }
}

/// Ends the command: asks it to, then kills it.
pub(super) async fn end(child: &mut Child) -> anyhow::Result<()> {
    send(child, Signal::SIGTERM)?;
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        child.kill().await?;
    }
    Ok(())
}

fn send(child: &Child, signal: Signal) -> anyhow::Result<()> {
    // No id: it has ended and was waited for, so the signal has no one to reach.
    if let Some(id) = child.id() {
        kill(Pid::from_raw(id.try_into()?), signal)?;
    }
    Ok(())
}

/// As a shell has it: the command's own status, or 128 and the signal that ended it.
fn exit(status: ExitStatus) -> Exit {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    match u8::try_from(code) {
        Ok(0) => Exit::Done,
        Ok(code) => Exit::Child(code),
        Err(_) => Exit::Failed,
    }
}
