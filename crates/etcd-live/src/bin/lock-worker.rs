//! Contends for a lock, for the scenarios in `tests/lock`.
//!
//! `lock-worker hold SERVERS KEY TTL STAYS DEATHS` takes the lock again and again until anyone was
//! inside STAYS times. `lock-worker inside SERVERS KEY TTL STAYS DEATHS` is inside once, under the
//! lock that `etcd-test lock` holds for it. Every DEATHS-th one inside is killed there, with its
//! `etcd-test`.

#![allow(clippy::print_stderr, reason = "a program, not a library")]

use std::error::Error;
use std::process::ExitCode;

use etcd_client::Ttl;
use etcd_client::blocking::Session;
use etcd_live::section::{Fault, Section};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getppid};

/// There were enough stays.
const OVER: u8 = 10;
/// Two were inside at the same time.
const OVERLAP: u8 = 9;

struct Worker {
    session: Session,
    section: Section,
    key: String,
    ttl: Ttl,
    stays: u64,
    deaths: u64,
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code.into(),
        Err(error) => {
            eprintln!("lock-worker: {error}");
            let overlap = matches!(error.downcast_ref(), Some(Fault::Overlap(_)));
            ExitCode::from(if overlap { OVERLAP } else { 1 })
        }
    }
}

fn run() -> Result<u8, Box<dyn Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [mode, servers, key, ttl, stays, deaths] = args.as_slice() else {
        return Err("give MODE SERVERS KEY TTL STAYS DEATHS".into());
    };
    let session = Session::open_with(servers, etcd_live::etcd::v2())?;
    let section = Section::of(session.clone(), key);
    let (ttl, stays, deaths) = (ttl.parse()?, stays.parse()?, deaths.parse()?);
    let worker = Worker { session, section, key: key.clone(), ttl, stays, deaths };
    match mode.as_str() {
        "hold" => worker.hold(),
        "inside" => worker.inside(),
        other => Err(format!("{other:?} is no mode; give hold or inside").into()),
    }
}

impl Worker {
    fn hold(&self) -> Result<u8, Box<dyn Error>> {
        loop {
            let mut ticket = self.session.lock(&self.key, self.ttl)?;
            let token = ticket.index;
            let over = self.session.hold(&mut ticket, |held| {
                match self.pass(token, Pid::this()) {
                    // Who has lost the lock has no right to be alone.
                    Err(Fault::Overlap(_)) if !held.is_held() => Ok(false),
                    passed => passed,
                }
            })??;
            self.session.unlock(&self.key, token)?;
            if over {
                return Ok(OVER);
            }
        }
    }

    fn inside(&self) -> Result<u8, Box<dyn Error>> {
        let token = std::env::var("ETCD_LOCK_INDEX")?.parse()?;
        Ok(if self.pass(token, getppid())? { OVER } else { 0 })
    }

    /// One stay, which `holder` may not survive; whether there were enough of them.
    fn pass(&self, token: u64, holder: Pid) -> Result<bool, Fault> {
        if self.section.count()? >= self.stays {
            return Ok(true);
        }
        let passed = self.section.pass(token, |count| {
            if count % self.deaths == 0 {
                die(holder);
            }
        })?;
        Ok(passed.count >= self.stays)
    }
}

/// SIGKILL to the holder first, so that it cannot give up the lock.
fn die(holder: Pid) {
    for victim in [holder, Pid::this()] {
        // Nobody is left to hear that it failed.
        let _ = kill(victim, Signal::SIGKILL);
    }
}
