//! `cargo xtask setup`: what the tests need beside Rust, found or installed.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use xtask::members::{Etcd, Version};

use crate::failure::{Failure, Outcome};
use crate::run::{binaries, output, run};

pub(crate) const HELP: &str = "\
Usage: cargo xtask setup

Says which etcd and which python-etcd the tests use, and installs what is missing:

  etcd          $ETCD_BIN, else etcd on PATH, else /usr/bin/etcd, else Debian's etcd-server
                (as root, or by sudo without a password); any release from 2.0 to 3.5, as 3.6
                has no v2 API
  python-etcd   0.4.5, in a virtual environment of its own in the target folder
";

const PYTHON_ETCD: &str = "python-etcd==0.4.5";

/// What was found; each absence carries its reason.
pub(crate) struct Tools {
    /// A server with the v2 API.
    pub(crate) etcd: Result<Etcd, String>,
    /// A Python that can import python-etcd.
    pub(crate) python: Result<PathBuf, String>,
}

/// Prints what there is, installs what is missing.
pub(crate) fn command(mut parser: lexopt::Parser) -> Outcome {
    if let Some(arg) = parser.next()? {
        return Err(arg.unexpected().into());
    }
    find_tools()?.etcd.map(drop).map_err(|_| Failure::new("the tests on real members need an etcd"))
}

/// Finds or installs each tool and prints a line about it.
///
/// Only an etcd that the user named and that is of no use is an error.
pub(crate) fn find_tools() -> Outcome<Tools> {
    let etcd = find_etcd();
    if let (Some(_), Err(why)) = (env::var_os("ETCD_BIN"), &etcd) {
        return Err(Failure::new(why));
    }
    match &etcd {
        Ok(etcd) => println!("etcd         {}  {}", etcd.version, etcd.path.display()),
        Err(why) => println!("etcd         missing, no test on real members: {why}"),
    }
    let python = find_python();
    match &python {
        Ok(path) => println!("python-etcd  0.4.5   {}", path.display()),
        Err(why) => println!("python-etcd  missing, no lock test against it: {why}"),
    }
    Ok(Tools { etcd, python })
}

/// An etcd that serves v2, installed when there is none.
pub(crate) fn find_etcd() -> Result<Etcd, String> {
    if let Some(path) = env::var_os("ETCD_BIN") {
        return named(Path::new(&path)).map_err(|why| format!("$ETCD_BIN: {why}"));
    }
    let mut refused = Vec::new();
    for path in on_path("etcd").into_iter().chain([PathBuf::from("/usr/bin/etcd")]) {
        match usable(&path) {
            Ok(etcd) => return Ok(etcd),
            Err(why) => refused.push(why),
        }
    }
    println!("no usable etcd yet ({}), installing etcd-server", refused.join("; "));
    apt_install("etcd-server").map_err(|why| format!("{}; {why}", refused.join("; ")))?;
    usable(Path::new("/usr/bin/etcd"))
}

/// An etcd that the user named; a name alone is looked for on PATH.
fn named(path: &Path) -> Result<Etcd, String> {
    if path.components().count() == 1 {
        return usable(&on_path(path).ok_or_else(|| format!("no {} on PATH", path.display()))?);
    }
    // The tests run it from another folder.
    usable(&std::path::absolute(path).map_err(|error| error.to_string())?)
}

fn usable(path: &Path) -> Result<Etcd, String> {
    let etcd = Etcd::at(path).map_err(|error| error.to_string())?;
    check_version(etcd.version).map_err(|why| format!("{}: {why}", path.display()))?;
    Ok(etcd)
}

fn check_version(version: Version) -> Result<(), String> {
    match version {
        Version { major: 0 | 1, .. } => Err(format!("etcd {version} is too old, take 2.0 to 3.5")),
        _ if !version.serves_v2() => Err(format!("etcd {version} has no v2 API, take 2.0 to 3.5")),
        _ => Ok(()),
    }
}

/// A Python with python-etcd, in a virtual environment that outlives `cargo xtask`.
fn find_python() -> Result<PathBuf, String> {
    let home = binaries().map_err(reason)?.with_file_name("python-etcd");
    let python = home.join("bin/python");
    if imports_etcd(&python) {
        return Ok(python);
    }
    let system = on_path("python3").ok_or("no python3 on PATH")?;
    let venv = || output(Command::new(&system).args(["-m", "venv", "--clear"]).arg(&home));
    // Debian keeps venv in a package of its own.
    venv()
        .or_else(|_| apt_install("python3-venv").and_then(|()| venv().map_err(reason)))
        .map_err(|why| format!("cannot make a virtual environment: {why}"))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PYTHON_ETCD];
    output(Command::new(&python).args(pip)).map_err(reason)?;
    if imports_etcd(&python) {
        return Ok(python);
    }
    Err(format!("{} cannot import etcd after installing {PYTHON_ETCD}", python.display()))
}

fn imports_etcd(python: &Path) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", "import etcd"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Installs a Debian package, when this process may.
///
/// Where systemd runs, etcd-server's own service may start on port 2379: nothing here uses it.
fn apt_install(package: &str) -> Result<(), String> {
    if on_path("apt-get").is_none() {
        return Err(format!("no apt-get to install {package} with"));
    }
    let prefix =
        privileged().ok_or_else(|| format!("neither root nor sudo to install {package} with"))?;
    let apt = |args: &[&str]| {
        let words = prefix.iter().chain(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        let mut words = words.chain(args);
        let mut command = Command::new(words.next().unwrap_or(&"env"));
        run(command.args(words)).map_err(reason)
    };
    apt(&["update", "-q"])?;
    apt(&["install", "-q", "-y", "--no-install-recommends", package])
}

/// The words that make a command run as root, if we can.
fn privileged() -> Option<&'static [&'static str]> {
    let says = |program: &str, args: &[&str]| {
        output(Command::new(program).args(args)).is_ok_and(|said| said.trim() == "0")
    };
    if says("id", &["-u"]) {
        return Some(&[]);
    }
    says("sudo", &["-n", "id", "-u"]).then_some(&["sudo", "-n"])
}

fn on_path(program: impl AsRef<OsStr>) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(program.as_ref())).find(|file| file.is_file())
}

fn reason(failure: Failure) -> String {
    match failure {
        Failure::Usage(why) | Failure::Failed(why) => why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etcd_2_0_to_3_5_is_usable() {
        let version = |major, minor| Version { major, minor, patch: 1 };
        for usable in [version(2, 0), version(2, 3), version(3, 0), version(3, 5)] {
            assert_eq!(check_version(usable), Ok(()));
        }
        for (refused, why) in [(version(0, 4), "too old"), (version(3, 6), "no v2 API")] {
            let error = check_version(refused).expect_err("not usable");
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn programs_are_found_on_path_only() {
        assert!(on_path("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(on_path("no-such-program-of-ours"), None);
    }
}
