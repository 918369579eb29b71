//! The programs under test, as `cargo xtask test` names them in the environment.

use std::path::PathBuf;
use std::process::Command;

use etcd_client::session::{Api, SessionOptions};

use crate::members::{Cluster, Etcd, Options};

/// The etcd that `ETCD_BIN` names.
///
/// # Panics
///
/// Without one: a live test must not pass for want of a server.
pub fn etcd() -> Etcd {
    Etcd::at(program("ETCD_BIN")).unwrap_or_else(|error| panic!("ETCD_BIN: {error}"))
}

/// The etcds that speak v3, oldest first: those that `ETCD_V3_BINS` names.
///
/// # Panics
///
/// Without any, or with one that is not etcd.
pub fn v3_etcds() -> Vec<Etcd> {
    let paths = program("ETCD_V3_BINS");
    let at = |path| Etcd::at(path).unwrap_or_else(|error| panic!("ETCD_V3_BINS: {error}"));
    let mut etcds: Vec<_> = std::env::split_paths(&paths).map(at).collect();
    etcds.sort_by_key(|etcd| etcd.version);
    etcds
}

/// The oldest and the newest of them; all, where `ETCD_LIVE_FULL` is set.
///
/// # Panics
///
/// As for [`v3_etcds`].
pub fn oldest_and_newest() -> Vec<Etcd> {
    let mut etcds = v3_etcds();
    if std::env::var_os("ETCD_LIVE_FULL").is_none() && etcds.len() > 2 {
        etcds.drain(1..etcds.len() - 1);
    }
    etcds
}

/// The oldest etcd that speaks v3.
///
/// # Panics
///
/// As for [`v3_etcds`].
pub fn oldest() -> Etcd {
    v3_etcds().swap_remove(0)
}

/// The newest etcd that speaks v3; the same as [`oldest`] where there is but one.
///
/// # Panics
///
/// As for [`v3_etcds`].
pub fn newest() -> Etcd {
    v3_etcds().pop().expect("there is an oldest")
}

/// The command line client that etcd comes with, on servers as a client takes them.
///
/// It is the program that `ETCDCTL_BIN` names. Tests that call this have `etcdctl` in their names:
/// by that they are left out where it is missing.
///
/// # Panics
///
/// Without one.
pub fn etcdctl(servers: &str) -> Command {
    etcdctl_of("ETCDCTL_BIN", servers)
}

/// Like [`etcdctl`], the one that an environment variable names: `ETCDCTL_V2_BIN` speaks the v2 API
/// too. Tests of that one have `etcdctl_v2` in their names.
///
/// # Panics
///
/// Without one.
pub fn etcdctl_of(variable: &str, servers: &str) -> Command {
    let mut command = Command::new(program(variable));
    // It takes variables for flags, and ours for a mistake.
    command.env_clear().arg("--endpoints").arg(servers);
    command
}

/// The program that an environment variable names.
///
/// # Panics
///
/// When the variable is not set.
pub fn program(variable: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) if !path.is_empty() => path.into(),
        _ => panic!("{variable} is not set: run cargo xtask test, which sets it"),
    }
}

/// A healthy cluster of so many members, with etcd's own timing.
///
/// # Panics
///
/// When it does not start; the message has the end of a member's log.
pub fn cluster(size: usize) -> Cluster {
    cluster_with(size, &Options::default())
}

/// Like [`cluster`], run as the options say.
///
/// # Panics
///
/// As for [`cluster`].
pub fn cluster_with(size: usize, options: &Options) -> Cluster {
    cluster_of(&etcd(), size, options)
}

/// Like [`cluster_with`], of an etcd of one's choice.
///
/// # Panics
///
/// As for [`cluster`].
pub fn cluster_of(etcd: &Etcd, size: usize, options: &Options) -> Cluster {
    Cluster::start(etcd, size, options)
        .unwrap_or_else(|error| panic!("{size} members of etcd {}: {error}", etcd.version))
}

/// How to open a session that speaks v2.
pub fn v2() -> SessionOptions {
    SessionOptions::new().api(Api::V2)
}

/// All endpoints of a cluster as a client takes them: `host:port,host:port`.
pub fn servers(cluster: &Cluster) -> String {
    cluster.endpoints().join(",")
}
