//! The programs under test, as `cargo xtask test` names them in the environment.

use std::path::PathBuf;

use crate::members::{Cluster, Etcd, Options};

/// The etcd that `ETCD_BIN` names.
///
/// # Panics
///
/// Without one: a live test must not pass for want of a server.
pub fn etcd() -> Etcd {
    Etcd::at(program("ETCD_BIN")).unwrap_or_else(|error| panic!("ETCD_BIN: {error}"))
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
    let etcd = etcd();
    Cluster::start(&etcd, size, options)
        .unwrap_or_else(|error| panic!("{size} members of etcd {}: {error}", etcd.version))
}

/// All endpoints of a cluster as a client takes them: `host:port,host:port`.
pub fn servers(cluster: &Cluster) -> String {
    cluster.endpoints().join(",")
}
