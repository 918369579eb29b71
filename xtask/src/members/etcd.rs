//! Which etcd a program is, and what that version can do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version of an etcd server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The generation: 0, 2 or 3.
    pub major: u32,
    /// The release series.
    pub minor: u32,
    /// The patch, without any pre-release mark.
    pub patch: u32,
}

impl Version {
    /// Reads what `etcd --version` prints; `None` where its first line has no version.
    pub fn parse(output: &str) -> Option<Self> {
        output.lines().next()?.split_whitespace().find_map(Self::from_word)
    }

    /// Whether this server answers below `/v2`; 3.6 removed it.
    pub fn serves_v2(self) -> bool {
        (self.major, self.minor) < (3, 6)
    }

    /// Whether this server speaks gRPC, which came with 3.0.
    pub fn serves_v3(self) -> bool {
        self.major >= 3
    }

    /// Whether the v2 API is there, yet off unless asked for.
    pub(super) fn must_enable_v2(self) -> bool {
        self.serves_v2() && (self.major, self.minor) >= (3, 4)
    }

    /// Whether `--logger` and `--log-level` are known.
    pub(super) fn has_logger_flags(self) -> bool {
        (self.major, self.minor) >= (3, 4)
    }

    /// Whether `--unsafe-no-fsync` is known, and what was written outlasts a kill.
    ///
    /// The first servers with that flag kept the log in memory (etcd pull request 12751); of 3.4, this
    /// patch was tried.
    pub(super) fn may_skip_fsync(self) -> bool {
        self >= Self { major: 3, minor: 4, patch: 23 }
    }

    fn from_word(word: &str) -> Option<Self> {
        let mut parts = word.strip_prefix('v').unwrap_or(word).splitn(3, '.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        let digits = parts.next()?.split(|c: char| !c.is_ascii_digit()).next()?;
        Some(Self { major, minor, patch: digits.parse().ok()? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// An etcd program that was asked for its version.
#[derive(Clone, Debug)]
pub struct Etcd {
    /// Where the program is.
    pub path: PathBuf,
    /// What `--version` said.
    pub version: Version,
}

impl Etcd {
    /// Runs `PATH --version` and remembers the answer.
    pub fn at(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let output = clean_command(&path).arg("--version").output().map_err(|error| {
            io::Error::new(error.kind(), format!("cannot run {}: {error}", path.display()))
        })?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = Version::parse(&text).ok_or_else(|| {
            let (said, path) = (text.lines().next().unwrap_or_default(), path.display());
            io::Error::other(format!("{path} is not etcd: --version printed {said:?}"))
        })?;
        Ok(Self { path, version })
    }
}

/// A command without the `ETCD_…` variables, which etcd would read as flags.
pub(super) fn clean_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ETCD_") {
            command.env_remove(name);
        }
    }
    // etcd before 3.5 refuses to start elsewhere than on amd64 unless told that we know.
    if std::env::consts::ARCH == "aarch64" {
        command.env("ETCD_UNSUPPORTED_ARCH", "arm64");
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(major: u32, minor: u32, patch: u32) -> Version {
        Version { major, minor, patch }
    }

    #[test]
    fn versions_are_read_from_what_etcd_prints() {
        let cases = [
            ("etcd Version: 3.4.23\nGit SHA: Not provided\nGo Version: go1.19.8\n", (3, 4, 23)),
            ("etcd Version: 2.3.8\n", (2, 3, 8)),
            ("etcd Version: 3.6.0-rc.2\n", (3, 6, 0)),
            ("etcd Version: 3.5.16+dfsg\n", (3, 5, 16)),
            ("etcd version v0.4.9\n", (0, 4, 9)),
        ];
        for (output, (major, minor, patch)) in cases {
            assert_eq!(Version::parse(output), Some(version(major, minor, patch)), "{output}");
        }
        for output in ["", "etcd", "usage: foo [1.2]\n", "\n3.4.23"] {
            assert_eq!(Version::parse(output), None, "{output:?}");
        }
    }

    #[test]
    fn fsync_is_skipped_where_that_loses_nothing() {
        for (v, may_skip) in [((3, 4, 22), false), ((3, 4, 23), true), ((3, 5, 0), true)] {
            let (major, minor, patch) = v;
            assert_eq!(version(major, minor, patch).may_skip_fsync(), may_skip, "{v:?}");
        }
    }

    #[test]
    fn v2_ends_with_3_5() {
        for (v, serves, must_enable) in [
            (version(2, 0, 0), true, false),
            (version(3, 3, 27), true, false),
            (version(3, 4, 0), true, true),
            (version(3, 5, 99), true, true),
            (version(3, 6, 0), false, false),
        ] {
            assert_eq!((v.serves_v2(), v.must_enable_v2()), (serves, must_enable), "{v}");
        }
    }
}
