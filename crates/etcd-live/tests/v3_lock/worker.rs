//! The program that takes locks in a process of its own.

use std::process::{Command, Stdio};
use std::time::Duration;

use etcd_live::program::{Running, start};

/// How many trials there are: few by default, and as many as the evidence needs when
/// `ETCD_LIVE_FULL` is set.
pub(crate) fn trials(few: usize, all: usize) -> usize {
    if std::env::var_os("ETCD_LIVE_FULL").is_some() { all } else { few }
}

/// Starts it, with a pipe for its standard input, whose end it waits for.
pub(crate) fn worker<'a>(args: impl IntoIterator<Item = &'a str>) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_v3-lock-worker"));
    command.args(args).env_remove("ETCD_SERVERS");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    start(command)
}

/// Times that look random, the same for the same seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A duration from nothing to this.
    pub(crate) fn up_to(&mut self, most: Duration) -> Duration {
        // SplitMix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        most.mul_f64(((z ^ (z >> 31)) % 10_001) as f64 / 10_000.0)
    }
}
