//! Does the check find what it is there to find? Violations are planted in a copy.

use std::fs;
use std::path::{Path, PathBuf};

use super::table::{PRIVATE, ROOMS, Room};
use super::workspace::Workspace;
use super::{Findings, dependencies, rooms};
use crate::failure::{Failure, Outcome};
use crate::source::rust_files;

/// A manifest, a dependency that it may not have, and how the complaint has to begin.
const DEPENDENCIES: &[(&str, &str, &str)] = &[
    ("crates/etcd-proto/Cargo.toml", "tokio.workspace = true", "etcd-proto reaches tokio"),
    (
        "crates/etcd-test-cli/Cargo.toml",
        "etcd-transport.workspace = true",
        "etcd-test-cli depends on etcd-transport directly",
    ),
    ("xtask/Cargo.toml", "etcd-proto.workspace = true", "xtask depends on etcd-proto:"),
];

/// What reads like a violation and is none.
const INNOCENT: &str = "//! Unlike [`tokio::spawn`].\n/* use tokio::time; */\n\
    pub fn f() -> &'static str { \"tokio::spawn(crate::v2::x)\" }\n\
    #[cfg(test)]\nmod tests {\n    use tokio::time::sleep;\n}\n";

/// Plants a violation of each rule in a copy of the repository and looks for each.
///
/// Nothing innocent may be blamed, and no room may go away unnoticed.
pub(super) fn run(root: &Path) -> Outcome {
    let copy = Copy::of(root)?;
    let modules = plant_mentions(&copy, root)?;
    let packages = plant_dependencies(&copy, root)?;
    plant_innocent(&copy)?;
    rename_a_room(&copy)?;
    println!("found all planted violations: {modules} mentions and {packages} dependencies");
    Ok(())
}

/// Each module of each room is given a file of its own that mentions all that it may not know.
fn plant_mentions(copy: &Copy, root: &Path) -> Outcome<usize> {
    let is_built = |room: &&Room| root.join("crates").join(room.package).join("src").is_dir();
    let mut planted = Vec::new();
    for room in ROOMS.iter().filter(is_built) {
        let dir = Path::new("crates").join(room.package).join("src");
        if room.may_not_know.contains(&PRIVATE) {
            let lib = dir.join("lib.rs");
            copy.write(&lib, &(fs::read_to_string(root.join(&lib))? + "\nmod planted;\n"))?;
        }
        let paths = room.may_not_know.iter().map(|path| path.replace(PRIVATE, "crate::planted"));
        let source: String = paths.map(|path| format!("use {path}::planted;\n")).collect();
        for module in room.modules {
            // Rooms may share a folder.
            let name = format!("planted{}.rs", planted.len());
            let file = dir.join(module.replace("::", "/")).join(name);
            copy.write(&file, &source)?;
            planted.push((room, file));
        }
    }
    let blamed = blame(copy)?;
    planted.iter().try_for_each(|(room, file)| expect_each(room, file, &blamed))?;
    planted.iter().try_for_each(|(_, file)| copy.remove(file))?;
    Ok(planted.iter().map(|(room, _)| room.may_not_know.len()).sum())
}

/// The line of each forbidden path has to be blamed for it.
fn expect_each(room: &Room, file: &Path, blamed: &[String]) -> Outcome {
    let (file, name) = (file.display(), room.name());
    for (index, forbidden) in room.may_not_know.iter().enumerate() {
        let expected = format!("{file}:{}: {name} may not know {forbidden}:", index + 1);
        if !blamed.iter().any(|violation| violation.starts_with(&expected)) {
            return Err(Failure::new(format!("planted and not found: {expected}")));
        }
    }
    Ok(())
}

/// Each dependency is planted in its Cargo.toml alone.
fn plant_dependencies(copy: &Copy, root: &Path) -> Outcome<usize> {
    for (manifest, line, expected) in DEPENDENCIES {
        let text = fs::read_to_string(root.join(manifest))?;
        let with_line = text.replacen("[dependencies]\n", &format!("[dependencies]\n{line}\n"), 1);
        copy.write(Path::new(manifest), &with_line)?;
        let package = expected.split(' ').next().unwrap_or_default();
        let blamed = dependencies::violations(package, &copy.0)?;
        copy.write(Path::new(manifest), &text)?;
        if !blamed.iter().any(|violation| violation.starts_with(expected)) {
            return Err(Failure::new(format!("planted and not found: {line} in {manifest}")));
        }
    }
    Ok(DEPENDENCIES.len())
}

fn plant_innocent(copy: &Copy) -> Outcome {
    let file = Path::new("crates/etcd-proto/src/tree/planted.rs");
    copy.write(file, INNOCENT)?;
    let prefix = format!("{}:", file.display());
    match blame(copy)?.iter().find(|violation| violation.starts_with(&prefix)) {
        None => Ok(()),
        Some(violation) => Err(Failure::new(format!("an innocent file was blamed: {violation}"))),
    }
}

/// A room that went away under its rule has to be missed.
fn rename_a_room(copy: &Copy) -> Outcome {
    let src = copy.0.join("crates/etcd-proto/src");
    fs::rename(src.join("ids.rs"), src.join("numbers.rs"))?;
    let mut findings = Findings::default();
    rooms::check(&Workspace::read(&copy.0)?, &mut findings);
    if findings.missing.iter().any(|missing| missing.starts_with("etcd-proto::ids,")) {
        return Ok(());
    }
    Err(Failure::new("renamed and not missed: etcd-proto::ids"))
}

/// What the rooms say against the copy.
fn blame(copy: &Copy) -> Outcome<Vec<String>> {
    let mut findings = Findings::default();
    rooms::check(&Workspace::read(&copy.0)?, &mut findings);
    Ok(findings.violations)
}

/// A copy of the manifests and sources, removed when dropped.
struct Copy(PathBuf);

impl Copy {
    fn of(root: &Path) -> Outcome<Self> {
        let name = format!("xtask-layers-{}", std::process::id());
        let copy = Self(std::env::temp_dir().join(name));
        for file in files_to_copy(root)? {
            let text = fs::read_to_string(root.join(&file))?;
            copy.write(&file, &text)?;
        }
        Ok(copy)
    }

    fn write(&self, file: &Path, text: &str) -> Outcome {
        let file = self.0.join(file);
        if let Some(dir) = file.parent() {
            fs::create_dir_all(dir)?;
        }
        Ok(fs::write(file, text)?)
    }

    fn remove(&self, file: &Path) -> Outcome {
        Ok(fs::remove_file(self.0.join(file))?)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // A folder left in the temporary one does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What cargo and the check read: manifests and Rust sources, relative to the root.
fn files_to_copy(root: &Path) -> Outcome<Vec<PathBuf>> {
    let mut packages = vec![root.join("xtask")];
    for entry in fs::read_dir(root.join("crates"))? {
        packages.push(entry?.path());
    }
    let mut files = vec![root.join("Cargo.toml"), root.join("Cargo.lock")];
    for package in packages.iter().filter(|package| package.join("Cargo.toml").is_file()) {
        files.push(package.join("Cargo.toml"));
        files.extend(rust_files(package)?);
    }
    Ok(files.iter().filter_map(|file| Some(file.strip_prefix(root).ok()?.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use crate::failure::Failure;

    #[test]
    fn every_planted_violation_is_found() {
        if let Err(Failure::Usage(why) | Failure::Failed(why)) = super::run(crate::run::root()) {
            panic!("{why}");
        }
    }
}
