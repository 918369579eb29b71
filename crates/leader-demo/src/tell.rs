//! What the user is told: changes on standard output, trouble on standard error, a line each.

use std::io::{self, Write as _};
use std::process::ExitCode;

use etcd_client::plain::{Plain, PlainText};
use leader_demo::machine::Notice;
use leader_demo::vote::Name;

/// Prints a change at once.
pub(crate) fn notice(me: &Name, notice: &Notice) -> io::Result<()> {
    let line = match notice {
        Notice::LeaderIs(name) => format!("leader is {}", Plain(name.as_str())),
        Notice::ILead => format!("I lead ({})", Plain(me.as_str())),
        Notice::INoLongerLead => format!("I no longer lead ({})", Plain(me.as_str())),
    };
    let mut output = io::stdout().lock();
    let written = writeln!(output, "{line}").and_then(|()| output.flush());
    written.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot write to standard output: {error}"))
    })
}

/// Prints what went wrong.
pub(crate) fn error(message: &str) {
    // Nobody is left to be told that standard error is closed.
    let _ = writeln!(io::stderr(), "leader-demo: {}", Plain(message));
}

/// Says what is wrong with the command line, or the help that it asked for.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // It repeats what was typed, which may come from anywhere.
    let text = PlainText(&error.to_string()).to_string();
    // Whoever closed the pipe does not want to hear it.
    let _ = match error.use_stderr() {
        true => io::stderr().write_all(text.as_bytes()),
        false => io::stdout().write_all(text.as_bytes()),
    };
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}
