//! Packages of Debian, installed when this process may.

use std::process::Command;

use crate::failure::Failure;
use crate::run::{on_path, output, run};

/// Installs a package.
///
/// Where systemd runs, etcd-server's own service may start on port 2379: nothing here uses it.
pub(super) fn install(package: &str) -> Result<(), String> {
    if on_path("apt-get").is_none() {
        return Err(format!("no apt-get to install {package} with"));
    }
    let prefix =
        privileged().ok_or_else(|| format!("neither root nor sudo to install {package} with"))?;
    let apt = |args: &[&str]| {
        let words = prefix.iter().chain(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        let mut words = words.chain(args);
        let mut command = Command::new(words.next().unwrap_or(&"env"));
        run(command.args(words)).map_err(Failure::why)
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
