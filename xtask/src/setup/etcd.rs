//! Which etcds there are: named by the user, installed, or built.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use xtask::members::{Etcd, Version};

use super::debian;
use super::go::{self, Absence};
use crate::failure::{Failure, Outcome};
use crate::run::on_path;

/// The servers that speak v3.
pub(crate) struct V3 {
    /// Those that are there, oldest first, each version once.
    pub(crate) found: Vec<Etcd>,
    /// Releases that could not be built, with the reason.
    pub(crate) missing: Vec<(Version, Absence)>,
}

impl V3 {
    /// Those that the user names; else those that are installed, and each release that we build.
    pub(super) fn find(v2: Option<&Etcd>) -> Outcome<Self> {
        if let Some(list) = variable("ETCD_V3_BINS") {
            return Ok(Self { found: in_order(named_v3(&list)?), missing: Vec::new() });
        }
        let mut v3 = Self { found: Vec::new(), missing: Vec::new() };
        v3.found.extend(v2.cloned());
        v3.found.extend(installed());
        v3.found.retain(|etcd| etcd.version.serves_v3());
        for release in go::releases()? {
            if v3.found.iter().any(|etcd| etcd.version == release) {
                continue;
            }
            match go::etcd(release) {
                Ok(etcd) => v3.found.push(etcd),
                Err(why) => v3.missing.push((release, why)),
            }
        }
        v3.found = in_order(v3.found);
        Ok(v3)
    }
}

/// An etcd that serves v2, installed when there is none.
pub(crate) fn find_etcd() -> Result<Etcd, String> {
    if let Some(path) = variable("ETCD_BIN") {
        return named(Path::new(&path)).and_then(usable).map_err(|why| format!("$ETCD_BIN: {why}"));
    }
    let mut refused = Vec::new();
    for path in places() {
        match at(&path).and_then(usable) {
            Ok(etcd) => return Ok(etcd),
            Err(why) => refused.push(why),
        }
    }
    println!("no usable etcd yet ({}), installing etcd-server", refused.join("; "));
    debian::install("etcd-server").map_err(|why| format!("{}; {why}", refused.join("; ")))?;
    at(Path::new("/usr/bin/etcd")).and_then(usable)
}

/// Whether the user says which etcd the v2 tests have to take.
pub(super) fn is_named() -> bool {
    variable("ETCD_BIN").is_some()
}

/// The etcd that a user asks for by version, such as `3.7` or `3.7.3`, or by path.
///
/// Of those that match a version the newest is taken; a release of ours is built if need be.
pub(crate) fn pick(wanted: &str) -> Outcome<Etcd> {
    if !wanted.starts_with(|first: char| first.is_ascii_digit()) {
        return named(Path::new(wanted)).map_err(Failure::new);
    }
    let here = here()?;
    if let Some(etcd) = here.iter().rfind(|etcd| matches(etcd.version, wanted)) {
        return Ok(etcd.clone());
    }
    let releases = go::releases()?;
    if let Some(release) = releases.iter().rfind(|release| matches(**release, wanted)) {
        return go::etcd(*release)
            .map_err(|why| Failure::new(format!("etcd {release} is not here: {why}")));
    }
    Err(Failure::new(not_here(wanted, &here, &releases)))
}

/// The etcdctl that the user names, else the one of our newest release.
pub(super) fn find_etcdctl() -> Outcome<Result<(Version, PathBuf), Absence>> {
    if let Some(path) = variable("ETCDCTL_BIN") {
        let named = found(Path::new(&path)).and_then(|path| {
            let version = go::etcdctl_version(&path)?;
            Ok((version, path))
        });
        return named.map(Ok).map_err(|why| Failure::new(format!("$ETCDCTL_BIN: {why}")));
    }
    let Some(newest) = go::releases()?.pop() else {
        return Err(Failure::new("xtask/go pins no release of etcd"));
    };
    Ok(go::etcdctl(newest).map(|path| (newest, path)))
}

/// An etcdctl that speaks the v2 API: the one that the user names, else one that is installed.
pub(super) fn find_etcdctl_v2() -> Outcome<Result<(Version, PathBuf), String>> {
    let with_v2 = |path: PathBuf| {
        let version = go::etcdctl_version(&path)?;
        match version.serves_v2() {
            true => Ok((version, path)),
            false => Err(format!("{}: etcdctl {version} has no v2 API", path.display())),
        }
    };
    if let Some(path) = variable("ETCDCTL_V2_BIN") {
        let named = found(Path::new(&path)).and_then(with_v2);
        return named.map(Ok).map_err(|why| Failure::new(format!("$ETCDCTL_V2_BIN: {why}")));
    }
    let debian = || PathBuf::from("/usr/bin/etcdctl");
    let places = on_path("etcdctl").into_iter().chain([debian()]);
    if let Some(found) = places.into_iter().find_map(|path| with_v2(path).ok()) {
        return Ok(Ok(found));
    }
    Ok(debian::install("etcd-client").and_then(|()| with_v2(debian())))
}

/// All that can be had without building or installing, oldest first.
fn here() -> Outcome<Vec<Etcd>> {
    let mut here = installed();
    if let Some(path) = variable("ETCD_BIN") {
        here.extend(named(Path::new(&path)).ok());
    }
    if let Some(list) = variable("ETCD_V3_BINS") {
        here.extend(env::split_paths(&list).filter_map(|path| named(&path).ok()));
    }
    here.extend(go::kept()?);
    Ok(in_order(here))
}

