//! A Python that can import python-etcd.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::debian;
use crate::failure::Failure;
use crate::run::{binaries, on_path, output};

const PYTHON_ETCD: &str = "python-etcd==0.4.5";

/// Python in a virtual environment that outlives `cargo xtask`, made when it is not there.
pub(super) fn find() -> Result<PathBuf, String> {
    let home = binaries().map_err(Failure::why)?.with_file_name("python-etcd");
    let python = home.join("bin/python");
    if imports_etcd(&python) {
        return Ok(python);
    }
    let system = on_path("python3").ok_or("no python3 on PATH")?;
    let venv = || output(Command::new(&system).args(["-m", "venv", "--clear"]).arg(&home));
    // Debian keeps venv in a package of its own.
    venv()
        .or_else(|_| debian::install("python3-venv").and_then(|()| venv().map_err(Failure::why)))
        .map_err(|why| format!("cannot make a virtual environment: {why}"))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PYTHON_ETCD];
    output(Command::new(&python).args(pip)).map_err(Failure::why)?;
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
