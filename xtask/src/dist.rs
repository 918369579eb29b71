//! `cargo xtask dist`: the C interface, laid out to be installed.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use lexopt::prelude::*;

use crate::failure::{Failure, Outcome};
use crate::header;
use crate::run::{cargo, on_path, output, root, run};

pub(crate) const HELP: &str = "\
Usage: cargo xtask dist [--to FOLDER] [--prefix PREFIX]

Builds the C interface for release, and lays it out:

  include/etcd-api.h
  lib/libetcd.so, libetcd.so.0     shared, with nothing visible but what the header declares
  lib/libetcd.a                    static, likewise
  lib/pkgconfig/etcd-api.pc        for pkg-config

  --to FOLDER       where; target/dist unless told otherwise. What it held of these is replaced
  --prefix PREFIX   where it will be installed, for pkg-config; unless told otherwise FOLDER itself
";

/// The version of the interface, which programs ask for by the library's name.
const SONAME: &str = "libetcd.so.0";

/// Builds and lays out.
pub(crate) fn command(mut parser: lexopt::Parser) -> Outcome {
    let (mut to, mut prefix) = (None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Long("to") => to = Some(PathBuf::from(parser.value()?)),
            Long("prefix") => prefix = Some(PathBuf::from(parser.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    let to = env::current_dir()?.join(to.unwrap_or_else(|| root().join("target/dist")));
    lay_out(&to, &prefix.unwrap_or_else(|| to.clone()))
}

/// Builds, and lays out in a folder.
pub(crate) fn lay_out(to: &Path, prefix: &Path) -> Outcome {
    let (include, lib) = (to.join("include"), to.join("lib"));
    for folder in [&include, &lib.join("pkgconfig")] {
        fs::create_dir_all(folder)?;
    }
    let home = root().join("crates/etcd-capi");
    fs::copy(home.join("include/etcd-api.h"), include.join("etcd-api.h"))?;
    let built = build()?;
    fs::copy(built.join("libetcd.so"), lib.join(SONAME))?;
    let link = lib.join("libetcd.so");
    if link.symlink_metadata().is_ok() {
        fs::remove_file(&link)?;
    }
    symlink(SONAME, link)?;
    hide(&built.join("libetcd.a"), &lib.join("libetcd.a"))?;
    let template = fs::read_to_string(home.join("etcd-api.pc.in"))?;
    fs::write(lib.join("pkgconfig/etcd-api.pc"), filled(&template, prefix)?)?;
    println!("the C interface is in {}", to.display());
    Ok(())
}

/// Builds both libraries, each by itself: rustc optimizes them as a whole only then.
fn build() -> Outcome<PathBuf> {
    for kind in ["cdylib", "staticlib"] {
        let build = ["rustc", "--package", "etcd-capi", "--lib", "--release", "--crate-type", kind];
        run(&mut cargo(&build))?;
    }
    let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    Ok(root().join(target.unwrap_or_else(|| "target".into())).join("release"))
}

/// The static library as one object of which only the interface is visible: two libraries of Rust in one
/// program would else collide.
fn hide(archive: &Path, to: &Path) -> Outcome {
    for tool in ["ld", "objcopy", "ar"] {
        if on_path(tool).is_none() {
            return Err(Failure::new(format!("{tool} is missing; install binutils")));
        }
    }
    let object = to.with_extension("o");
    let mut link = Command::new("ld");
    link.args(["--relocatable", "--gc-sections", "--gc-keep-exported"]);
    for name in header::functions()? {
        link.arg(format!("--undefined={name}"));
    }
    run(link.arg("--output").arg(&object).arg(archive))?;
    let mut localize = Command::new("objcopy");
    // Some versions of ar fail over the bitcode that rustc leaves for its own use.
    localize.args(["--wildcard", "--keep-global-symbol=etcd_*", "--strip-debug"]);
    run(localize.args(["--remove-section=.llvmbc", "--remove-section=.llvmcmd"]).arg(&object))?;
    if to.exists() {
        fs::remove_file(to)?;
    }
    run(Command::new("ar").arg("rcs").arg(to).arg(&object))?;
    fs::remove_file(object)?;
    Ok(())
}

fn filled(template: &str, prefix: &Path) -> Outcome<String> {
    let metadata = output(&mut cargo(&["pkgid", "--package", "etcd-capi"]))?;
    let version = metadata.trim().rsplit(['#', '@']).next().unwrap_or_default().to_owned();
    let prefix = prefix.to_string_lossy();
    Ok(template.replace("@PREFIX@", &prefix).replace("@VERSION@", &version))
}
