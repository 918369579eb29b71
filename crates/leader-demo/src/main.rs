//! `leader-demo`: takes part in a leader election by votes in one etcd key. Deprecated.

mod run;
mod store;
mod tell;

use std::io;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser};
use etcd_client::session::Api;
use etcd_client::tree::Path;
use etcd_client::{Ttl, servers};
use leader_demo::machine::{Candidate, Millis, Timing};
use leader_demo::vote::Name;
use store::Store;

const DEPRECATED: &str = "leader-demo is deprecated, an example only: use \
    `etcd-test lock -t TTL KEY -- COMMAND`, or the lock of the etcd-client crate";

const TTL: Ttl = Ttl::from_seconds(5).expect("five seconds are a time to live");
const TIMING: Timing = Timing { ttl: Millis(TTL.seconds() * 1_000), margin: Millis(1_000) };

/// Deprecated example: takes part in a leader election by votes in one etcd key.
///
/// Instead of it use `etcd-test lock -t TTL KEY -- COMMAND`, or the lock of the
/// etcd-client crate.
#[derive(Parser)]
#[command(name = "leader-demo")]
struct Options {
    /// How good a leader this node would be; more is better
    #[arg(short, long, value_name = "N", default_value_t = 42, value_parser = fitness, allow_negative_numbers = true)]
    fitness: i64,

    /// The key that holds the vote
    #[arg(short, long, default_value = "nsr", value_parser = key)]
    key: String,

    /// This node's name, unique among the candidates [default: the host name]
    #[arg(short, long, value_name = "NAME")]
    nodename: Option<Name>,

    /// The etcd servers, like `host:2379,host:2379`
    #[arg(short, long, value_name = "LIST", env = "ETCD_SERVERS", hide_env_values = true)]
    servers: String,

    /// The API to speak: auto, v2 or v3
    #[arg(long, value_name = "API", env = "ETCD_API", default_value = "auto")]
    api: Api,
}

fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => return tell::usage(&error),
    };
    tell::error(DEPRECATED);
    match campaign(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) if run::is_usage(&error) => {
            tell::usage(&Options::command().error(ErrorKind::ValueValidation, format!("{error:#}")))
        }
        Err(error) => {
            tell::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn campaign(options: Options) -> Result<()> {
    servers::check(&options.servers)?;
    let name = options.nodename.map_or_else(host_name, Ok)?;
    let candidate = Candidate::new(name, options.fitness, TIMING);
    let store = Store::new(options.servers, options.key, TTL, options.api);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run::run(candidate, &store))
}

fn fitness(text: &str) -> Result<i64, String> {
    text.parse()
        .map_err(|_| format!("a whole number of 64 bits, such as 42 or -1, and {text:?} is none"))
}

/// A key that no server could take is said before one is asked.
fn key(text: &str) -> Result<String, String> {
    match text.parse::<Path>() {
        Ok(path) if path.is_root() => {
            Err(format!("{text:?} is not a key that can hold a vote; give one like nsr"))
        }
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn host_name() -> Result<Name> {
    let host = nix::unistd::gethostname().context("the host has no name: give --nodename")?;
    let host = host.to_string_lossy();
    host.parse().with_context(|| format!("the host's name {host:?} is no good: give --nodename"))
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
