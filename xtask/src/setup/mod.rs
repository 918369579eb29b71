//! `cargo xtask setup`: what the tests need beside Rust, found, installed or built.

mod debian;
mod etcd;
mod go;
mod python;

use std::path::{Path, PathBuf};

use xtask::members::{Etcd, Version};

pub(crate) use self::etcd::{find_etcd, pick};
pub(crate) use self::go::Absence;

use self::etcd::V3;
use crate::failure::{Failure, Outcome};
use crate::run::on_path;

pub(crate) const HELP: &str = "\
Usage: cargo xtask setup

Says which programs the tests use, and installs or builds what is missing:

  etcd          for the v2 tests: $ETCD_BIN, else etcd on PATH, else /usr/bin/etcd, else Debian's
                etcd-server (as root, or by sudo without a password); any release from 2.0 to
                3.5, as 3.6 has no v2 API
  etcd v3       for the v3 tests: all that $ETCD_V3_BINS names, separated by colons; else each of
                3.0 or later that is found as above, and the releases that xtask/go pins, built
                where Go is (on PATH or in /usr/local/go) and kept in $XDG_CACHE_HOME/etcd-api
                (by default ~/.cache/etcd-api)
  etcdctl       $ETCDCTL_BIN, else the newest release of xtask/go, built and kept likewise
  etcdctl v2    one that speaks the v2 API: $ETCDCTL_V2_BIN, else etcdctl on PATH, else
                /usr/bin/etcdctl, else Debian's etcd-client
  c++, valgrind those on PATH, else Debian's g++ and valgrind, for the C interface
  python-etcd   0.4.5, in a virtual environment of its own in the target folder
";

/// What was found; each absence carries its reason.
pub(crate) struct Tools {
    /// A server with the v2 API.
    pub(crate) etcd: Result<Etcd, String>,
    /// The servers that speak v3.
    pub(crate) v3: V3,
    /// The command line client that etcd comes with.
    pub(crate) etcdctl: Result<PathBuf, Absence>,
    /// One that speaks the v2 API, which ended with 3.5.
    pub(crate) etcdctl_v2: Result<PathBuf, String>,
    /// Compilers and checkers of C programs that are missing: each with the reason.
    pub(crate) without: Vec<(&'static str, String)>,
    /// A Python that can import python-etcd.
    pub(crate) python: Result<PathBuf, String>,
}

/// Prints what there is, installs and builds what is missing.
pub(crate) fn command(mut parser: lexopt::Parser) -> Outcome {
    if let Some(arg) = parser.next()? {
        return Err(arg.unexpected().into());
    }
    find_tools()?.etcd.map(drop).map_err(|_| Failure::new("the tests on real members need an etcd"))
}

/// Finds, installs or builds each tool and prints a line about it.
///
/// Only a program that the user named and that is of no use is an error.
pub(crate) fn find_tools() -> Outcome<Tools> {
    let etcd = find_v2()?;
    let v3 = find_v3(etcd.as_ref().ok())?;
    let etcdctl = find_etcdctl()?;
    let etcdctl_v2 = find_etcdctl_v2()?;
    let without = find_for_c();
    let python = python::find();
    match &python {
        Ok(path) => println!("python-etcd  0.4.5   {}", path.display()),
        Err(why) => println!("python-etcd  missing, no lock test against it: {why}"),
    }
    Ok(Tools { etcd, v3, etcdctl, etcdctl_v2, without, python })
}

fn find_v2() -> Outcome<Result<Etcd, String>> {
    let etcd = find_etcd();
    match &etcd {
        Ok(etcd) => there("etcd", etcd.version, &etcd.path),
        Err(why) if etcd::is_named() => return Err(Failure::new(why)),
        Err(why) => println!("etcd         missing, no v2 test on real members: {why}"),
    }
    Ok(etcd)
}

fn find_v3(v2: Option<&Etcd>) -> Outcome<V3> {
    let v3 = V3::find(v2)?;
    for etcd in &v3.found {
        there("etcd v3", etcd.version, &etcd.path);
    }
    for (version, why) in &v3.missing {
        println!("etcd v3      {version} is missing, no v3 test on it: {why}");
    }
    Ok(v3)
}

fn find_etcdctl() -> Outcome<Result<PathBuf, Absence>> {
    let etcdctl = etcd::find_etcdctl()?;
    match &etcdctl {
        Ok((version, path)) => there("etcdctl", *version, path),
        Err(why) => println!("etcdctl      missing, no test against it: {why}"),
    }
    Ok(etcdctl.map(|(_, path)| path))
}

fn find_etcdctl_v2() -> Outcome<Result<PathBuf, String>> {
    let etcdctl = etcd::find_etcdctl_v2()?;
    match &etcdctl {
        Ok((version, path)) => there("etcdctl v2", *version, path),
        Err(why) => println!("etcdctl v2   missing, no test against it: {why}"),
    }
    Ok(etcdctl.map(|(_, path)| path))
}

/// What the tests of the C interface need beside a C compiler, which Rust needs too.
fn find_for_c() -> Vec<(&'static str, String)> {
    let mut without = Vec::new();
    for (program, package) in [("c++", "g++"), ("valgrind", "valgrind")] {
        if on_path(program).is_none()
            && let Err(why) = debian::install(package)
        {
            println!("{program:<13}missing, no test of the C interface with it: {why}");
            without.push((program, why));
        }
    }
    without
}

fn there(what: &str, version: Version, path: &Path) {
    println!("{what:<13}{:<8}{}", version.to_string(), path.display());
}
