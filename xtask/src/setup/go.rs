//! Releases of etcd, built from the Go module in `xtask/go` and kept outside the repository.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use xtask::members::{Etcd, Version};

use crate::failure::Outcome;
use crate::run::{on_path, root, seconds};

/// Why a program could not be had.
#[derive(Clone, Debug)]
pub(crate) enum Absence {
    /// There is no Go to build it with.
    NoGo,
    /// It was not built, or does not run.
    Failed(String),
}

/// What the module builds, by the folder that it is in.
#[derive(Clone, Copy, Debug)]
enum Program {
    Etcd,
    Etcdctl,
}

/// The releases that can be built, oldest first: each has its pins in `VERSION.mod`.
pub(super) fn releases() -> Outcome<Vec<Version>> {
    let mut releases = Vec::new();
    for entry in fs::read_dir(module())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        releases.extend(name.strip_suffix(".mod").and_then(Version::parse));
    }
    releases.sort_unstable();
    Ok(releases)
}

/// A server of this release, built unless it is kept from before.
pub(super) fn etcd(release: Version) -> Result<Etcd, Absence> {
    let path = Program::Etcd.have(release)?;
    Ok(Etcd { path, version: release })
}

/// The command line client of this release, likewise.
pub(super) fn etcdctl(release: Version) -> Result<PathBuf, Absence> {
    Program::Etcdctl.have(release)
}

/// The servers that are kept from before, oldest first.
pub(super) fn kept() -> Outcome<Vec<Etcd>> {
    let at = |release: &Version| Etcd::at(Program::Etcd.place(*release).ok()?).ok();
    Ok(releases()?.iter().filter_map(at).collect())
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Etcdctl => "etcdctl",
        }
    }

    /// Where a release of the program is kept.
    fn place(self, release: Version) -> Result<PathBuf, Absence> {
        Ok(cache().map_err(Absence::Failed)?.join(format!("etcd-{release}")).join(self.name()))
    }

    fn have(self, release: Version) -> Result<PathBuf, Absence> {
        let place = self.place(release)?;
        if self.check(&place, release).is_err() {
            let go = find_go().ok_or(Absence::NoGo)?;
            self.build(&go, release, &place).map_err(Absence::Failed)?;
        }
        Ok(place)
    }

    /// Builds the program beside its place and moves it there once it has said its version.
    fn build(self, go: &Path, release: Version, place: &Path) -> Result<(), String> {
        println!("{} {release} is not there yet, building it with {}", self.name(), go.display());
        let started = Instant::now();
        let unfinished = place.with_extension(format!("{}.unfinished", std::process::id()));
        let built = make_parent(place)
            .and_then(|()| go_build(go, release, self.name(), &unfinished))
            .and_then(|()| self.check(&unfinished, release))
            .and_then(|()| fs::rename(&unfinished, place).map_err(|error| error.to_string()));
        match &built {
            Ok(()) => println!("built in {}", seconds(started.elapsed())),
            // What is left of a build is of no use; most often there is nothing.
            Err(_) => drop(fs::remove_file(&unfinished)),
        }
        built
    }

    /// Whether the program runs and is of this release.
    fn check(self, path: &Path, release: Version) -> Result<(), String> {
        let found = match self {
            Self::Etcd => Etcd::at(path).map_err(|error| error.to_string())?.version,
            Self::Etcdctl => etcdctl_version(path)?,
        };
        if found == release {
            return Ok(());
        }
        Err(format!("{} says that it is {found}, not {release}", path.display()))
    }
}

/// The release that an etcdctl says it is.
pub(super) fn etcdctl_version(path: &Path) -> Result<Version, String> {
    // Variables of etcdctl are flags to it.
    let said = Command::new(path).arg("version").env_clear().output();
    let said = said.map_err(|error| format!("cannot run {}: {error}", path.display()))?;
    let said = String::from_utf8_lossy(&said.stdout);
    Version::parse(&said).ok_or_else(|| {
        let first = said.lines().next().unwrap_or_default();
        format!("{} is not etcdctl: version printed {first:?}", path.display())
    })
}

fn go_build(go: &Path, release: Version, program: &str, output: &Path) -> Result<(), String> {
    let mut command = Command::new(go);
    command
        .args(["build", "-trimpath", "-buildvcs=false", "-mod=readonly"])
        .arg(format!("-modfile={release}.mod"))
        .arg("-o")
        .arg(output)
        .arg(format!("./{program}"))
        .current_dir(module())
        // The same program on each machine, whatever compiler and workspace are around.
        .envs([("CGO_ENABLED", "0"), ("GOWORK", "off")]);
    let ended = command.output().map_err(|error| format!("{}: {error}", go.display()))?;
    if ended.status.success() {
        return Ok(());
    }
    // Lines above the last one tell of downloads and packages.
    let said = String::from_utf8_lossy(&ended.stderr);
    let why = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given");
    Err(format!("go build ({}): {why}", ended.status))
}

fn find_go() -> Option<PathBuf> {
    // Where Go's own archive is unpacked, which often is not on PATH.
    on_path("go").or_else(|| Some(PathBuf::from("/usr/local/go/bin/go")).filter(|go| go.is_file()))
}

fn module() -> PathBuf {
    root().join("xtask/go")
}

fn cache() -> Result<PathBuf, String> {
    let folder =
        |variable| env::var_os(variable).map(PathBuf::from).filter(|dir| dir.is_absolute());
    folder("XDG_CACHE_HOME")
        .or_else(|| Some(folder("HOME")?.join(".cache")))
        .map(|dir| dir.join("etcd-api"))
        .ok_or_else(|| "no place to keep it: neither XDG_CACHE_HOME nor HOME is set".to_owned())
}

fn make_parent(file: &Path) -> Result<(), String> {
    let parent = file.parent().unwrap_or(file);
    fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGo => f.write_str("no go on PATH, nor in /usr/local/go/bin, to build it with"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_release_is_pinned_as_its_file_is_called() {
        let releases = releases().expect("the module is there");
        assert!(!releases.is_empty());
        for release in releases {
            let file = |extension| module().join(format!("{release}.{extension}"));
            let pins = fs::read_to_string(file("mod")).expect("it was listed");
            for part in ["server", "etcdctl"] {
                let pin = format!("\tgo.etcd.io/etcd/{part}/v3 v{release}\n");
                assert!(pins.contains(&pin), "{release}.mod has no {pin:?}");
            }
            assert!(file("sum").is_file(), "{release}.sum is missing");
        }
    }

    #[test]
    fn a_program_of_another_release_is_not_taken() {
        let release = Version { major: 3, minor: 7, patch: 0 };
        let error = Program::Etcdctl.check(Path::new("/bin/echo"), release).expect_err("echo");
        assert!(error.contains("/bin/echo is not etcdctl"), "{error}");
    }
}
