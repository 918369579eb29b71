//! The terminal that the program runs on, and who reads its keyboard.

use std::fs::File;

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

/// A terminal; taken back when this is dropped.
pub(super) struct Terminal {
    tty: File,
    given_to: Option<Pid>,
}

impl Terminal {
    /// The one that the program was started on, if any.
    pub(super) fn ours() -> Option<Self> {
        Some(Self { tty: File::open("/dev/tty").ok()?, given_to: None })
    }

    /// Whether the keyboard is read by us, or by whom we gave it to.
    pub(super) fn is_before_us(&self) -> bool {
        let reader = tcgetpgrp(&self.tty).ok();
        reader == Some(getpgrp()) || reader.is_some() && reader == self.given_to
    }

    /// Lets a process group read the keyboard, and be interrupted by it.
    pub(super) fn give(&mut self, group: Pid) -> nix::Result<()> {
        tcsetpgrp(&self.tty, group)?;
        self.given_to = Some(group);
        Ok(())
    }

    /// Takes back what was given.
    pub(super) fn take_back(&mut self) -> nix::Result<()> {
        if self.given_to.take().is_none() {
            return Ok(());
        }
        // Unblocked, it would stop a program that is not before the terminal and touches it.
        let before = SigSet::from(Signal::SIGTTOU).thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let taken = tcsetpgrp(&self.tty, getpgrp());
        before.thread_set_mask()?;
        taken
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A terminal that is gone need not be taken back.
        let _ = self.take_back();
    }
}