/// Servers on PATH and where Debian has them.
fn installed() -> Vec<Etcd> {
    places().filter_map(|path| at(&path).ok()).collect()
}

fn places() -> impl Iterator<Item = PathBuf> {
    on_path("etcd").into_iter().chain([PathBuf::from("/usr/bin/etcd")])
}

fn named_v3(list: &OsString) -> Outcome<Vec<Etcd>> {
    let check = |path: PathBuf| {
        let etcd = named(&path)?;
        match etcd.version.serves_v3() {
            true => Ok(etcd),
            false => Err(format!(
                "{}: etcd {} is too old, take 3.0 or later",
                path.display(),
                etcd.version
            )),
        }
    };
    let etcds = env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).map(check);
    etcds.collect::<Result<_, _>>().map_err(|why| Failure::new(format!("$ETCD_V3_BINS: {why}")))
}

/// An etcd that the user named.
fn named(path: &Path) -> Result<Etcd, String> {
    at(&found(path)?)
}

/// A program that the user named; a name alone is looked for on PATH.
fn found(path: &Path) -> Result<PathBuf, String> {
    if path.components().count() == 1 {
        return on_path(path).ok_or_else(|| format!("no {} on PATH", path.display()));
    }
    // The tests run it from another folder.
    std::path::absolute(path).map_err(|error| error.to_string())
}

fn at(path: &Path) -> Result<Etcd, String> {
    Etcd::at(path).map_err(|error| error.to_string())
}

/// The etcd, if it serves v2.
fn usable(etcd: Etcd) -> Result<Etcd, String> {
    let why = match etcd.version {
        Version { major: 0 | 1, .. } => "is too old",
        version if !version.serves_v2() => "has no v2 API",
        _ => return Ok(etcd),
    };
    let Etcd { path, version } = etcd;
    Err(format!("{}: etcd {version} {why}, take 2.0 to 3.5", path.display()))
}

/// A variable of the environment that says something.
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// Oldest first; of one version the first that was found.
fn in_order(mut etcds: Vec<Etcd>) -> Vec<Etcd> {
    etcds.sort_by_key(|etcd| etcd.version);
    etcds.dedup_by_key(|etcd| etcd.version);
    etcds
}

/// Whether a version is the wanted one, or belongs to the wanted series.
fn matches(version: Version, wanted: &str) -> bool {
    let version = version.to_string();
    version.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn not_here(wanted: &str, here: &[Etcd], releases: &[Version]) -> String {
    let is_here = |release: &Version| here.iter().any(|etcd| etcd.version == *release);
    let to_build = releases.iter().filter(|release| !is_here(release));
    let to_build: String = to_build.map(|release| format!(", {release} (to be built)")).collect();
    let here = here.iter().map(|etcd| format!(", {} ({})", etcd.version, etcd.path.display()));
    let list = here.collect::<String>() + &to_build;
    format!("there is no etcd {wanted}; there is {}", list.trim_start_matches(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn etcd(major: u32, minor: u32, patch: u32, path: &str) -> Etcd {
        Etcd { path: path.into(), version: Version { major, minor, patch } }
    }

    #[test]
    fn etcd_2_0_to_3_5_is_usable_for_v2() {
        for (major, minor) in [(2, 0), (2, 3), (3, 0), (3, 5)] {
            assert!(usable(etcd(major, minor, 1, "/e")).is_ok());
        }
        for (minor, major, why) in [(4, 0, "too old"), (6, 3, "no v2 API")] {
            let error = usable(etcd(major, minor, 1, "/e")).expect_err("not usable");
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_version_names_itself_or_its_series() {
        let version = Version { major: 3, minor: 7, patch: 3 };
        for wanted in ["3", "3.7", "3.7.3"] {
            assert!(matches(version, wanted), "{wanted}");
        }
        for wanted in ["3.", "3.70", "3.6", "3.7.30", "7"] {
            assert!(!matches(version, wanted), "{wanted}");
        }
    }

    #[test]
    fn each_version_is_listed_once_and_oldest_first() {
        let found = [etcd(3, 7, 3, "/b"), etcd(3, 4, 23, "/a"), etcd(3, 7, 3, "/c")];
        let paths: Vec<_> = in_order(found.to_vec()).into_iter().map(|etcd| etcd.path).collect();
        assert_eq!(paths, [PathBuf::from("/a"), PathBuf::from("/b")]);
    }

    #[test]
    fn who_asks_for_what_is_not_there_is_told_what_is() {
        let here = [etcd(3, 4, 23, "/usr/bin/etcd")];
        let releases = [23, 99].map(|patch| Version { major: 3, minor: 4, patch });
        assert_eq!(
            not_here("3.8", &here, &releases),
            "there is no etcd 3.8; there is 3.4.23 (/usr/bin/etcd), 3.4.99 (to be built)"
        );
        let error = pick("9.9").expect_err("it is not there");
        assert!(error.why().starts_with("there is no etcd 9.9; there is "));
    }

    #[test]
    fn a_name_is_looked_for_on_path_and_a_path_is_not() {
        assert!(found(Path::new("sh")).is_ok_and(|path| path.is_absolute()));
        assert_eq!(found(Path::new("no-such-program")), Err("no no-such-program on PATH".into()));
        assert!(found(Path::new("./sh")).is_ok_and(|path| path.ends_with("sh")));
    }
}
