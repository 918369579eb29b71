//! Programs of C, built and run.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// What a source is compiled as.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Language {
    C,
    Cxx,
}

/// A program, in a folder that goes with it.
pub(crate) struct Program {
    folder: TempDir,
    name: String,
}

impl Program {
    /// A program of the tests.
    pub(crate) fn of_tests(name: &str, language: Language) -> Self {
        Self::build(&crate_folder().join("tests/programs").join(name), language)
    }

    /// A program that is shown to users.
    pub(crate) fn of_examples(name: &str, language: Language) -> Self {
        Self::build(&crate_folder().join("examples").join(name), language)
    }

    fn build(source: &Path, language: Language) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Programs look for the name that the library says it has.
        symlink(library_folder().join("libetcd.so"), folder.path().join("libetcd.so.0")).unwrap();
        let mut compile = match language {
            Language::C => Command::new("cc"),
            Language::Cxx => Command::new("c++"),
        };
        match language {
            Language::C => compile.args(["-std=c99", "-pedantic", "-D_POSIX_C_SOURCE=200809L"]),
            // Old interfaces take texts that they do not change as char *.
            Language::Cxx => compile.args(["-x", "c++", "-Wno-write-strings"]),
        };
        compile
            .args(["-Wall", "-Wextra", "-Werror", "-g", "-I"])
            .arg(crate_folder().join("include"));
        compile.arg(source).args(["-x", "none", "-pthread", "-L"]).arg(library_folder());
        let name = source.file_stem().unwrap().to_string_lossy().into_owned();
        compile.args(["-letcd", "-o"]).arg(folder.path().join(&name));
        passed(&compile.output().unwrap(), &format!("{compile:?}"));
        Self { folder, name }
    }

    /// The program, to be run.
    pub(crate) fn command(&self) -> Command {
        self.with_library(Command::new(self.path()))
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    fn with_library(&self, mut command: Command) -> Command {
        command.env("LD_LIBRARY_PATH", self.folder.path());
        command
    }

    /// Runs it to its end, which has to be a good one.
    pub(crate) fn succeeds(&self, arguments: &[&str]) {
        let output = self.command().args(arguments).output().unwrap();
        assert_eq!(passed(&output, &format!("{} {arguments:?}", self.name)), "ok\n");
    }

    /// Likewise, with no error of memory and nothing definitely lost.
    pub(crate) fn succeeds_under_valgrind(&self, arguments: &[&str]) {
        let mut valgrind = self.with_library(Command::new("valgrind"));
        valgrind.args(["--quiet", "--error-exitcode=9", "--leak-check=full"]);
        valgrind.args(["--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"]);
        let output = valgrind.arg(self.path()).args(arguments).output().unwrap();
        assert_eq!(passed(&output, &format!("{} {arguments:?}", self.name)), "ok\n");
    }
}

fn passed(output: &Output, what: &str) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {}: {said}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Also where the tests of another crate include this.
fn crate_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("etcd-capi")
}

/// Where cargo leaves the shared library that it builds for the tests: beside them.
pub(crate) fn library_folder() -> PathBuf {
    let folder = env::current_exe().unwrap().parent().unwrap().to_owned();
    assert!(folder.join("libetcd.so").exists(), "no libetcd.so in {}", folder.display());
    folder
}

/// The functions that the header declares, sorted.
pub(crate) fn declared() -> Vec<String> {
    let header = fs::read_to_string(crate_folder().join("include/etcd-api.h")).unwrap();
    let names = header.lines().filter(|line| !line.starts_with([' ', '#', '/', '}', '*']));
    let name = |line: &str| {
        let before = line.split_once('(')?.0;
        Some(before.rsplit([' ', '*']).next()?.to_owned())
    };
    let mut names: Vec<_> =
        names.filter_map(name).filter(|name| name.starts_with("etcd_")).collect();
    names.sort();
    names
}
