//! A command that runs under a lock, in a process group of its own with all that it starts.

use std::ffi::OsString;
use std::io::{IsTerminal as _, stdin, stdout};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpgrp};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::signals::Signals;
use super::terminal::Terminal;
use crate::exit::Exit;

/// How often it is looked whether all of the group are gone.
const LOOK: Duration = Duration::from_millis(5);
/// How long the system may take to end what was killed.
const SYSTEM: Duration = Duration::from_secs(1);
/// How long it may take to stop us.
const STOP: Duration = Duration::from_millis(100);

/// A command and all that it started; killed when this is dropped before its end.
pub(super) struct Child {
    /// The command's process id, and that of its group.
    group: Pid,
    signals: Signals,
    terminal: Option<Terminal>,
    ended: Option<Exit>,
}

impl Child {
    /// Starts a command. On a terminal it has the keyboard.
    pub(super) fn start(
        command: &[OsString],
        environment: impl IntoIterator<Item = (&'static str, OsString)>,
    ) -> anyhow::Result<Self> {
        let Some((program, arguments)) = command.split_first() else {
            bail!("there is no command to run")
        };
        let signals = Signals::listen(&[Signal::SIGCHLD, Signal::SIGTSTP, Signal::SIGCONT])?;
        let mut command = Command::new(program);
        command.args(arguments).envs(environment).process_group(0);
        let child = command.spawn().with_context(|| format!("running {program:?}"))?;
        let group = Pid::from_raw(child.id().try_into()?);
        let mut child = Self { group, signals, terminal: Terminal::ours(), ended: None };
        // Others in a pipeline with us keep the keyboard until the command asks for it.
        if stdin().is_terminal() && stdout().is_terminal() {
            child.go_on()?;
        }
        Ok(child)
    }

    /// Waits for the command to end. Requests to end are passed on to it and to all that it
    /// started, and it decides what to do.
    pub(super) async fn ended(&mut self, requests: &mut Signals) -> anyhow::Result<Exit> {
        loop {
            let signal = tokio::select! {
                signal = self.signals.next() => signal,
                signal = requests.next() => signal,
            };
            match signal {
                Signal::SIGCHLD => {
                    if let Some(exit) = self.look().await? {
                        return Ok(exit);
                    }
                }
                // What is stopped could not hear them.
                Signal::SIGTERM | Signal::SIGHUP => {
                    self.send(signal)?;
                    self.send(Signal::SIGCONT)?;
                }
                Signal::SIGCONT => self.go_on()?,
                signal => self.send(signal)?,
            }
        }
    }

    /// Ends the command and all that it started: asks, and kills who is left after `grace`.
    pub(super) async fn end(&mut self, grace: Duration) -> anyhow::Result<()> {
        let asked = self.send(Signal::SIGTERM).and_then(|()| self.send(Signal::SIGCONT));
        if timeout(grace, self.gone()).await.is_ok() {
            return Ok(());
        }
        let killed = self.send(Signal::SIGKILL);
        if timeout(SYSTEM, self.reaped()).await.is_err() {
            asked.and(killed)?;
            bail!("it goes on after SIGKILL");
        }
        Ok(())
    }

    /// Waits until nobody is left in the group.
    async fn gone(&mut self) {
        self.reaped().await;
        while killpg(self.group, None).is_ok() {
            sleep(LOOK).await;
        }
    }

    async fn reaped(&mut self) {
        while self.wait(WaitPidFlag::WNOHANG).is_ok() && self.ended.is_none() {
            sleep(LOOK).await;
        }
    }

    /// How the command has ended, if it has; one that is stopped is seen to.
    async fn look(&mut self) -> anyhow::Result<Option<Exit>> {
        loop {
            match self.wait(WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED)? {
                Some(WaitStatus::Stopped(_, signal)) => self.stopped(signal).await?,
                _ => return Ok(self.ended),
            }
        }
    }

    fn wait(&mut self, flags: WaitPidFlag) -> nix::Result<Option<WaitStatus>> {
        if self.ended.is_some() {
            return Ok(None);
        }
        let exit = match waitpid(self.group, Some(flags)) {
            Ok(WaitStatus::Exited(_, status)) => exit(status),
            Ok(WaitStatus::Signaled(_, signal, _)) => exit(128 + signal as i32),
            // It was ended by a signal that has no name.
            Err(Errno::EINVAL) => Exit::Failed,
            other => return other.map(Some),
        };
        self.ended = Some(exit);
        // The keyboard is ours again.
        self.terminal = None;
        Ok(None)
    }

    /// Who was stopped for want of the keyboard is given it; with who was stopped by the keyboard
    /// we stop too, so that the shell is back. One that was stopped otherwise is left alone: we
    /// keep its lock.
    async fn stopped(&mut self, signal: Signal) -> anyhow::Result<()> {
        let Some(terminal) = &mut self.terminal else { return Ok(()) };
        match signal {
            Signal::SIGTTIN | Signal::SIGTTOU if terminal.is_before_us() => self.go_on(),
            Signal::SIGTSTP | Signal::SIGTTIN | Signal::SIGTTOU => {
                terminal.take_back()?;
                self.stop_with_it().await
            }
            _ => Ok(()),
        }
    }

    /// Stops until a shell lets us go on, and the command with us. Where no shell could, the
    /// system does not stop us.
    async fn stop_with_it(&mut self) -> anyhow::Result<()> {
        killpg(getpgrp(), Signal::SIGTTIN)?;
        let _ =
            timeout(STOP, async { while self.signals.next().await != Signal::SIGCONT {} }).await;
        // Whoever watches over the lock is asked first: it may be lost by now.
        yield_now().await;
        yield_now().await;
        self.go_on()
    }

    /// Lets the command go on, with the keyboard if we have it.
    fn go_on(&mut self) -> anyhow::Result<()> {
        if let Some(terminal) = self.terminal.as_mut().filter(|terminal| terminal.is_before_us()) {
            terminal.give(self.group).context("giving the command the terminal")?;
        }
        self.send(Signal::SIGCONT)
    }

    /// Sends a signal to the command and to all that it started.
    fn send(&self, signal: Signal) -> anyhow::Result<()> {
        // Alone, where it has left its group.
        let sent = killpg(self.group, signal).or_else(|_| kill(self.group, signal));
        sent.with_context(|| format!("sending {signal} to the command"))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.ended.is_none() {
            let _ = killpg(self.group, Signal::SIGKILL);
        }
    }
}

/// As a shell has it: the command's own status, or 128 and the signal that ended it.
fn exit(status: i32) -> Exit {
    match u8::try_from(status) {
        Ok(0) => Exit::Done,
        Ok(status) => Exit::Child(status),
        Err(_) => Exit::Failed,
    }
}
